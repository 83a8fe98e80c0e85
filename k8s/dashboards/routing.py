"""Routing: the chosen pools, their expected quality, and what changed the choice."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.overview import budget_panel
from k8s.dashboards.panels import FLEET, POOLS, Board, Panel, Query, per_pool


def board(spec: FleetSpec) -> Board:
    """Where queries go, why, and at which cost."""
    rows = [("Decisions", DECISIONS), ("What changed them", _changes(spec)), ("Cost", _cost(spec))]
    if learning := _learning(spec):
        rows.append(("Learning", learning))
    return Board("routing", "Routing", "Where queries go, why, and at which cost.", tuple(rows))


DECIDED = POOLS.rate("signalbox_route_decisions", "pool")
DECISIONS: tuple[Panel, ...] = (
    Panel(
        "Decisions by pool",
        "Share of decisions. It drifts when traffic changes or when the budget controller adjusts.",
        "percentunit",
        per_pool(f"{DECIDED} / ignoring (pool) group_left () ({POOLS.rate('signalbox_route_decisions')} > 0)"),
        kind="area",
    ),
    Panel(
        "Decisions by mode",
        "pinned: the request named a model. auto, cheap, best: the router chose.",
        "reqps",
        (Query(POOLS.rate("signalbox_route_decisions", "mode"), "{{mode}}"),),
        kind="area",
    ),
    Panel(
        "Expected quality of the chosen pool",
        "Mean prediction of the quality model, 0..1. If it falls, queries are harder or the budget is tighter.",
        "percentunit",
        per_pool(POOLS.mean("signalbox_route_quality", "pool")),
    ),
    Panel(
        "Hardest queries",
        "10th percentile of a pool's expected quality. If it is low in the large pool, some queries are too hard for "
        "the fleet.",
        "percentunit",
        per_pool(POOLS.quantile(0.1, "signalbox_route_quality", "pool")),
    ),
    Panel(
        "Complexity of queries",
        "Probability that the small tier fails, 0..1. If it drifts, traffic changed: collect outcomes and retrain.",
        "percentunit",
        tuple(
            Query(FLEET.quantile(level, "signalbox_route_score"), f"p{level * 100:.0f}") for level in (0.1, 0.5, 0.9)
        ),
    ),
    Panel(
        "Fallbacks",
        "Share of decisions with an uncertain prediction. If high, requests are unlike the prompts of training.",
        "percentunit",
        (
            Query(
                FLEET.share(
                    FLEET.rate("signalbox_route_fallbacks"),
                    FLEET.rate("signalbox_route_decisions"),
                ),
                "fallbacks",
            ),
        ),
    ),
)


def _changes(spec: FleetSpec) -> tuple[Panel, ...]:
    panels = [
        Panel(
            "Spilled for load",
            "Decisions that load changed, from the better pool to the chosen one. If there are many, the first is too "
            "small.",
            "reqps",
            (Query(FLEET.rate("signalbox_route_spills", "from", "to"), "{{from}} to {{to}}"),),
        )
    ]
    if any(pool.replicas.min == 0 for pool in spec.pools.values()):
        panels.append(
            Panel(
                "Wanted a pool at zero replicas",
                "Decisions that a pool at zero replicas would have won. If there are many, raise scaling.idle_s.",
                "reqps",
                per_pool(POOLS.rate("signalbox_route_wakes", "pool")),
            )
        )
    if spec.routing.escalation and len({pool.tier for pool in spec.pools.values()}) > 1:
        panels.append(
            Panel(
                "Escalated",
                "Answers dropped before their first byte because a higher tier was worth its cost.",
                "reqps",
                (Query(POOLS.rate("signalbox_escalations", "pool", "to"), "{{pool}} to {{to}}"),),
            )
        )
    return tuple(panels)


def _cost(spec: FleetSpec) -> tuple[Panel, ...]:
    panels = [
        Panel(
            f"{name.capitalize()} cost",
            f"Cost of an hour at this rate, by pool: {text}. If predicted and realised cost keep differing, answers "
            "are longer or shorter than expected.",
            "none",
            per_pool(f"3600 * {POOLS.rate(f'signalbox_{name}_cost', 'pool')}"),
            kind="area",
        )
        for name, text in (("predicted", "as expected at routing time"), ("realised", "of the generated tokens"))
    ]
    if spec.routing.budget:
        price = Panel(
            "Price of quality",
            "Quality given up per unit of cost (lambda). If it falls, the budget allows more than the load needs.",
            "none",
            (Query(FLEET.gauge("avg", "signalbox_route_lambda"), "lambda"),),
        )
        panels += [budget_panel(), price]
    return tuple(panels)


def _learning(spec: FleetSpec) -> tuple[Panel, ...]:
    panels = []
    if spec.routing.shadow:
        panels.append(
            Panel(
                "Shadow requests",
                "Copies of requests that another pool answers for learning. dropped: the pool was too busy.",
                "reqps",
                (Query(POOLS.rate("signalbox_shadow_requests", "pool", "result"), "{{pool}} {{result}}"),),
            )
        )
    if spec.routing.learn:
        panels += [
            Panel(
                "Comparisons",
                "Answered requests that another tier answers too. too_expensive: the bound on extra cost is reached.",
                "reqps",
                (Query(POOLS.rate("signalbox_comparisons", "pool", "result"), "{{pool}} {{result}}"),),
            ),
            Panel(
                "Labels",
                "What the router learns from by itself, by source.",
                "none",
                (Query(FLEET.gauge("max", "signalbox_labels", "source"), "{{source}}"),),
            ),
        ]
    if spec.routing.feedback:
        panels.append(
            Panel(
                "Feedback",
                "Scores that clients sent, by the tier that answered.",
                "reqps",
                (Query(FLEET.rate("signalbox_feedback", "tier"), "{{tier}}"),),
            )
        )
    return tuple(panels)
