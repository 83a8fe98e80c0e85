"""`signalbox check`: does every pool fit its hardware? Plain data first, then tables. Needs no cluster, no vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.adapters import BadAdapter, adapter_problems
from cluster.facts import KNOWN_ARCHITECTURES, ModelFacts, UnknownModel, facts_of
from cluster.memory import PoolMemory, pool_memory
from cluster.placing import draft_problems, hardware_demand, placement_problems, unplaced
from cluster.spec import FleetSpec
from cluster.widths import QUANTISED_BYTES, quantisation
from router.loading import BadQualityModel, load_quality
from signalbox.check_escalation import escalation_problems, escalation_warnings

HOSTING_KINDS = ("vllm", "deepspeed", "transformers")
"""Engines that hold the model's weights."""


@dataclass(frozen=True)
class FleetCheck:
    """What is known about a spec; `problems` keep it from running, `warnings` do not."""

    memory: dict[str, PoolMemory]
    facts: dict[str, ModelFacts]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the fleet can run as written; the exit status of `signalbox check`."""
        return not self.problems


def check_fleet(spec: FleetSpec) -> FleetCheck:
    """Check every pool against its hardware."""
    memory: dict[str, PoolMemory] = {}
    facts: dict[str, ModelFacts] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for name, pool in spec.pools.items():
        found = adapter_problems(pool)
        if pool.engine.kind in HOSTING_KINDS:
            try:
                facts[name] = facts_of(pool.model)
                draft = _draft_facts(spec, name)
                memory[name] = pool_memory(facts[name], pool, spec.hardware_of(name), draft)
                warnings += _guesses(spec, name, facts[name])
                found |= draft_problems(facts[name], draft) if draft else {}
            except UnknownModel as error:
                warnings.append(f"pools.{name}: memory is not checked: {error}")
            except BadAdapter:
                pass  # said by adapter_problems
        found |= placement_problems(spec, name, facts.get(name))
        problems += [f"pools.{name}.{field}: {text}" for field, text in found.items()]
        if name in memory and not memory[name].fits:
            problems.append(_does_not_fit(spec, name, memory[name]))
    devices, notes = _devices(spec)
    problems += [*devices, *quality_problems(spec), *escalation_problems(spec)]
    return FleetCheck(memory, facts, tuple(problems), (*warnings, *notes, *escalation_warnings(spec)))


def quality_problems(spec: FleetSpec) -> list[str]:
    """Why the router's artifact cannot be used, if it cannot."""
    try:
        load_quality(spec)
    except BadQualityModel as error:
        return [str(error)]
    return []


def _draft_facts(spec: FleetSpec, name: str) -> ModelFacts | None:
    draft = spec.draft_of(name)
    return facts_of(draft) if draft else None


def _guesses(spec: FleetSpec, name: str, facts: ModelFacts) -> Iterator[str]:
    """Where the arithmetic does not know what it is counting."""
    if facts.architecture not in KNOWN_ARCHITECTURES:
        yield f"pools.{name}: {facts.architecture} is counted like a Llama: the memory is an estimate"
    method = quantisation(facts, spec.pools[name].engine.options)
    if method and method not in QUANTISED_BYTES and not facts.quantised_bits:
        yield f"pools.{name}: weights in '{method}' are counted unquantised: they may take less"


def _does_not_fit(spec: FleetSpec, name: str, memory: PoolMemory) -> str:
    short = f"pools.{name}: short by {-memory.spare_gib:.1f} GiB per device"
    sizes = f"{memory.weights_gib:.1f} weights, {memory.runtime_gib:.1f} runtime, {memory.usable_gib:.1f} usable"
    sized = {"kv_cache_memory_bytes", "kv_budget_tokens"} & spec.pools[name].engine.options.keys()
    if sized:
        sizes += f", {memory.kv_gib:.1f} asked for in engine.options.{sized.pop()}: write another size there"
        return f"{short} ({sizes}, or lower engine.options.max_model_len)"
    return (
        f"{short} ({sizes}): raise parallel.tensor, lower engine.options.max_model_len, quantise, or take hardware "
        "with more memory"
    )


