"""Whether a fleet can run as its spec says: memory, devices, the router's files. Needs no cluster and no engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.adapters import BadAdapter, adapter_problems
from cluster.facts import KNOWN_ARCHITECTURES, ModelFacts, NotAModel, UnknownModel, facts_of
from cluster.memory import PoolMemory, pool_memory
from cluster.placing import draft_problems, hardware_demand, placement_problems, unplaced
from cluster.pool import TIERS, PoolSpec
from cluster.spec import FleetSpec
from cluster.widths import QUANTISED_BYTES, quantisation
from router.confidence.artifact import ConfidenceError
from router.loading import BadQualityModel, load_confidence, load_quality

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
"""Endings of files with weights."""


@dataclass(frozen=True)
class FleetCheck:
    """What is known about a spec: `problems` prevent it from running, `warnings` do not."""

    memory: dict[str, PoolMemory]
    """By pool, of the pools whose model is known and whose engine holds its weights."""
    problems: tuple[str, ...]
    """Each names the field and says what to change."""
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the fleet can run as written; the exit status of `signalbox check`."""
        return not self.problems


def check_fleet(spec: FleetSpec) -> FleetCheck:
    """Check every pool against its hardware, and the files that the router reads."""
    pools = {name: _check_pool(spec, name) for name in spec.pools}
    shortages, notes = _devices(spec)
    problems = [text for pool in pools.values() for text in pool.problems]
    warnings = [text for pool in pools.values() for text in pool.warnings]
    return FleetCheck(
        memory={name: pool.memory for name, pool in pools.items() if pool.memory},
        problems=(*problems, *shortages, *quality_problems(spec), *escalation_problems(spec)),
        warnings=(*warnings, *notes, *escalation_warnings(spec)),
    )


# -- pools -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PoolCheck:
    """What is known about one pool."""

    memory: PoolMemory | None
    problems: list[str]
    warnings: list[str]


def _check_pool(spec: FleetSpec, name: str) -> _PoolCheck:
    pool = spec.pools[name]
    facts: ModelFacts | None = None
    memory: PoolMemory | None = None
    fields = adapter_problems(pool)
    warnings: list[str] = []
    if pool.engine.traits.hosts_weights:
        try:
            facts = facts_of(pool.model)
            draft = _draft_facts(spec, name)
            memory = pool_memory(facts, pool, spec.hardware_of(name), draft)
            warnings += _guesses(spec, name, facts)
            fields |= draft_problems(facts, draft) if draft else {}
        except NotAModel as error:
            fields["model"] = str(error)
        except UnknownModel as error:
            warnings.append(f"pools.{name}: memory is not checked: {error}")
        except BadAdapter:
            pass  # adapter_problems reports it
    fields |= placement_problems(spec, name, facts)
    problems = [f"pools.{name}.{field}: {text}" for field, text in fields.items()]
    if memory and not memory.fits:
        problems.append(_does_not_fit(spec, name, memory))
    return _PoolCheck(memory, problems, warnings)


def model_problems(spec: FleetSpec) -> list[str]:
    """Pools whose model is a folder that no engine can load."""
    found = []
    for name, pool in spec.pools.items():
        try:
            if pool.engine.traits.hosts_weights:
                facts_of(pool.model)
        except NotAModel as error:
            found.append(f"pools.{name}.model: {error}")
        except UnknownModel:
            pass  # an engine may know it
    return found


def weights_problems(spec: FleetSpec) -> list[str]:
    """Pools whose model is a folder without weights. `check_fleet` needs none, but an engine does."""
    return [
        f"pools.{name}.model: {pool.model} has no weights: run `make chat-models` for the folders in demo/chat, or "
        "download the model's weights"
        for name, pool in spec.pools.items()
        if pool.engine.traits.hosts_weights and not _has_weights(pool)
    ]


