"""The spec's `kubernetes` section: what `signalbox render` needs to know that no other place of deployment has.

Nothing here changes what the fleet does: it stays out of the Serve config, so that a new node selector restarts no
replica by itself.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cluster.part import Name, Part, Text
from cluster.problems import Problems, shown


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(Mi|Gi|Ti)", value):
        raise ValueError(f"invalid value {shown(value)}, use a size such as 500Gi")
    return value


def _object_name(value: str) -> str:
    """A DNS subdomain, as Kubernetes names most objects."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", value):
        raise ValueError(f"invalid value {shown(value)}, use lower-case letters, digits, inner dots and hyphens")
    return value


def _node_path(value: str) -> str:
    """Not `~/...`: a pod's home is its own."""
    if not value.startswith("/"):
        raise ValueError(f"invalid value {shown(value)}, use an absolute path, such as /mnt/disks/ssd0")
    return value


Quantity = Annotated[str, AfterValidator(_size)]
ObjectName = Annotated[str, AfterValidator(_object_name)]
NodePath = Annotated[str, AfterValidator(_node_path)]
Upgrade = Literal["NewCluster", "NewClusterWithIncrementalUpgrade", "None"]


class TolerationSpec(Part):
    """A taint of nodes that pods tolerate."""

    key: Text
    """The taint's key."""
    value: str | None = None
    """The taint's value. None: any."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """The taint's effect."""


class NodesSpec(Part):
    """One kind of hardware as Kubernetes sees it. A pod has all devices of a node."""

    cpus: int | None = Field(default=None, ge=1, le=1_000)
    """CPUs of a pod. None: three per device and one for the node, a little less than the smallest clouds' machines
    have; of `cpu` hardware one per rank."""
    memory_gib: int | None = Field(default=None, ge=1, le=100_000)
    """Memory of a pod in GiB, /dev/shm included. None: half of the devices' memory, at least 12 per device; of `cpu`
    hardware what its ranks may use and 2."""
    shm_gib: int | None = Field(default=None, ge=1, le=10_000)
    """Size limit of /dev/shm in GiB, where ranks exchange tensors and Ray keeps objects. None: 2 per device and 1."""
    device_resource: Text | None = None
    """The device plugin's resource. None: the device's, such as `nvidia.com/gpu`."""
    node_selector: dict[Text, str] | None = None
    """Labels of the Kubernetes nodes to run on. None: `signalbox/hardware` with the hardware's name, a label that you
    give your node pool (docs/deploy.md)."""
    tolerations: tuple[TolerationSpec, ...] | None = Field(default=None, strict=False)
    """Taints that pods tolerate. None: the device resource's own, such as `nvidia.com/gpu`, with effect NoSchedule."""


class HeadSpec(Part):
    """The pod of Ray's head: control, dashboard, autoscaler, and gateways while there is no other node."""

    cpus: int = Field(default=4, ge=1, le=1_000)
    """CPUs of the pod."""
    memory_gib: int = Field(default=16, ge=4, le=10_000)
    """Memory of the pod in GiB, /dev/shm included."""
    node_selector: dict[Text, str] = Field(default={})
    """Labels of the Kubernetes nodes to run on; use labels that keep the head off GPU machines."""
    tolerations: tuple[TolerationSpec, ...] = Field(default=(), strict=False)
    """Taints that the pod tolerates."""