def _devices(spec: FleetSpec) -> tuple[list[str], list[str]]:
    """Problems and warnings of the fleet as a whole."""
    problems, warnings = [], []
    for name, (low, high, there) in hardware_demand(spec).items():
        if low > there:
            problems.append(
                f"hardware.{name}: minimum replicas take {low} devices, there are {there}: add nodes, or lower "
                "replicas.min"
            )
        elif left := unplaced(spec, name):
            problems.append(
                f"hardware.{name}: no room for the minimum replicas of {', '.join(left)} beside the others: add nodes, "
                "lower replicas.min, or write another placement"
            )
        elif high > there:
            warnings.append(f"hardware.{name}: maximum replicas would take {high} devices, there are {there}")
    return problems, warnings


# -- tables ----------------------------------------------------------------------------------------------------------


def render_check(spec: FleetSpec) -> RenderableType:
    """The check as tables and a verdict."""
    check = check_fleet(spec)
    verdict = Text("the fleet fits" if check.ok else "the fleet cannot run as written", "green" if check.ok else "red")
    notes = [Text(f"problem  {p}", "red") for p in check.problems] + [Text(f"note  {w}") for w in check.warnings]
    return Group(_pool_table(spec, check), _hardware_table(spec), *notes, verdict)


def _pool_table(spec: FleetSpec, check: FleetCheck) -> Table:
    """A column per pool, so that names and numbers stay whole in a narrow terminal."""
    cells = {name: _pool_cells(spec, name, check) for name in spec.pools}
    table = Table("", *cells, title=f"fleet {spec.name}: one device of each pool")
    for row in next(iter(cells.values())):
        table.add_row(row, *(Text(column[row]) for column in cells.values()))
    return table


def _pool_cells(spec: FleetSpec, name: str, check: FleetCheck) -> dict[str, str]:
    pool, p = spec.pools[name], spec.pools[name].parallel
    split = {"TP": p.tensor, "PP": p.pipeline, "EP": p.expert, "DP": p.data}
    layout = " ".join(f"{key}{size}" for key, size in split.items() if size > 1) or "1 rank"
    known = check.memory.get(name)
    return {
        "tier": pool.tier,
        "model": pool.public_name.split("/")[-1],
        "engine": pool.engine.kind,
        "layout": f"{layout}, {pool.placement}" if pool.devices else "remote",
        "devices": f"{p.devices} x {spec.hardware_of(name).device}" if pool.devices else "elsewhere",
        "replicas": f"{pool.replicas.min} to {pool.replicas.max}",
        "weights": f"{_size(known.weights_gib)} of {_size(known.usable_gib)}" if known else "not checked",
        "KV cache": _size(known.kv_gib) if known else "",
        "tokens of KV": f"{known.kv_tokens:,}" if known else "",
        "full sequences": f"{known.sequences} x {known.max_context_tokens:,}" if known else "",
        "typical ones": f"{known.typical_sequences} x {known.typical_tokens:,}" if known else "",
        "fits": _fit(known) if known else "",
    }


def _size(gib: float) -> str:
    if gib <= 0:
        return "none"
    return f"{gib:.1f} GiB" if gib >= 0.5 else f"{gib * 1024:.1f} MiB"


def _fit(memory: PoolMemory) -> str:
    return f"yes, {_size(memory.spare_gib)} spare" if memory.fits else f"no, {_size(-memory.spare_gib)} short"


def _hardware_table(spec: FleetSpec) -> Table:
    table = Table(title="devices")
    for column in ("hardware", "device", "there", "minimum replicas take", "maximum replicas take"):
        table.add_column(column)
    for name, (low, high, there) in hardware_demand(spec).items():
        table.add_row(name, spec.hardware[name].device, str(there), str(low), str(high))
    return table
