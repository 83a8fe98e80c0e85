"""A pool in the spec: a model, the engine that hosts it, its layout over devices, its replicas and prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cluster.engine_kinds import ENGINE_KINDS, EngineKind, EngineTraits
from cluster.parallel import ParallelSpec
from cluster.part import Part, Text
from cluster.problems import Problems

TIERS = ("small", "moe", "large")
Tier = Literal["small", "moe", "large"]
Capability = Literal["tools", "vision", "structured_outputs"]
PlacementStrategy = Literal["pack", "spread", "strict_pack", "strict_spread"]


class EngineSpec(Part):
    """What runs the model inside a replica."""

    kind: EngineKind = "vllm"
    """Which engine hosts the model."""
    options: dict[str, Any] = Field(default={})
    """Passed to the engine under its own argument names (for vLLM: those of its EngineArgs; docs/engines.md)."""
    max_ongoing_requests: int = Field(default=256, ge=1)
    """Requests one replica holds, waiting or running in the engine; more wait at the gateway."""
    start_timeout_s: float = Field(default=600.0, gt=0)
    """How long a replica may take from process start to its warm-up answer before the start counts as failed."""

    @model_validator(mode="after")
    def _options_exist(self) -> Self:
        self.traits.options.check(self.kind, self.options)
        return self

    @property
    def traits(self) -> EngineTraits:
        """What this kind of engine can do."""
        return ENGINE_KINDS[self.kind]


class ReplicasSpec(Part):
    """Bounds on the number of replicas."""

    min: int = Field(default=1, ge=0, le=10_000)
    """Replicas kept without load; 0 lets the pool scale to zero."""
    max: int = Field(default=1, ge=1, le=10_000)
    """Replicas under any load."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise Problems(min=f"invalid value {self.min}, use at most {self.max} or raise max")
        return self


class PoolReplicasSpec(ReplicasSpec):
    """Bounds on the number of replicas of a pool, and the number of standby replicas."""

    standby: int = Field(default=0, ge=0, le=10_000)
    """Started replicas beyond what the load needs, ready for a surge or a failure. An idle pool keeps that many even if
    `min` is lower. Other pools' needs come first if there are not enough devices."""

    @model_validator(mode="after")
    def _standby_fits(self) -> Self:
        room = self.max - self.min
        if self.standby > room:
            raise Problems(standby=f"invalid value {self.standby}, use at most {room} (max - min) or raise max")
        return self


