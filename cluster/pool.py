"""A pool in the spec: a model, the engine that hosts it, its layout over devices, its replicas and prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from cluster.options import check_engine_options
from cluster.problems import Problems

TIERS = ("small", "moe", "large")
Tier = Literal["small", "moe", "large"]
EngineKind = Literal["vllm", "deepspeed", "transformers", "remote", "simulated"]
Capability = Literal["tools", "vision", "structured_outputs"]
PlacementStrategy = Literal["pack", "spread", "strict_pack", "strict_spread"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """Base of every section: immutable; a key that is not a field is an error.

    Strict, because YAML has types of its own: `nodes: yes` or `nodes: "2"` is a slip of the pen, not a number. Lists
    are tuples here, which is the one conversion that fields allow themselves.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class EngineSpec(Part):
    """What runs the model inside a replica."""

    kind: EngineKind = "vllm"
    """Which engine hosts the model."""
    options: dict[str, Any] = {}
    """Passed to the engine under its own argument names (for vLLM: those of its EngineArgs; docs/engines.md)."""
    max_ongoing_requests: int = Field(default=256, ge=1)
    """Requests one replica holds, waiting or running in the engine; more wait at the gateway."""
    start_timeout_s: float = Field(default=600.0, gt=0)
    """How long a replica may take from process start to its warm-up answer before the start counts as failed."""

    @model_validator(mode="after")
    def _options_exist(self) -> Self:
        check_engine_options(self.kind, self.options)
        return self


class ParallelSpec(Part):
    """How one replica is split over devices."""

    tensor: int = Field(default=1, ge=1)
    """Tensor-parallel ranks: every layer's matrices are split over them."""
    pipeline: int = Field(default=1, ge=1)
    """Pipeline stages: consecutive layers are split over them."""
    expert: int = Field(default=1, ge=1)
    """Expert-parallel ranks: 1 keeps every expert on every rank, `tensor * data` spreads them."""
    data: int = Field(default=1, ge=1)
    """Data-parallel copies of the attention layers inside one replica."""

    @model_validator(mode="after")
    def _experts_span_the_ranks(self) -> Self:
        if self.expert not in (1, self.tensor * self.data):
            raise Problems(
                expert=f"found {self.expert}: experts are spread over all tensor x data ranks or not at all; "
                + ("write 1" if self.tensor * self.data == 1 else f"write 1 or {self.tensor * self.data}")
            )
        return self

    @property
    def devices(self) -> int:
        """Devices (ranks) that one replica needs."""
        return self.tensor * self.pipeline * self.data


class ReplicasSpec(Part):
    """Bounds on the number of replicas."""

    min: int = Field(default=1, ge=0, le=10_000)
    """Replicas kept without load; 0 lets the pool scale to zero."""
    max: int = Field(default=1, ge=1, le=10_000)
    """Replicas under any load."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise Problems(min=f"found {self.min}, more than max: write at most {self.max}, or a greater max")
        return self


class PoolReplicasSpec(ReplicasSpec):
    """Bounds on the number of replicas of a pool, and how many of them are spare."""

    standby: int = Field(default=0, ge=0, le=10_000)
    """Replicas kept started beyond those that the load needs, so that a surge or a failure finds them ready; an idle
    pool keeps that many even where `min` is lower. They yield to what other pools need when devices are short."""

    @model_validator(mode="after")
    def _standby_fits(self) -> Self:
        room = self.max - self.min
        if self.standby > room:
            raise Problems(standby=f"found {self.standby}: max leaves room for {room}; write that, or a greater max")
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
    """Guessing several tokens ahead that the model then checks in one step: the same answers in fewer steps."""

    method: Literal["draft_model", "ngram", "eagle", "eagle3"] = "draft_model"
    """Who guesses: a smaller model with the same tokenizer, repetitions in the text so far, or an EAGLE head."""
    model: Text | None = None
    """The draft: the name of another pool whose model it is, a folder or a hub id. None for ngram."""
    tokens: int = Field(default=4, ge=1, le=32)
    """Tokens guessed per step."""
    prompt_lookup_max: int = Field(default=3, ge=1, le=32)
    """For ngram: longest sequence of tokens that is looked up in the text so far."""

    @model_validator(mode="after")
    def _has_its_draft(self) -> Self:
        if (self.model is None) != (self.method == "ngram"):
            wanted = "leave it out" if self.method == "ngram" else "write a pool's name, a folder or a hub id"
            raise Problems(model=f"does not go with method {self.method}: {wanted}")
        return self


def _whole_strategy(value: Any) -> Any:
    """`strict` alone means the common case of it: all ranks on one node."""
    return "strict_pack" if value == "strict" else value


def _deepspeed_layout(parallel: ParallelSpec, zero: bool) -> dict[str, str]:
    """Layouts that DeepSpeed's parts do not have, by field."""
    if parallel.pipeline > 1:
        return {"parallel.pipeline": "the deepspeed engine has no pipeline stages: write 1"}
    if parallel.tensor > 1 and parallel.data > 1:
        return {"parallel": "the deepspeed engine splits by tensor or by data, not by both: write one of them"}
    if parallel.tensor > 1 and parallel.expert > 1:
        ranks = parallel.tensor
        return {"parallel": "DeepSpeed's AutoEP leaves attention whole on every rank, which is data parallelism: "
                            f"write {{data: {ranks}, expert: {ranks}}}"}  # fmt: skip
    if zero and (parallel.tensor > 1 or parallel.expert > 1):
        return {"parallel": "ZeRO spreads weights over data-parallel ranks: write data only, or drop zero_offload"}
    return {}


