"""The spec's `kubernetes` section: what `signalbox render` needs to know that no other place of deployment has.

Nothing here changes what the fleet does: it stays out of the Serve config, so that a new node selector restarts no
replica by itself.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from cluster.kubernetes.patches import PodPatch
from cluster.kubernetes.pods import GatewayNodesSpec, HeadSpec, NodesSpec
from cluster.kubernetes.storage import RedisSpec, VolumeSpec, WeightsSpec
from cluster.kubernetes.traffic import ExposeSpec, UpgradeSpec
from cluster.kubernetes.values import Image, Key, LabelValue, ObjectName, PodLabel, Variable, WebPage
from cluster.part import Name, Part, Text
from cluster.problems import Problems


class MonitoringSpec(Part):
    """What the Prometheus operator and Grafana's sidecar find."""

    enabled: bool = True
    """Whether PodMonitors, alert rules and dashboards are rendered. They need the Prometheus operator's definitions."""
    labels: dict[Key, LabelValue] = Field(default={"release": "prometheus"})
    """Labels by which the Prometheus operator selects PodMonitors and rules."""
    namespace: Name = "monitoring"
    """Namespace of Prometheus: its pods may read the metrics ports."""
    runbooks: WebPage | None = None
    """Address of the page docs/alerts.md where your people can read it. Alerts then link to their section
    (`runbook_url`). None: alerts name the first step only."""
    interval_s: int = Field(default=15, ge=5, le=300)
    """How often Prometheus reads metrics, in seconds."""


class DevSpec(Part):
    """The small deployment of `overlays/dev`: same pools, no Redis, no second cluster for upgrades."""

    max_replicas: int = Field(default=1, ge=1, le=10_000)
    """Maximum replicas of a pool there, unless its `replicas.min` is larger."""


class KubernetesSpec(Part):
    """How the fleet is deployed on Kubernetes with KubeRay (docs/deploy.md)."""

    image: Image = "signalbox:0.1.0"
    """Image of all Ray pods: built from k8s/Dockerfile, with your registry in front."""
    image_pull_secret: ObjectName | None = None
    """Secret with the registry's password. None: the registry needs none."""
    namespace: Name | None = None
    """Namespace of `overlays/prod`; `overlays/dev` takes it with `-dev`. None: the fleet's name."""
    create_namespace: bool | None = None
    """Whether the Namespace is rendered, with its pod security standard. `kubectl delete -k` then deletes it with
    everything in it. None: only if `namespace` names none."""
    operator_namespace: Name = "ray-system"
    """Namespace of the KubeRay operator (its own guide takes this one): it may reach the head's dashboard."""
    hf_token_secret: ObjectName = "hf-token"
    """Secret whose key `token` downloads gated models. Pods start without it."""
    environment_secret: ObjectName | None = None
    """Secret whose keys become environment variables of all Ray pods: credentials of an object store (models named
    `s3://...`), keys of remote pools."""
    env: dict[Variable, Text] = Field(default={})
    """Environment variables of all Ray pods and of the download, such as HTTPS_PROXY or NCCL_SOCKET_IFNAME. Use
    `environment_secret` for secrets."""
    labels: dict[PodLabel, LabelValue] = Field(default={})
    """Labels of all Ray pods, such as a team's name."""
    annotations: dict[Key, str] = Field(default={})
    """Annotations of all Ray pods, such as `sidecar.istio.io/inject`."""
    priority_class: ObjectName | None = None
    """PriorityClass of all Ray pods. None: the cluster's default."""
    runtime_class: ObjectName | None = None
    """RuntimeClass of pods with devices, such as `nvidia`. None: the container runtime's default."""
    pod_patch: PodPatch = Field(default={})
    """Merged into the pod templates of all workers, for what no field covers: sidecars, volumes, capabilities,
    affinity. `{metadata: {...}, spec: {...}}` merges as `kubectl patch` does: containers, volumes and variables by
    name, null removes a key. Ray's container is `ray-worker`."""
    head_patch: PodPatch = Field(default={})
    """The same for the pod of Ray's head. Ray's container is `ray-head`."""
    head: HeadSpec = HeadSpec()
    """Ray's head."""
    gateways: GatewayNodesSpec = GatewayNodesSpec()
    """Where gateways run."""
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

    @property
    def creates_namespace(self) -> bool:
        """Whether the Namespace is rendered."""
        return self.namespace is None if self.create_namespace is None else self.create_namespace

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """While traffic moves in steps there are two services, and only KubeRay's own Gateway knows their shares."""
        if self.upgrade.gateway_class and self.expose.kind != "none":
            raise Problems(
                {"expose.kind": "KubeRay creates its own Gateway for incremental upgrades: use none, and that Gateway"}
            )
        return self
