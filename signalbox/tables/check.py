"""`signalbox check`: what is known about a spec, as tables and a verdict."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.memory import PoolMemory
from cluster.placing import hardware_demand
from cluster.routing_files import RULES
from cluster.spec import FleetSpec
from deployments.preflight import FleetCheck
from router.loading import load_ladder


def render_check(spec: FleetSpec, check: FleetCheck) -> RenderableType:
    """The check as tables and a verdict."""
    notes = [Text(f"problem  {p}", "red") for p in check.problems]
    notes += [Text(f"not checked  pools.{name}: {why}", "yellow") for name, why in check.unchecked.items()]
    notes += [Text(f"note  {w}") for w in check.warnings]
    return Group(_pool_table(spec, check), _hardware_table(spec), *notes, _verdict(check))


def _verdict(check: FleetCheck) -> Text:
    if check.problems:
        return Text("the fleet cannot run as written", "red")
    if check.unchecked:
        hosted = len(check.memory) + len(check.unchecked)
        rest = ", the rest fits" if check.memory else ""
        return Text(
            f"{len(check.unchecked)} of {hosted} pools not checked: {', '.join(check.unchecked)}{rest}", "yellow"
        )
    return Text("the fleet fits", "green")


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
        "ladder": _step(spec, pool.tier),
        "engine": pool.engine.kind,
        "layout": f"{layout}, {pool.placement}" if pool.devices else "remote",
        "devices": f"{pool.device_share:g} x {spec.hardware_of(name).device.name}" if pool.devices else "elsewhere",
        "replicas": f"{pool.replicas.min} to {pool.replicas.max}",
        "weights": f"{_size(known.weights_gib)} of {_size(known.usable_gib)}" if known else _unknown(name, check),
        "KV cache": _size(known.kv_gib) if known else "",
        "tokens of KV": f"{known.kv_tokens:,}" if known else "",
        "full sequences": f"{known.sequences} x {known.max_context_tokens:,}" if known else "",
        "typical ones": f"{known.typical_sequences} x {known.typical_tokens:,}" if known else "",
        "fits": _fit(known) if known else "",
    }


def _unknown(name: str, check: FleetCheck) -> str:
    return "not checked" if name in check.unchecked else "none here"


def _step(spec: FleetSpec, tier: str) -> str:
    """The difficulty up to which the tier's answers are mostly good; hand-written rules have none."""
    step = load_ladder(spec)[tier]
    return "" if spec.routing.artifact == RULES else f"{step.difficulty:.2f} ({step.origin})"


def _size(gib: float) -> str:
    if gib <= 0:
        return "none"
    return f"{gib:.1f} GiB" if gib >= 0.5 else f"{gib * 1024:.1f} MiB"


def _fit(memory: PoolMemory) -> str:
    return f"yes, {_size(memory.spare_gib)} spare" if memory.fits else f"no, {_size(-memory.spare_gib)} short"


def _hardware_table(spec: FleetSpec) -> Table:
    table = Table(title="devices")
    for column in ("hardware", "device", "devices", "minimum replicas need", "maximum replicas need"):
        table.add_column(column)
    for name, (low, high, there) in hardware_demand(spec).items():
        table.add_row(name, spec.hardware[name].device.name, str(there), str(low), str(high))
    return table
