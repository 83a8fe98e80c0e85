"""Tenants: who asks for how much, at which cost."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.panels import RATE_WINDOW, Board, Panel, Query
from k8s.promql import Promql

TENANTS = Promql(where='namespace=~"$namespace",tenant=~"$tenant"', window=RATE_WINDOW)
NAME = "{{tenant}}"


def board(spec: FleetSpec) -> Board:
    """By the name of the API key; without `gateway.api_keys` there is one tenant without a name."""
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
        "Refused",
        "Requests per second that no model answered, by tenant and reason.",
        "reqps",
        (Query(TENANTS.rate("signalbox_rejections", "tenant", "reason"), f"{NAME} {{{{reason}}}}"),),
    ),
)


SPENT, ASKED = (TENANTS.rate(f"signalbox_tenant_{what}", "tenant") for what in ("cost", "requests"))
COST: tuple[Panel, ...] = (
    Panel(
        "Cost",
        "What an hour at this rate costs, in the currency of the spec's prices.",
        "none",
        (Query(f"3600 * {SPENT}", NAME),),
        kind="area",
    ),
    Panel(
        "Cost in the time shown",
        "In the currency of the spec's prices.",
        "none",
        (Query(TENANTS.increase("signalbox_tenant_cost", "$__range", "tenant"), NAME),),
        kind="bars",
    ),
    Panel(
        "Cost of a thousand requests",
        "High against other tenants: harder queries, longer answers, or models named outright.",
        "none",
        (Query(f"1000 * {SPENT} / ({ASKED} > 0)", NAME),),
    ),
)
