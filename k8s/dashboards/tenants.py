"""Tenants: who sends how many requests, and at which cost."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.panels import RATE_WINDOW, Board, Panel, Query
from k8s.promql import Promql

TENANTS = Promql(where='namespace=~"$namespace",tenant=~"$tenant"', window=RATE_WINDOW)
NAME = "{{tenant}}"


def board(spec: FleetSpec) -> Board:
    """Panels by the name of the API key. Without `gateway.api_keys` there is one unnamed tenant."""
    text = "Requests, tokens and cost by the name of the API key."
    return Board("tenants", "Tenants", text, (("Use", USE), ("Cost", COST)), filters=("tenant",))


USE: tuple[Panel, ...] = (
    Panel(
        "Requests",
        "Requests per second.",
        "reqps",
        (Query(TENANTS.rate("signalbox_tenant_requests", "tenant"), NAME),),
        kind="area",
    ),
    *(
        Panel(
            f"{kind.capitalize()} tokens",
            f"Tokens per second of this tenant's {what}.",
            "short",
            (Query(TENANTS.rate("signalbox_tenant_tokens", "tenant", where=f'kind="{kind}"'), NAME),),
            kind="area",
        )
        for kind, what in (("prompt", "prompts"), ("completion", "answers"))
    ),
    Panel(
        "Rejected",
        "Requests per second that no model answered, by tenant and reason.",
        "reqps",
        (Query(TENANTS.rate("signalbox_rejections", "tenant", "reason"), f"{NAME} {{{{reason}}}}"),),
    ),
)


SPENT, REQUESTS = (TENANTS.rate(f"signalbox_tenant_{what}", "tenant") for what in ("cost", "requests"))
COST: tuple[Panel, ...] = (
    Panel(
        "Cost",
        "Cost of an hour at this rate, in the currency of the spec's prices.",
        "none",
        (Query(f"3600 * {SPENT}", NAME),),
        kind="area",
    ),
    Panel(
        "Cost in the displayed time range",
        "In the currency of the spec's prices.",
        "none",
        (Query(TENANTS.increase("signalbox_tenant_cost", "$__range", "tenant"), NAME),),
        kind="bars",
    ),
    Panel(
        "Cost of a thousand requests",
        "If higher than for other tenants: harder queries, longer answers, or pinned models.",
        "none",
        (Query(f"1000 * {SPENT} / ({REQUESTS} > 0)", NAME),),
    ),
)
