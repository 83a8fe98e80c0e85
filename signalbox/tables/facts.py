"""`signalbox facts`: known models as a table and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.facts import source_of
from cluster.model_facts import ModelFacts
from cluster.plan import kv_kib_per_token, kv_mib_per_sequence


def facts_data(model: str, facts: ModelFacts) -> dict[str, Any]:
    """One model as JSON values."""
    return {
        "model": model,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "active_parameters": facts.active_parameters,
        "max_context_tokens": facts.max_context_tokens,
        "kv_kib_per_token": kv_kib_per_token(facts),
        "kv_mib_per_sequence": round(kv_mib_per_sequence(facts), 2),
        "quantised": facts.quantised,
        "source": source_of(model),
    }


def render_facts(models: list[dict[str, Any]]) -> RenderableType:
    """Models as a table. Sources are in the JSON, because they are long."""
    table = Table("model", "parameters", "active", "context", "KV per token", "KV per sequence", title="known models")
    for row in models:
        bounded = row["kv_mib_per_sequence"]
        table.add_row(
            row["model"],
            f"{row['parameters'] / 1e9:.1f} B",
            f"{row['active_parameters'] / 1e9:.1f} B" if row["active_parameters"] < row["parameters"] else "",
            f"{row['max_context_tokens']:,}",
            f"{row['kv_kib_per_token']:,.0f} KiB",
            f"{bounded:,.0f} MiB" if bounded else "",
        )
    note = f"{len(models)} models. KV per sequence: windows and states, which do not grow. Sources: --json"
    return Group(table, Text(note))