class VolumeSpec(Part):
    """A folder that outlives pods: a claim, an existing claim, or a folder of the node's own disk."""

    size: Quantity = "100Gi"
    """Size of the claim that is rendered."""
    storage_class: ObjectName | None = None
    """Storage class of the claim; it must support ReadWriteMany, since every node mounts it. None: the cluster's
    default, which often does not: `kubectl get storageclass`."""
    claim: ObjectName | None = None
    """An existing PersistentVolumeClaim to use; then none is rendered."""
    host_path: NodePath | None = None
    """A folder on each node's own disk: fast, not shared, and forbidden by Kubernetes' stricter pod standards."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.claim and self.host_path:
            raise Problems(host_path="claim and host_path are two volumes: use only one of them")
        return self


class WeightsSpec(VolumeSpec):
    """Where nodes keep the weights of models that are named by a hub id."""

    size: Quantity = "500Gi"
    """Size of the claim that is rendered: all models of the fleet, and room for the next ones."""
    mount: NodePath = "/models"
    """Where pods see the volume. Hub ids are read from its `huggingface/hub`, and model folders may be anywhere below
    it. With a `cache_folder`, hub ids are read from there instead."""


class RedisSpec(Part):
    """Where Ray's head keeps its state, so that its pod can be replaced while nodes keep serving."""

    address: Text | None = None
    """`HOST:PORT` of an existing Redis or Valkey. None: `signalbox render` adds one, with a volume."""
    password_secret: ObjectName | None = None
    """Secret whose key `password` is the password. None: the fleet's name with `-redis`."""
    image: Text = "valkey/valkey:8.1.8-alpine"
    """Image of the rendered Redis: Valkey speaks Redis' protocol under a free licence."""
    size: Quantity = "2Gi"
    """Size of its volume: Ray writes kilobytes per actor."""
    storage_class: ObjectName | None = None
    """Storage class of its volume. None: the cluster's own default."""


class UpgradeSpec(Part):
    """How changes take effect: changes of pods by `strategy`, all others by replacing replicas in place."""

    strategy: Upgrade = "NewCluster"
    """`NewCluster`: a second cluster of full size, then all traffic at once. `NewClusterWithIncrementalUpgrade`:
    traffic and replicas move step by step, which needs a Gateway API controller. `None`: nothing changes until the
    cluster is deleted by hand."""
    gateway_class: ObjectName | None = None
    """GatewayClass that shifts the traffic; only for NewClusterWithIncrementalUpgrade."""
    step_percent: int = Field(default=10, ge=1, le=100)
    """Traffic that moves in one step, in percent."""
    interval_s: int = Field(default=60, ge=1, le=86_400)
    """Time between steps in seconds."""
    surge_percent: int = Field(default=100, ge=1, le=100)
    """Capacity that may run beyond the old cluster's while traffic moves, in percent."""
    replica_surge_percent: int = Field(default=25, ge=0, le=100)
    """Replicas of a pool, in percent and at least one, that start before their predecessors stop. They need devices:
    if none are free and `hardware.nodes` is reached, the change waits. 0 stops first, so a pool with one replica is
    down until its new replica has started."""

    @model_validator(mode="after")
    def _incremental_has_its_gateway(self) -> Self:
        incremental = self.strategy == "NewClusterWithIncrementalUpgrade"
        if incremental and self.gateway_class is None:
            raise Problems(gateway_class="is missing: moving traffic in steps needs one, such as istio")
        if not incremental and self.gateway_class is not None:
            raise Problems(gateway_class=f"strategy {self.strategy} does not use it: remove it")
        return self


