"""`signalbox plan`: the plan of `cluster.plan` as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from cluster.advice import Advice, advise
from cluster.model_facts import ModelFacts
from cluster.plan import Layout, kv_kib_per_token, kv_mib_per_sequence, precisions, smallest_layout, weights_gb
from cluster.traffic import USABLE_SHARE, Serving, Traffic, serve


def plan_data(
    facts: ModelFacts, targets: list[str], context: int, price: float | None, traffic: Traffic | None = None
) -> dict[str, Any]:
    """Everything the tables show, as JSON values. Prices are per million generated tokens, None without a price."""
    advices = [advise(facts, target, context) for target in targets]
    return {
        "parameters": facts.parameters,
        "active_parameters": facts.active_parameters,
        "context_tokens": context,
        "weights_gb": {name: round(weights_gb(facts, name), 4) for name in precisions(facts)},
        "kv_kib_per_token": kv_kib_per_token(facts),
        "kv_mib_per_sequence": round(kv_mib_per_sequence(facts), 2),
        "layouts": [
            _layout_data(layout, price)
            for target in targets
            for precision in precisions(facts)
            if (layout := smallest_layout(facts, target, precision, context))
        ],
        "advice": [_advice_data(facts, advice, price, traffic) for advice in advices],
        "traffic": asdict(traffic) if traffic else None,
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


def _advice_data(facts: ModelFacts, advice: Advice, price: float | None, traffic: Traffic | None) -> dict[str, Any]:
    layout = _layout_data(advice.layout, price) if advice.layout else None
    serving = serve(facts, advice.layout, traffic) if advice.layout and traffic else None
    return {
        "gpu": advice.target,
        "engine": advice.engine,
        "layout": layout,
        "reasons": list(advice.reasons),
        "serving": asdict(serving) | _price(serving, price) if serving else None,
    }


def _price(serving: Serving, price: float | None) -> dict[str, float | None]:
    return {"price_per_hour": None if price is None else round(serving.devices * price, 2)}


def render_plan(model: str, data: dict[str, Any]) -> RenderableType:
    """`plan_data` as tables and sentences."""
    weights = ", ".join(f"{_amount(1e9 * size, 'B')} in {name}" for name, size in data["weights_gb"].items())
    bounded = data["kv_mib_per_sequence"]
    window = f", and at most {bounded:,.1f} MiB per sequence in windows and states" if bounded else ""
    active = data["active_parameters"]
    head = [
        f"{model}: {_amount(data['parameters'])} parameters, {_amount(active)} of them active",
        f"weights: {weights}",
        f"KV cache: {data['kv_kib_per_token']:,.3g} KiB per token in 16 bits{window}",
    ]
    return Group(*map(Text, head), _layout_table(data), *_advice_lines(data))


def _amount(number: float, unit: str = "") -> str:
    """Three digits with a prefix: 70.6 B parameters, 141 GB."""
    powers = ((1e9, f"G{unit}" if unit else "B"), (1e6, f"M{unit}" if unit else "M"), (1e3, "kB" if unit else "k"))
    size, name = next((power for power in powers if number >= power[0]), powers[-1])
    return f"{number / size:,.1f} {name}"


def _layout_table(data: dict[str, Any]) -> Table:
    priced = any(row["least_cost_per_mtok"] is not None for row in data["layouts"])
    titles = (
        "GPU",
        "weights",
        "devices",
        "tokens of KV cache",
        f"sequences of {data['context_tokens']:,} tokens",
        "tokens per second, at most",
        f"{'price' if priced else 'device-hours'} per million tokens, at least",
    )
    # In a narrow terminal a title breaks between its words.
    columns = (Column(title, min_width=max(map(len, title.split()))) for title in titles)
    table = Table(*columns, title="smallest layouts")
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
            f"{row['least_device_hours_per_mtok']:.2f}" if cost is None else f"{cost:.2f}",
        )
    return table


def _advice_lines(data: dict[str, Any]) -> list[Text]:
    lines = []
    for advice in data["advice"]:
        layout = advice["layout"]
        shape = f"{layout['devices']} x {advice['gpu']}, {layout['precision']}" if layout else "nothing fits"
        lines.append(Text(f"{advice['gpu']}: {shape}, engine {advice['engine']}", "green" if layout else "red"))
        lines += [Text(f"  {reason}") for reason in advice["reasons"]]
        if data["traffic"] and layout:
            lines += [Text(f"  {line}") for line in _serving_lines(data["traffic"], advice, layout)]
    return lines


def _serving_lines(traffic: dict[str, Any], advice: dict[str, Any], layout: dict[str, Any]) -> list[str]:
    size = f"{traffic['prompt_tokens']:,} + {traffic['answer_tokens']:,} tokens"
    if not (serving := advice["serving"]):
        return [f"no request of {size} fits the KV cache: use more or larger devices"]
    price = serving["price_per_hour"]
    return [
        f"{traffic['per_s']:g} requests per second of {size}: {serving['replicas']} replicas x {layout['devices']} = "
        f"{serving['devices']} {advice['gpu']}" + (f", {price:,.2f} per hour" if price is not None else ""),
        f"each replica is planned for {serving['requests_per_s']:.1f} requests per second, which is "
        f"{USABLE_SHARE:.0%} of what {serving['bound']} allows",
        f"about {serving['users_at_once']:,} users at once; at least {serving['least_ttft_s']:.2f} s to the first "
        f"token, then {1000 * serving['least_tpot_s']:.0f} ms per token",
    ]