JUDGEABLE_KINDS = ("vllm", "transformers", "deepspeed")
"""Engines that report log-probabilities while they generate, so that an answer can be judged."""
TEXT_ONLY_KINDS = ("deepspeed", "transformers")
"""Engines that offer no tools and no structured outputs."""


def _usual_capabilities(data: dict[str, Any]) -> tuple[Capability, ...]:
    engine = data.get("engine")  # absent when it is wrong itself
    return () if engine is None or engine.kind in TEXT_ONLY_KINDS else ("structured_outputs",)


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
    """What requests may ask of this pool beyond text; others are routed past it. Default: structured_outputs, where the
    engine can."""
    speculation: SpeculationSpec | None = None
    """Speculative decoding; None decodes token by token."""
    adapters: dict[Text, Text] = {}
    """LoRA adapters: folder or hub id by the name that requests use as `model`."""
    parallel: ParallelSpec = ParallelSpec()
    """Layout of one replica over devices."""
    placement: Annotated[PlacementStrategy, BeforeValidator(_whole_strategy)] = "pack"
    """Where the ranks of a replica go: pack (few nodes), spread (many), strict_pack (or `strict`: one node),
    strict_spread (a node for each rank)."""
    hardware: str | None = None
    """A name from the `hardware` section; may be left out when there is only one. None for a remote pool."""
    replicas: PoolReplicasSpec = PoolReplicasSpec()
    """Bounds on the number of replicas, and spare ones."""
    prices: PricesSpec = PricesSpec()
    """Cost of tokens and of replicas."""

    @property
    def devices(self) -> int:
        """Devices that one replica takes: none where the model runs elsewhere."""
        return 0 if self.engine.kind == "remote" else self.parallel.devices

    @property
    def copies_share_a_node(self) -> bool:
        """Whether a replica is bound to one node: vLLM runs data-parallel copies as processes beside each other."""
        return self.engine.kind == "vllm" and self.parallel.data > 1

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        """The engine offers the capabilities and the layout."""
        kind, parallel = self.engine.kind, self.parallel
        problems = {}
        if kind in TEXT_ONLY_KINDS and self.capabilities:
            problems["capabilities"] = f"the {kind} engine offers {self.capabilities[0]} not: leave it out, or use vllm"
        if kind != "vllm":
            for field in ("speculation", "adapters"):
                if getattr(self, field):
                    problems[field] = f"the {kind} engine has none: leave it out, or use vllm"
        if kind == "transformers" and parallel.devices > 1:
            problems["parallel"] = "the transformers engine is one process: leave it out, or use deepspeed or vllm"
        elif kind == "deepspeed":
            problems |= _deepspeed_layout(parallel, zero="zero_offload" in self.engine.options)
        if problems:
            raise Problems(problems)
        return self

    @model_validator(mode="after")
    def _remote_has_no_hardware(self) -> Self:
        if self.engine.kind == "remote":
            written = {"hardware": self.hardware is not None, "parallel": self.parallel != ParallelSpec()}
            if wrong := [field for field, is_written in written.items() if is_written]:
                text = "a remote pool runs on no hardware of this fleet: leave it out"
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