def _has_weights(pool: PoolSpec) -> bool:
    """Whether the engine finds weights, as far as it can be seen from here."""
    folder = Path(pool.model)
    if not folder.is_dir() or pool.engine.options.get("load_format") == "dummy":
        return True
    return any(file.suffix in WEIGHTS for file in folder.iterdir())


def _draft_facts(spec: FleetSpec, name: str) -> ModelFacts | None:
    draft = spec.draft_of(name)
    return facts_of(draft) if draft else None


def _guesses(spec: FleetSpec, name: str, facts: ModelFacts) -> Iterator[str]:
    """Where the arithmetic rests on an assumption."""
    if facts.architecture not in KNOWN_ARCHITECTURES:
        yield f"pools.{name}: {facts.architecture} is counted like a Llama: the memory is an estimate"
    method = quantisation(facts, spec.pools[name].engine.options)
    if method and method not in QUANTISED_BYTES and not facts.quantised_bits:
        yield f"pools.{name}: weights in '{method}' are counted unquantised: they may take less memory"


def _does_not_fit(spec: FleetSpec, name: str, memory: PoolMemory) -> str:
    short = f"pools.{name}: short by {-memory.spare_gib:.1f} GiB per device"
    sizes = f"{memory.weights_gib:.1f} weights, {memory.runtime_gib:.1f} runtime, {memory.usable_gib:.1f} usable"
    sized = {"kv_cache_memory_bytes", "kv_budget_tokens"} & spec.pools[name].engine.options.keys()
    if sized:
        sizes += f", {memory.kv_gib:.1f} requested by engine.options.{sized.pop()}"
        return f"{short} ({sizes}): lower that size or engine.options.max_model_len"
    return (
        f"{short} ({sizes}): raise parallel.tensor, lower engine.options.max_model_len, quantise, or use hardware "
        "with more memory"
    )


# -- the whole fleet -------------------------------------------------------------------------------------------------


def _devices(spec: FleetSpec) -> tuple[list[str], list[str]]:
    """Problems and warnings about the number of devices."""
    problems, warnings = [], []
    for name, (low, high, there) in hardware_demand(spec).items():
        if low > there:
            problems.append(
                f"hardware.{name}: minimum replicas need {low} devices, the nodes have {there}: add nodes, or lower "
                "replicas.min"
            )
        elif left := unplaced(spec, name):
            problems.append(
                f"hardware.{name}: no room for the minimum replicas of {', '.join(left)} next to the other pools: "
                "add nodes, lower replicas.min, or change placement"
            )
        elif high > there:
            warnings.append(f"hardware.{name}: maximum replicas would need {high} devices, the nodes have {there}")
    return problems, warnings


def quality_problems(spec: FleetSpec) -> list[str]:
    """Why the router's artifact cannot be used, if it cannot."""
    try:
        load_quality(spec)
    except BadQualityModel as error:
        return [str(error)]
    return []


def escalation_problems(spec: FleetSpec) -> list[str]:
    """Why the coefficients of confidence cannot be used, if they cannot."""
    try:
        load_confidence(spec.routing)
    except ConfidenceError as error:
        return [str(error)]
    return []


def escalation_warnings(spec: FleetSpec) -> Iterator[str]:
    """Pools whose answers the escalation rule would silently never judge."""
    rule = spec.routing.escalation
    if rule is None:
        return
    tiers = {pool.tier for pool in spec.pools.values()}
    if rule.kind == "agreement" and not {"small", "moe"} <= tiers:
        yield "routing.escalation.kind: agreement needs a small and a moe pool: no answers are compared without both"
    for name, pool in spec.pools.items():
        higher = TIERS[TIERS.index(pool.tier) + 1 :]
        if rule.kind == "agreement" or pool.tier not in rule.from_tiers or not tiers & set(higher):
            continue
        if not pool.engine.traits.judgeable:
            yield f"pools.{name}: answers are never judged: engine {pool.engine.kind} reports no log-probabilities"
