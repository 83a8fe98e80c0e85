"""Whether a fleet can run as its spec says: memory, devices, the router's files. Needs no cluster and no engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster.adapters import BadAdapter, adapter_problems
from cluster.facts import ModelFacts, NotAModel, UnknownModel, facts_of
from cluster.fitting import SIZES, Devices, settings_that_fit
from cluster.memory import PoolMemory, pool_memory
from cluster.placing import draft_problems, hardware_demand, placement_problems, pools_on, unplaced
from cluster.pool import TIERS, PoolSpec
from cluster.sharing import devices_taken, fit_smallest_first
from cluster.spec import FleetSpec
from cluster.widths import QUANTISED_BYTES, quantisation
from router.confidence.artifact import ConfidenceError
from router.loading import BadQualityModel, load_confidence, load_quality

FactsOf = Callable[[str], ModelFacts]


@dataclass(frozen=True)
class FleetCheck:
    """What is known about a spec: `problems` prevent it from running, `warnings` do not."""

    memory: dict[str, PoolMemory]
    """By pool, of the pools whose model is known and whose engine holds its weights."""
    unchecked: dict[str, str]
    """Why the memory of a pool is not checked, by pool: nothing is known about its model or its draft."""
    problems: tuple[str, ...]
    """Each names the field and says what to change."""
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the fleet can run as written; the exit status of `signalbox check`."""
        return not self.problems


def check_fleet(spec: FleetSpec, facts_of: FactsOf = facts_of) -> FleetCheck:
    """Check every pool against its hardware, and the files that the router reads.

    Args:
        facts_of: looks a model up by folder or hub id, and raises UnknownModel.
    """
    pools = {name: _check_pool(spec, name, facts_of) for name in spec.pools}
    shortages, notes = _devices(spec)
    problems = [text for pool in pools.values() for text in pool.problems]
    warnings = [text for pool in pools.values() for text in pool.warnings]
    return FleetCheck(
        memory={name: pool.memory for name, pool in pools.items() if pool.memory},
        unchecked={name: pool.unknown for name, pool in pools.items() if pool.unknown},
        problems=(*problems, *shortages, *quality_problems(spec), *escalation_problems(spec)),
        warnings=(*warnings, *notes, *escalation_warnings(spec)),
    )


# -- pools -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PoolCheck:
    """What is known about one pool."""

    memory: PoolMemory | None
    unknown: str
    """Why its memory is not checked; empty if it is, or if the pool holds no weights."""
    problems: list[str]
    warnings: list[str]


def _check_pool(spec: FleetSpec, name: str, facts_of: FactsOf) -> _PoolCheck:
    pool = spec.pools[name]
    facts: ModelFacts | None = None
    draft: ModelFacts | None = None
    memory: PoolMemory | None = None
    fields = adapter_problems(pool)
    warnings: list[str] = []
    unknown = ""
    if pool.engine.traits.hosts_weights:
        try:
            facts = facts_of(pool.model)
            draft_name = spec.draft_of(name)
            draft = facts_of(draft_name) if draft_name else None
            memory = pool_memory(facts, pool, spec.hardware_of(name), draft)
            warnings += _guesses(spec, name, facts)
            fields |= draft_problems(facts, draft) if draft else {}
        except NotAModel as error:
            fields["model"] = str(error)
        except UnknownModel as error:
            unknown = str(error)
        except BadAdapter:
            pass  # adapter_problems reports it
    fields |= placement_problems(spec, name, facts)
    problems = [f"pools.{name}.{field}: {text}" for field, text in fields.items()]
    if facts and memory and not memory.fits:
        problems.append(_does_not_fit(name, pool, memory, Devices(facts, spec.hardware_of(name), draft)))
    return _PoolCheck(memory, unknown, problems, warnings)


def _guesses(spec: FleetSpec, name: str, facts: ModelFacts) -> Iterator[str]:
    """Where the arithmetic rests on an assumption."""
    if not facts.is_counted:
        yield f"pools.{name}: {facts.architecture} is counted like a Llama: the memory is an estimate"
    method = quantisation(facts, spec.pools[name].engine.options)
    if method and method not in QUANTISED_BYTES and not facts.quantised_bits:
        yield f"pools.{name}: weights in '{method}' are counted unquantised: they may take less memory"


def _does_not_fit(name: str, pool: PoolSpec, memory: PoolMemory, devices: Devices) -> str:
    sizes = f"{memory.weights_gib:.1f} weights, {memory.runtime_gib:.1f} runtime, {memory.usable_gib:.1f} usable"
    if sized := set(SIZES) & pool.engine.options.keys():
        sizes += f", {memory.kv_gib:.1f} requested by engine.options.{sized.pop()}"
    fitting = "; or ".join(settings_that_fit(pool, devices))
    other = "use a quantised checkpoint, or hardware with more memory"
    return f"pools.{name}: short by {-memory.spare_gib:.1f} GiB per device ({sizes}): {fitting or other}"


# -- the whole fleet -------------------------------------------------------------------------------------------------


def _devices(spec: FleetSpec) -> tuple[list[str], list[str]]:
    """Problems and warnings about the number of devices."""
    problems, warnings = [], []
    for name, (low, high, there) in hardware_demand(spec).items():
        shares = _shares(spec, name)
        if low > there:
            problems.append(_too_few_devices(name, shares, low, there))
        elif left := unplaced(spec, name):
            problems.append(
                f"hardware.{name}: no room for the minimum replicas of {', '.join(left)} next to the other pools: "
                "add nodes, lower replicas.min, or change placement"
            )
        elif note := _unlucky_order(spec, name, shares, there - low):
            warnings.append(f"hardware.{name}: {note}")
        elif high > there:
            warnings.append(f"hardware.{name}: maximum replicas would need {high} devices, the nodes have {there}")
    return problems, warnings


def _too_few_devices(hardware: str, shares: list[float], needed: int, there: int) -> str:
    written = " + ".join(
        f"{count} x {share:g}" if count > 1 else f"{share:g}" for share, count in Counter(shares).items()
    )
    of_which, lower = (f" ({written} of a device)", "gpu_fraction or replicas.min") if shares else ("", "replicas.min")
    return (
        f"hardware.{hardware}: minimum replicas need {needed} devices{of_which}, the nodes have {there}: add nodes, or "
        f"lower {lower}"
    )


def _unlucky_order(spec: FleetSpec, hardware: str, shares: list[float], spare: int) -> str:
    """Why minimum replicas that fit may find no room all the same; `spare` devices are left if they are packed."""
    packed = devices_taken((hardware, share, 1) for share in shares)
    if not fit_smallest_first(shares, spare + packed):
        return (
            "the shares of devices fit if the largest start first, but not if the smallest do, and Ray promises no "
            "order: use equal shares, or separate hardware"
        )
    whole = any(pool.gpu_fraction == 1 for pool in pools_on(spec, hardware).values())
    if whole and spec.hardware[hardware].nodes > 1 and len(shares) > spare + packed:
        return (
            "Serve spreads replicas over nodes, so shares may take a device each and leave none for whole replicas: "
            "use separate hardware, or one node"
        )
    return ""


def _shares(spec: FleetSpec, hardware: str) -> list[float]:
    """The shares of a device that minimum replicas take."""
    pools = pools_on(spec, hardware).values()
    return [pool.gpu_fraction for pool in pools if pool.gpu_fraction < 1 for _ in range(pool.replicas.min)]


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
    if rule is None or "escalation" not in spec.routing.model_fields_set:
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
