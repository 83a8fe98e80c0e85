"""Traffic in the `kubernetes` section: how it moves during upgrades, and how it comes in."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cluster.kubernetes.values import Key, ObjectName
from cluster.part import Part
from cluster.problems import Problems

Upgrade = Literal["NewCluster", "NewClusterWithIncrementalUpgrade", "None"]


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
    annotations: dict[Key, str] = Field(default={})
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
