"""Routing: which pool was chosen, how well it was expected to answer, and what changed the choice."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.overview import budget_panel
from k8s.dashboards.panels import FLEET, POOLS, Board, Panel, Query, per_pool


def board(spec: FleetSpec) -> Board:
    """Why queries go where they go."""
    rows = [("Decisions", DECISIONS), ("What changed them", _changes(spec)), ("Cost", _cost(spec))]
    if learning := _learning(spec):
        rows.append(("Learning", learning))
    return Board("routing", "Routing", "Where queries go, why, and at which cost.", tuple(rows))


DECIDED = POOLS.rate("signalbox_route_decisions", "pool")
DECISIONS: tuple[Panel, ...] = (
    Panel(
        "Decisions by pool",
        "Share of decisions. A share that drifts: other traffic, or the budget's controller at work.",
        "percentunit",
        per_pool(f"{DECIDED} / ignoring (pool) group_left () ({POOLS.rate('signalbox_route_decisions')} > 0)"),
        kind="area",
    ),
    Panel(
        "Decisions by mode",
        "pinned: the request named a model; auto, cheap or best: the router chose.",
        "reqps",
        (Query(POOLS.rate("signalbox_route_decisions", "mode"), "{{mode}}"),),
        kind="area",
    ),
    Panel(
        "Expected quality of the chosen pool",
        "Mean of what the model of quality predicts, 0..1. Falls: queries are harder, or the budget is tighter.",
        "percentunit",
        per_pool(POOLS.mean("signalbox_route_quality", "pool")),
    ),
    Panel(
        "Hardest queries",
        "A tenth of a pool's queries had no better expected quality than this. Low in the large pool: too hard "
        "for the fleet.",
        "percentunit",
        per_pool(POOLS.quantile(0.1, "signalbox_route_quality", "pool")),
    ),
    Panel(
        "Complexity of queries",
        "How likely the small tier is to fail, 0..1. Drifts: traffic changed; collect outcomes and train again.",
        "percentunit",
        tuple(
            Query(FLEET.quantile(level, "signalbox_route_score"), f"p{level * 100:.0f}") for level in (0.1, 0.5, 0.9)
        ),
    ),
    Panel(
        "Decided by rules",
        "Share of decisions for which the learned model could not speak. Many: it was trained on other traffic.",
        "percentunit",
        (
            Query(
                FLEET.share(
                    FLEET.rate("signalbox_route_fallbacks"),
                    FLEET.rate("signalbox_route_decisions"),
                ),
                "by rules",
            ),
        ),
    ),
)


def _changes(spec: FleetSpec) -> tuple[Panel, ...]:
    panels = [
        Panel(
            "Spilled for load",
            "Decisions that load changed: from the better pool to the one chosen. Many: the first is too small.",
            "reqps",
            (Query(FLEET.rate("signalbox_route_spills", "from", "to"), "{{from}} to {{to}}"),),
        )
    ]
    if any(pool.replicas.min == 0 for pool in spec.pools.values()):
        panels.append(
            Panel(
                "Wanted a pool that sleeps",
                "Decisions that a pool scaled to zero would have won. Many: raise scaling.idle_s.",
                "reqps",
                per_pool(POOLS.rate("signalbox_route_wakes", "pool")),
            )
        )
    if spec.routing.escalation:
        panels.append(
            Panel(
                "Escalated",
                "Answers that were dropped before their first byte because a higher tier is worth it.",
                "reqps",
                (Query(POOLS.rate("signalbox_escalations", "pool", "to"), "{{pool}} to {{to}}"),),
            )
        )
    return tuple(panels)


def _cost(spec: FleetSpec) -> tuple[Panel, ...]:
    panels = [
        Panel(
            f"{name.capitalize()} cost",
            f"An hour at this rate, by pool: {text}. The two differ for long: answers are longer than expected.",
            "none",
            per_pool(f"3600 * {POOLS.rate(f'signalbox_{name}_cost', 'pool')}"),
            kind="area",
        )
        for name, text in (("predicted", "expected when the request was routed"), ("realised", "tokens generated"))
    ]
    if spec.routing.budget:
        price = Panel(
            "Price of quality",
            "Quality given up per unit of cost (lambda). Falls: the budget allows more than is asked for.",
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
                "Asked of another pool to learn from. dropped: there was too much to do.",
                "reqps",
                (Query(POOLS.rate("signalbox_shadow_requests", "pool", "result"), "{{pool}} {{result}}"),),
            )
        )
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