class ExposeSpec(Part):
    """How clients outside of the Kubernetes cluster reach the endpoint."""

    kind: Literal["none", "ingress", "gateway"] = "none"
    """`none`: only a service inside the cluster. `ingress`: an Ingress. `gateway`: a Gateway API Gateway with its
    HTTPRoute."""
    host: ObjectName | None = None
    """Host name of the endpoint, such as llm.example.com."""
    tls_secret: ObjectName | None = None
    """Secret of type kubernetes.io/tls with the host's certificate. None: plain HTTP."""
    class_name: ObjectName | None = None
    """IngressClass or GatewayClass. None: the cluster's default IngressClass; a Gateway needs one."""
    annotations: dict[Text, str] = Field(default={})
    """Annotations of the Ingress or Gateway, such as its controller's own timeouts: streams take minutes."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        problems = {}
        if self.kind == "none":
            written = {"host": self.host, "tls_secret": self.tls_secret, "class_name": self.class_name}
            problems = {
                name: "kind none does not use it: use kind ingress or gateway" for name in written if written[name]
            }
        elif self.host is None:
            problems["host"] = "is missing: use the endpoint's host name, such as llm.example.com"
        if self.kind == "gateway" and self.class_name is None:
            problems["class_name"] = "is missing: use the GatewayClass of your controller, such as istio"
        if problems:
            raise Problems(problems)
        return self


class MonitoringSpec(Part):
    """What the Prometheus operator and Grafana's sidecar find."""

    enabled: bool = True
    """Whether PodMonitors, alert rules and dashboards are rendered. They need the Prometheus operator's definitions."""
    labels: dict[Text, str] = Field(default={"release": "prometheus"})
    """Labels by which the Prometheus operator selects PodMonitors and rules."""
    namespace: Name = "monitoring"
    """Namespace of Prometheus: its pods may read the metrics ports."""
    interval_s: int = Field(default=15, ge=5, le=300)
    """How often Prometheus reads metrics, in seconds."""


class DevSpec(Part):
    """The small deployment of `overlays/dev`: same pools, no Redis, no second cluster for upgrades."""

    max_replicas: int = Field(default=1, ge=1, le=10_000)
    """Maximum replicas of a pool there, unless its `replicas.min` is larger."""


class KubernetesSpec(Part):
    """How the fleet is deployed on Kubernetes with KubeRay (docs/deploy.md)."""

    image: Text = "signalbox:0.1.0"
    """Image of all Ray pods: built from k8s/Dockerfile, with your registry in front."""
    image_pull_secret: ObjectName | None = None
    """Secret with the registry's password. None: the registry needs none."""
    namespace: Name | None = None
    """Namespace of `overlays/prod`; `overlays/dev` takes it with `-dev`. None: the fleet's name."""
    operator_namespace: Name = "ray-system"
    """Namespace of the KubeRay operator (its own guide takes this one): it may reach the head's dashboard."""
    hf_token_secret: ObjectName = "hf-token"
    """Secret whose key `token` downloads gated models. Pods start without it."""
    environment_secret: ObjectName | None = None
    """Secret whose keys become environment variables of all Ray pods: credentials of an object store (models named
    `s3://...`), keys of remote pools."""
    head: HeadSpec = HeadSpec()
    """Ray's head."""
    hardware: dict[Name, NodesSpec] = Field(default={})
    """Kinds of nodes by their name in the spec's `hardware`; a kind that is left out has the defaults."""
    weights: WeightsSpec | None = WeightsSpec()
    """The weights' volume. None: models come from an object store, the image, or are downloaded by each pod."""
    cache: VolumeSpec = VolumeSpec()
    """The volume at the spec's `cache_folder`, if it names one."""
    state: VolumeSpec = VolumeSpec(size="10Gi")
    """The volume at `routing.state_folder`, if the spec names it."""
    redis: RedisSpec | None = RedisSpec()
    """The head's memory in `overlays/prod`. None: the fleet restarts if the head's pod is lost."""
    idle_timeout_s: int = Field(default=600, ge=10, le=86_400)
    """How long a node stays without a replica, in seconds: long enough for the next scale-up, since a new node takes
    minutes."""
    upgrade: UpgradeSpec = UpgradeSpec()
    """Replacing pods without an outage."""
    expose: ExposeSpec = ExposeSpec()
    """How clients reach the endpoint."""
    monitoring: MonitoringSpec = MonitoringSpec()
    """Metrics, alerts and dashboards."""
    dev: DevSpec = DevSpec()
    """The small deployment for tests."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """While traffic moves in steps there are two services, and only KubeRay's own Gateway knows their shares."""
        if self.upgrade.gateway_class and self.expose.kind != "none":
            raise Problems(
                {"expose.kind": "KubeRay creates its own Gateway for incremental upgrades: use none, and that Gateway"}
            )
        return self
