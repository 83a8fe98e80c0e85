"""The fleet spec: one YAML file describes pools, hardware, routing, scaling and the gateway.

Everything is frozen and refuses unknown keys. Units are in the names: `_s` seconds, `_gib` 2**30 bytes,
`_per_mtok` price per million tokens. Reading a file with field-path errors is `cluster.loading`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cluster.hardware import HardwareSpec as HardwareSpec
from cluster.kubernetes import KubernetesSpec
from cluster.part import Name, Part, Text
from cluster.pool import TIERS, PoolSpec, ReplicasSpec, pool_names
from cluster.problems import Problems, did_you_mean
from cluster.routing import RoutingSpec, Wishes
from cluster.scaling import ScalingSpec as ScalingSpec
from cluster.sharing import devices_taken
from cluster.wish import AUTO, is_auto

MAX_BODY_BYTES = 64_000_000
"""The largest `max_body_bytes`: a request has to fit into one message between gateway and replica."""


def _whole_path(value: str) -> str:
    if not value.startswith(("/", "~/")):
        raise ValueError(f"invalid value '{value}', use an absolute path that exists on every node, such as /mnt/cache")
    return value


class ApiKeySpec(Part):
    """One client of the endpoint. No file contains the key, only its SHA-256."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the key, in hexadecimal: `printf %s KEY | sha256sum`."""
    default: Wishes = "auto"
    """Preferences of this client's requests that state none, such as `auto:cheap`."""
    admin: bool = False
    """Whether this client may change how the fleet routes (`/v1/router`)."""


class GatewaySpec(Part):
    """The endpoint: limits, timeouts and priorities."""

    port: int = Field(default=8000, ge=1, le=65535)
    """HTTP port of the endpoint."""
    replicas: ReplicasSpec = ReplicasSpec(min=1, max=1)
    """Gateway replicas. On Kubernetes two if the spec has no number."""
    max_body_bytes: int = Field(default=4_000_000, ge=1_000, le=MAX_BODY_BYTES)
    """Larger request bodies are rejected with 413."""
    max_ongoing_per_replica: int = Field(default=1_000, ge=1)
    """Requests one gateway replica holds at a time."""
    request_timeout_s: float = Field(default=600.0, gt=0)
    """Deadline of a whole request, from its arrival to its last byte."""
    first_token_timeout_s: float = Field(default=120.0, gt=0)
    """Deadline for the first byte of an answer, queueing included."""
    priorities: dict[Text, int] = Field(default={"interactive": 0, "normal": 10, "batch": 20})
    """Names a request may give in the `x-signalbox-priority` header; lower numbers are served first."""
    default_priority: str = "normal"
    """Priority of a request that names none."""
    api_keys: dict[Name, ApiKeySpec] = Field(default={})
    """Clients by name. With any, requests without a known key (`Authorization: Bearer KEY`) are rejected with 401."""

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default_priority not in self.priorities:
            raise Problems(
                default_priority=f"invalid value '{self.default_priority}', use one of the priorities: "
                f"{', '.join(self.priorities)}"
            )
        return self

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        """A key identifies one client."""
        owners: dict[str, str] = {}
        for name, key in self.api_keys.items():
            if key.sha256 in owners:
                message = f"is the key of {owners[key.sha256]} too: use the SHA-256 of another key"
                raise Problems({f"api_keys.{name}.sha256": message})
            owners[key.sha256] = name
        return self


LogLevel = Literal["debug", "info", "warning", "error"]


