"""`signalbox route`: the router's decision for one query, as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cluster.spec import FleetSpec
from router.decide import Router
from router.requests import from_chat
from router.types import BadRequest, NoPool


def explain_route(spec: FleetSpec, text: str, model: str, out: Console) -> str | None:
    """Print the decision; return what is wrong when there is none."""
    try:
        request = from_chat({"model": model, "messages": [{"role": "user", "content": text}]})
        decision = Router(spec).decide(request, None, 0.0)
    except (BadRequest, NoPool) as error:
        return error.message
    table = Table(show_header=False, title="route")
    table.add_row("pool", decision.pool)
    table.add_row("tier", decision.tier)
    table.add_row("score", f"{decision.score:.3f}")
    for reason in decision.reasons:
        table.add_row("because", reason)
    for pool, reason in decision.skipped.items():
        table.add_row(f"skipped {pool}", reason)
    table.add_row("else", ", ".join(decision.alternatives) or "none")
    out.print(table)
    return None
