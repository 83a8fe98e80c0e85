"""Choosing among appraised pools: what the request wishes, then what load allows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cluster.routing import RoutingSpec
from cluster.wish import Wish
from router.types import Appraisal

Appraisals = Mapping[str, Appraisal]

MODES: dict[str | None, Callable[[Appraisal], tuple[float, float]]] = {
    None: lambda a: (-a.utility, a.cost),
    "cheap": lambda a: (a.cost, -a.quality),
    "best": lambda a: (-a.quality, a.cost),
}
"""Sort keys by mode, the preferred pool first."""


@dataclass(frozen=True)
class Ranking:
    """Pools in the order of preference."""

    fitting: tuple[str, ...]
    """Those that do what the request wishes; where none does, the one that comes closest."""
    others: tuple[str, ...]
    unmet: str | None = None
    """Which wish could not be met."""


def rank(wish: Wish, appraisals: Appraisals, loads: Mapping[str, float]) -> Ranking:
    """Order pools by what the request wishes; among equals the less loaded one comes first."""
    order = sorted(appraisals, key=lambda pool: (*MODES[wish.mode](appraisals[pool]), loads[pool]))
    fitting = tuple(
        pool for pool in order if _good_enough(wish, appraisals[pool]) and _cheap_enough(wish, appraisals[pool])
    )
    unmet = None
    if not fitting:
        closest, unmet = _closest(wish, appraisals)
        fitting = (closest,)
    return Ranking(fitting, tuple(pool for pool in order if pool not in fitting), unmet)


def _good_enough(wish: Wish, appraisal: Appraisal) -> bool:
    return wish.min_quality is None or appraisal.quality >= wish.min_quality


def _cheap_enough(wish: Wish, appraisal: Appraisal) -> bool:
    return wish.max_cost is None or appraisal.cost <= wish.max_cost


def _closest(wish: Wish, appraisals: Appraisals) -> tuple[str, str]:
    """The pool to take when none meets the wishes, and why. Money comes first: it is certain, quality is predicted."""
    within = [pool for pool in appraisals if _cheap_enough(wish, appraisals[pool])]
    if not within:
        cheapest = min(appraisals, key=lambda pool: MODES["cheap"](appraisals[pool]))
        return cheapest, f"no pool is expected to cost at most {wish.max_cost:.3g}: the cheapest one"
    best = min(within, key=lambda pool: MODES["best"](appraisals[pool]))
    limit = f" at a cost of at most {wish.max_cost:.3g}" if wish.max_cost is not None else ""
    return best, f"no pool is predicted to reach quality {wish.min_quality:.2f}{limit}: the best one"


def awake(
    wish: Wish, appraisals: Appraisals, loads: Mapping[str, float], asleep: Collection[str]
) -> tuple[Appraisals, str | None]:
    """The pools to choose from, and the sleeping one to wake, if any.

    A pool that sleeps is woken by the requests that it would have got, while others answer them. Where all sleep, the
    cheapest is the choice: its requests wait for it.
    """
    wanted = rank(wish, appraisals, loads).fitting[0]
    up = {pool: appraisal for pool, appraisal in appraisals.items() if pool not in asleep}
    if not up:
        wanted = min(appraisals, key=lambda pool: MODES["cheap"](appraisals[pool]))
        return {wanted: appraisals[wanted]}, wanted
    return up, wanted if wanted in asleep else None


def spill(ranking: Ranking, appraisals: Appraisals, routing: RoutingSpec, spill_share: float) -> str | None:
    """The next best pool that can take the request in time, when the best one cannot and the bounds allow it.

    Args:
        spill_share: share of recent requests that load sent to a dearer pool, 0..1.
    """
    best, *rest = (appraisals[pool] for pool in ranking.fitting)
    if best.wait_s <= routing.max_wait_s:
        return None
    may_cost_more = spill_share < routing.max_spill_share or routing.max_spill_share == 1
    for pool, other in zip(ranking.fitting[1:], rest, strict=True):
        in_time = other.wait_s <= routing.max_wait_s
        affordable = other.cost <= best.cost or may_cost_more
        good = best.quality - other.quality <= routing.max_quality_loss
        if in_time and affordable and good:
            return pool
    return None