class FleetSpec(Part):
    """The whole fleet."""

    name: Name = "signalbox"
    """Name of the Serve application and of what is rendered from this spec."""
    pools: dict[Name, PoolSpec] = Field(min_length=1)
    """Pools by name."""
    hardware: dict[Name, HardwareSpec] = Field(default={"cpu": HardwareSpec()}, min_length=1)
    """Kinds of nodes by name."""
    routing: RoutingSpec = RoutingSpec()
    """How `model: auto` chooses a pool."""
    scaling: ScalingSpec = ScalingSpec()
    """When pools scale up and down."""
    gateway: GatewaySpec = GatewaySpec()
    """The endpoint."""
    cache_folder: Annotated[str, AfterValidator(_whole_path)] | None = None
    """Folder where replicas keep downloaded weights and compiled code, so that later starts are faster. It outlives
    replicas; on Kubernetes it is on a volume that every node mounts (docs/cold-start.md). None: each library's default
    folder in the home directory or in /tmp, which a container loses."""
    log_level: LogLevel = "info"
    """The lowest level of Signalbox's own log lines that gateways, replicas, the fleet board and the scaling policy
    write. `signalbox logs` shows them."""
    kubernetes: KubernetesSpec = KubernetesSpec()
    """Settings of `signalbox render`; nothing else reads them."""

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        """Every pool has its hardware, and every name a request may give means one thing."""
        problems = {}
        owners = {AUTO: "the router's choice"}
        for pool_name, pool in self.pools.items():
            try:
                if pool.devices:
                    self.hardware_name(pool_name)
            except ValueError as error:
                problems[f"pools.{pool_name}.hardware"] = str(error)
            for name, field in pool_names(pool_name, pool).items():
                if name in owners or is_auto(name) or (name in TIERS and name not in (pool_name, pool.tier)):
                    taken = owners.get(AUTO if is_auto(name) else name, f"the tier {name}")
                    problems[f"pools.{pool_name}{field}"] = f"the name '{name}' already means {taken}: use another name"
                owners.setdefault(name, f"pool {pool_name}")
        shadow, learn = self.routing.shadow, self.routing.learn
        named = {
            "routing.shadow.pool": shadow.pool if shadow else None,
            "routing.learn.judge": learn.judge if learn else None,
        }
        for field, wanted in named.items():
            if wanted is not None and wanted not in self.pools:
                problems[field] = f"invalid value '{wanted}', {did_you_mean(wanted, self.pools)}"
        if problems:
            raise Problems(problems)
        return self

    @model_validator(mode="after")
    def _devices_are_served(self) -> Self:
        """Engines run on CPUs and on GPUs that torch's `cuda` device covers, and only GPUs are shared."""
        problems = {}
        for name, pool in self.pools.items():
            if not pool.devices:
                continue
            device = self.hardware_of(name).device
            if pool.engine.traits.hosts_weights and not device.is_served:
                problems[f"pools.{name}.hardware"] = (
                    f"no engine here runs on a {device.name}: use NVIDIA or AMD GPUs, or start vLLM's own server there "
                    "and use kind remote"
                )
            if pool.gpu_fraction < 1 and device.ray_resource != "GPU":
                problems[f"pools.{name}.gpu_fraction"] = f"replicas cannot share a {device.name}: remove it"
        if problems:
            raise Problems(problems)
        return self

    @model_validator(mode="after")
    def _budget_means_something(self) -> Self:
        """A share needs a large tier, and a cost needs prices."""
        budget, pools = self.routing.budget, self.pools.values()
        if budget is None:
            return self
        if budget.large_share is not None and not any(pool.tier == "large" for pool in pools):
            raise Problems({"routing.budget.large_share": "no pool has tier large: use mean_cost, or add such a pool"})
        priced = any(pool.prices.input_per_mtok or pool.prices.output_per_mtok for pool in pools)
        if budget.mean_cost is not None and not priced:
            raise Problems({"routing.budget.mean_cost": "no pool has token prices: add prices, or use large_share"})
        return self

    @model_validator(mode="after")
    def _devices_go_round(self) -> Self:
        """Priorities name pools, and the device budget holds the replicas that are always there."""
        problems = {}
        for name in self.scaling.priorities:
            if name not in self.pools:
                problems[f"scaling.priorities.{name}"] = f"no such pool, {did_you_mean(name, self.pools)}"
        budget = self.scaling.device_budget
        floor = devices_taken(
            (self.hardware_name(name), pool.device_share, pool.replicas.min)
            for name, pool in self.pools.items()
            if pool.devices
        )
        if budget is not None and budget < floor:
            problems["scaling.device_budget"] = (
                f"invalid value {budget}, use at least {floor}: replicas.min of all pools takes {floor} devices"
            )
        if problems:
            raise Problems(problems)
        return self

    @model_validator(mode="after")
    def _nodes_are_hardware(self) -> Self:
        """Kubernetes' view of hardware is of hardware that exists."""
        problems = {
            f"kubernetes.hardware.{name}": f"no such hardware, {did_you_mean(name, self.hardware)}"
            for name in self.kubernetes.hardware
            if name not in self.hardware
        }
        if problems:
            raise Problems(problems)
        return self

    @model_validator(mode="after")
    def _standby_is_kept(self) -> Self:
        """Ray Serve's own policy knows no spare replicas."""
        if self.scaling.policy != "signalbox":
            text = "only scaling.policy signalbox keeps standby replicas: use that policy, or remove standby"
            wrong = [name for name, pool in self.pools.items() if pool.replicas.standby]
            if wrong:
                raise Problems({f"pools.{name}.replicas.standby": text for name in wrong})
        return self

    def draft_of(self, pool_name: str) -> str | None:
        """Folder or hub id of the model that drafts for a pool."""
        speculation = self.pools[pool_name].speculation
        named = speculation.model if speculation else None
        return self.pools[named].model if named in self.pools else named

    def hardware_name(self, pool_name: str) -> str:
        """Name of the hardware that a pool with devices runs on.

        Raises:
            ValueError: the pool names none and there are several, or names one that does not exist.
        """
        name = self.pools[pool_name].hardware
        if name is None and len(self.hardware) == 1:
            return next(iter(self.hardware))
        if name is None:
            raise ValueError(f"is missing: use one of {', '.join(self.hardware)}")
        if name not in self.hardware:
            raise ValueError(f"invalid value '{name}', {did_you_mean(name, self.hardware)}")
        return name

    def hardware_of(self, pool_name: str) -> HardwareSpec:
        """The hardware a pool runs on."""
        return self.hardware[self.hardware_name(pool_name)]