class PricesSpec(Part):
    """What a pool costs, in any one currency; routing uses the ratios between pools."""

    input_per_mtok: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens."""
    output_per_mtok: float = Field(default=0.0, ge=0)
    """Price of a million generated tokens."""
    replica_per_hour: float = Field(default=0.0, ge=0)
    """Price of one replica running for an hour, busy or idle."""


class SpeculationSpec(Part):
    """Guesses several tokens ahead, which the model checks in one step: the same answers in fewer steps."""

    method: Literal["draft_model", "ngram", "eagle", "eagle3"] = "draft_model"
    """What guesses: a smaller model with the same tokenizer, repetitions in the text so far, or an EAGLE head."""
    model: Text | None = None
    """The draft: the name of another pool whose model it is, a folder or a hub id. None for ngram."""
    tokens: int = Field(default=4, ge=1, le=32)
    """Tokens guessed per step."""
    prompt_lookup_max: int = Field(default=3, ge=1, le=32)
    """For ngram: longest sequence of tokens that is looked up in the text so far."""

    @model_validator(mode="after")
    def _has_its_draft(self) -> Self:
        if (self.model is None) != (self.method == "ngram"):
            if self.method == "ngram":
                raise Problems(model="method ngram has no draft model: remove it")
            raise Problems(model=f"method {self.method} needs a draft model: use a pool's name, a folder or a hub id")
        return self


def _whole_strategy(value: Any) -> Any:
    """`strict` alone means the common case of it: all ranks on one node."""
    return "strict_pack" if value == "strict" else value


def _usual_capabilities(data: dict[str, Any]) -> tuple[Capability, ...]:
    engine = data.get("engine")  # absent when it is wrong itself
    return () if engine is None or engine.traits.text_only else ("structured_outputs",)


class PoolSpec(Part):
    """Replicas of one model in one engine shape."""

    tier: Tier
    """Capability class that this pool serves."""
    model: Text
    """A model folder (relative to the spec file or to the working directory) or a hub id."""
    tokenizer: Text | None = None
    """A tokenizer folder or hub id; default: the model's own."""
    served_name: Text | None = None
    """The model's name in answers and in /v1/models; default: `model` as written."""
    aliases: tuple[Text, ...] = Field(default=(), strict=False)
    """Other names under which requests may pin this pool."""
    engine: EngineSpec = EngineSpec()
    """Engine kind and options."""
    capabilities: tuple[Capability, ...] = Field(default_factory=_usual_capabilities, strict=False)
    """What requests may ask of this pool beyond text; such requests go only to pools that have it. Default:
    structured_outputs, if the engine supports it."""
    speculation: SpeculationSpec | None = None
    """Speculative decoding; None decodes token by token."""
    adapters: dict[Text, Text] = Field(default={})
    """LoRA adapters: folder or hub id by the name that requests use as `model`."""
    parallel: ParallelSpec = ParallelSpec()
    """Layout of one replica over devices."""
    gpu_fraction: float = Field(default=1.0, ge=0.01, le=1)
    """Share of a GPU that a replica takes: Ray's fractional `num_gpus`. Other replicas, also of other pools, use the
    rest. vLLM's `gpu_memory_utilization` follows from it (docs/accelerators.md). Below 1 only without `parallel`."""
    placement: Annotated[PlacementStrategy, BeforeValidator(_whole_strategy)] = "pack"
    """Where the ranks of a replica go: pack (few nodes), spread (many), strict_pack (or `strict`: one node),
    strict_spread (a node for each rank)."""
    hardware: str | None = None
    """A name from the `hardware` section; may be left out when there is only one. None for a remote pool."""
    replicas: PoolReplicasSpec = PoolReplicasSpec()
    """Bounds on the number of replicas, and standby replicas."""
    prices: PricesSpec = PricesSpec()
    """Cost of tokens and of replicas."""

    @property
    def devices(self) -> int:
        """Devices that one replica takes; 0 if the model runs elsewhere."""
        return self.parallel.devices if self.engine.traits.takes_devices else 0

    @property
    def device_share(self) -> float:
        """Devices that one replica occupies: a whole number, or a share of one device."""
        return self.devices * self.gpu_fraction

    @property
    def copies_share_a_node(self) -> bool:
        """Whether the replica's data-parallel copies bind it to one node."""
        return self.engine.traits.data_copies_share_node and self.parallel.data > 1

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        """The engine has the capabilities, the features and the layout."""
        kind, traits = self.engine.kind, self.engine.traits
        problems = {}
        if traits.text_only and self.capabilities:
            problems["capabilities"] = f"the {kind} engine has no {self.capabilities[0]}: remove it, or use kind vllm"
        for field in ("speculation", "adapters"):
            if getattr(self, field) and field not in traits.pool_features:
                problems[field] = f"the {kind} engine has none: remove it, or use kind vllm"
        problems |= traits.layout(self.parallel, self.engine.options) | self._sharing_problems()
        if problems:
            raise Problems(problems)
        return self

    def _sharing_problems(self) -> dict[str, str]:
        """Why a replica cannot live on a share of a GPU, by field."""
        if self.gpu_fraction == 1:
            return {}
        if not self.engine.traits.shares_devices:
            return {"gpu_fraction": f"the {self.engine.kind} engine takes whole devices: remove it, or use kind vllm"}
        if self.parallel.devices > 1:
            text = "is impossible for replicas of several ranks: NCCL refuses two ranks on one GPU: remove parallel"
            return {"gpu_fraction": text}
        utilization = self.engine.options.get("gpu_memory_utilization", 0)
        if utilization > self.gpu_fraction:
            text = f"{utilization} exceeds gpu_fraction {self.gpu_fraction}: remove it, or raise gpu_fraction"
            return {"engine.options.gpu_memory_utilization": text}
        return {}

    @model_validator(mode="after")
    def _elsewhere_has_no_hardware(self) -> Self:
        if not self.engine.traits.takes_devices:
            given = {
                "hardware": self.hardware is not None,
                "parallel": self.parallel != ParallelSpec(),
                "gpu_fraction": self.gpu_fraction != 1,
            }
            if wrong := [field for field, is_given in given.items() if is_given]:
                text = f"a {self.engine.kind} pool uses no hardware of this fleet: remove it"
                raise Problems(dict.fromkeys(wrong, text))
        return self

    @property
    def public_name(self) -> str:
        """The model's name as clients see it."""
        return self.served_name or self.model


def pool_names(pool_name: str, pool: PoolSpec) -> dict[str, str]:
    """Names by which requests may pin a pool, each with the field it is written in."""
    named = dict.fromkeys(pool.aliases, ".aliases") | dict.fromkeys(pool.adapters, ".adapters")
    named[pool.public_name] = ".served_name" if pool.served_name else ".model"
    return named | {pool_name: ""}
