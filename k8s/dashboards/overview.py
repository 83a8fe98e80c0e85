"""Overview: does the fleet meet its targets, where do queries go, and what do they cost."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.alerts.fleet import COST_SAVED
from k8s.alerts.slo import missed_ratio, objectives
from k8s.dashboards.panels import FLEET, INFERENCE, POOLS, Board, Panel, Query, p50_p95, per_pool, recorded

ALERTS = Panel(
    "Alerts",
    "Signalbox alerts that are pending or firing. docs/alerts.md explains what to do about each.",
    "short",
    (Query('ALERTS{alertname=~"Signalbox.*",namespace=~"$namespace"}'),),
    kind="table",
    width=24,
)


def board(spec: FleetSpec) -> Board:
    """The board to look at first."""
    return Board(
        "overview",
        "Overview",
        "Objectives, where queries go, and what they cost.",
        (("Objectives", _objectives(spec)), ("Traffic", _traffic(spec)), ("Cost", _cost(spec)), ("Alerts", (ALERTS,))),
    )


def _objectives(spec: FleetSpec) -> tuple[Panel, ...]:
    target = spec.scaling.attainment_target
    met = tuple(
        Panel(
            f"Answers with {objective.promise}",
            f"Share of the last hour's answers with {objective.promise}; the target is {target:.4g}.",
            "percentunit",
            (Query(f"1 - {recorded(missed_ratio('1h'), 'max', _of(objective.label))}"),),
            kind="number",
            alarm=target,
            alarm_below=True,
        )
        for objective in objectives(spec)
    )
    burning = recorded(missed_ratio("5m"), "max by (objective)")
    burn = Panel(
        "Burn rate of the error budgets",
        "At rate 1, a 30-day budget lasts 30 days. 14.4 for an hour, or 6 for six, pages the on-call.",
        "none",
        (Query(f"{burning} / {1 - target:.6g}", "{{objective}}"),),
        width=16,
        alarm=14.4,
    )
    good = Panel(
        "Goodput",
        "Answers per second that met every objective, compared with all answers.",
        "reqps",
        (
            Query(FLEET.rate("signalbox_slo_met"), "met every objective"),
            Query(FLEET.rate("signalbox_slo_answers"), "all"),
        ),
    )
    return (*met, burn, good)


def _of(objective: str) -> str:
    return f'objective="{objective}"'


def _traffic(spec: FleetSpec) -> tuple[Panel, ...]:
    decided = POOLS.increase("signalbox_route_decisions", "$__range", "pool")
    return (
        Panel(
            "Requests",
            "Finished requests per second, by the pool that answered. Those without a pool were rejected earlier.",
            "reqps",
            per_pool(POOLS.rate("signalbox_requests", "pool", where=INFERENCE)),
            kind="area",
            width=12,
        ),
        Panel(
            "Where queries went",
            "Routing decisions in the displayed time range, by chosen pool. The Routing dashboard shows why.",
            "short",
            per_pool(decided),
            kind="bars",
            width=12,
        ),
        Panel(
            "Time to first token",
            f"From arrival to first byte; the target is {spec.scaling.ttft_target_s:g} s. If it rises, check queues.",
            "s",
            p50_p95("signalbox_ttft_seconds"),
            alarm=spec.scaling.ttft_target_s,
        ),
        Panel(
            "Time per token",
            f"Time per token after the first; the target is {spec.scaling.tpot_target_s:g} s. If it rises, batches are "
            "too large.",
            "s",
            p50_p95("signalbox_tpot_seconds"),
            alarm=spec.scaling.tpot_target_s,
        ),
        Panel(
            "Generated tokens",
            "Tokens per second by pool, including those of dropped answers.",
            "short",
            per_pool(POOLS.rate("signalbox_completion_tokens", "pool")),
            kind="area",
        ),
    )


def _cost(spec: FleetSpec) -> tuple[Panel, ...]:
    cost, answers = FLEET.rate("signalbox_realised_cost"), FLEET.rate("signalbox_slo_answers")
    panels = (
        Panel(
            "Saved compared with always-large",
            "Share of the cost saved in the last hour, compared with the most expensive pool of the large tier.",
            "percentunit",
            (Query(recorded(COST_SAVED, "avg")),),
            kind="number",
            width=6,
        ),
        Panel(
            "Cost of tokens",
            "Cost of an hour at this rate, by pool, in the currency of the spec's prices.",
            "none",
            per_pool(f"3600 * {POOLS.rate('signalbox_realised_cost', 'pool')}"),
            kind="area",
            width=6,
        ),
        Panel(
            "Cost of a thousand answers",
            "In the currency of the spec's prices. If it rises, queries are harder, or more are spilled or escalated.",
            "none",
            (Query(f"1000 * {cost} / ({answers} > 0)", "mean"),),
            width=6,
        ),
        Panel(
            "Cost of replicas",
            "Ready replicas times prices.replica_per_hour. If it is high with few requests, lower replicas.min.",
            "none",
            per_pool(POOLS.gauge("max", "signalbox_replica_cost_per_hour", "pool")),
            kind="area",
            width=6,
        ),
    )
    return (*panels, budget_panel()) if spec.routing.budget else panels


def budget_panel() -> Panel:
    """The panel for fleets with `routing.budget`."""
    return Panel(
        "Spend compared with the budget",
        "Mean spend divided by routing.budget. Above 1.1 for half an hour, an alert fires.",
        "percentunit",
        (Query(FLEET.gauge("avg", "signalbox_budget_spend_ratio"), "spend / budget"),),
        alarm=1.1,
    )
