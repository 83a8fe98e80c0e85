"""`signalbox plan`: the plan of `cluster.plan` as tables and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.facts import ModelFacts
from cluster.plan import (
    PRECISIONS,
    Advice,
    Layout,
    advise,
    kv_kib_per_token,
    kv_mib_per_sequence,
    smallest_layout,
    weights_gb,
)


def plan_data(facts: ModelFacts, targets: list[str], context: int, price: float | None) -> dict[str, Any]:
    """Everything the tables show, as JSON values. Prices are per million generated tokens, None without a price."""
    advices = [advise(facts, target, context) for target in targets]
    return {
        "parameters": facts.parameters,
        "active_parameters": facts.active_parameters,
        "context_tokens": context,
        "weights_gb": {name: round(weights_gb(facts, name), 2) for name in PRECISIONS},
        "kv_kib_per_token": kv_kib_per_token(facts),
        "kv_mib_per_sequence": round(kv_mib_per_sequence(facts), 2),
        "layouts": [
            _layout_data(layout, price)
            for target in targets
            for precision in PRECISIONS
            if (layout := smallest_layout(facts, target, precision, context))
        ],
        "advice": [_advice_data(advice, price) for advice in advices],
    }


def _layout_data(layout: Layout, price: float | None) -> dict[str, Any]:
    return {
        "gpu": layout.target,
        "precision": layout.precision,
        "devices": layout.devices,
        "tensor": layout.tensor,
        "pipeline": layout.pipeline,
        "kv_tokens": layout.memory.kv_tokens,
        "sequences": layout.memory.sequences,
        "most_tokens_per_s": round(layout.tokens_per_s),
        "least_device_hours_per_mtok": round(layout.device_hours_per_mtok, 4),
        "least_cost_per_mtok": None if price is None else round(layout.cost_per_mtok(price), 4),
    }


def _advice_data(advice: Advice, price: float | None) -> dict[str, Any]:
    layout = _layout_data(advice.layout, price) if advice.layout else None
    return {"gpu": advice.target, "engine": advice.engine, "layout": layout, "reasons": list(advice.reasons)}


def render_plan(model: str, data: dict[str, Any]) -> RenderableType:
    """`plan_data` as tables and sentences."""
    weights = "  ".join(f"{name} {size:,.1f} GB" for name, size in data["weights_gb"].items())
    bounded = data["kv_mib_per_sequence"]
    window = f", and at most {bounded:,.0f} MiB per sequence in windows and states" if bounded else ""
    active = data["active_parameters"]
    head = [
        f"{model}: {data['parameters'] / 1e9:.1f} B parameters, {active / 1e9:.1f} B of them active",
        f"weights: {weights}",
        f"KV cache: {data['kv_kib_per_token']:,.0f} KiB per token in 16 bits{window}",
    ]
    return Group(*map(Text, head), _layout_table(data), *_advice_lines(data))


def _layout_table(data: dict[str, Any]) -> Table:
    table = Table(
        "GPU",
        "weights",
        "layout",
        "KV tokens",
        f"x {data['context_tokens']:,}",
        "max. tokens/s",
        "min. per Mtok",
        title="smallest layouts",
    )
    for row in data["layouts"]:
        split = " ".join(f"{key}{row[name]}" for key, name in (("TP", "tensor"), ("PP", "pipeline")) if row[name] > 1)
        cost = row["least_cost_per_mtok"]
        table.add_row(
            row["gpu"],
            row["precision"],
            f"{row['devices']} ({split})" if split else "1",
            f"{row['kv_tokens']:,}",
            str(row["sequences"]),
            f"{row['most_tokens_per_s']:,}",
            f"{row['least_device_hours_per_mtok']:.2f} h" if cost is None else f"{cost:.2f}",
        )
    return table


def _advice_lines(data: dict[str, Any]) -> list[Text]:
    lines = []
    for advice in data["advice"]:
        layout = advice["layout"]
        shape = f"{layout['devices']} x {advice['gpu']}, {layout['precision']}" if layout else "nothing fits"
        lines.append(Text(f"{advice['gpu']}: {shape}, engine {advice['engine']}", "green" if layout else "red"))
        lines += [Text(f"  {reason}") for reason in advice["reasons"]]
    return lines
