"""The choice among appraised pools: by the request's preference, then by what load allows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cluster.routing import RoutingSpec
from cluster.wish import Wish
from router.types import Appraisal
from router.weighing import Weighing

Appraisals = Mapping[str, Appraisal]

MODES: Mapping[str | None, Callable[[Appraisal], tuple[float, float]]] = {
    None: lambda a: (-a.utility, a.cost),
    "cheap": lambda a: (a.cost, -a.quality),
    "best": lambda a: (-a.quality, a.cost),
}
"""Sort keys by mode, the preferred pool first."""


@dataclass(frozen=True)
class Ranking:
    """Pools in the order of preference."""

    fitting: tuple[str, ...]
    """Pools within the request's limits; if there is none, the pool that comes closest."""
    others: tuple[str, ...]
    unmet: str | None = None
    """Which limit no pool meets."""


@dataclass(frozen=True)
class PoolChoice:
    """The pool for a request, and how it was found."""

    weighing: Weighing
    appraisals: Appraisals
    """Pools to choose from."""
    ranking: Ranking
    spilled_to: str | None
    """The pool that load sends the request to; None if the best pool takes it."""
    woken: str | None
    """The pool at zero replicas that the request starts."""
    skipped: Mapping[str, str]
    """Pools that may not answer, with the reason."""

    @property
    def best(self) -> str:
        """The best pool, load ignored."""
        return self.ranking.fitting[0]

    @property
    def pool(self) -> str:
        """The pool that answers."""
        return self.spilled_to or self.best


def choose(
    weighing: Weighing, loads: Mapping[str, float], at_zero: Collection[str], skipped: Mapping[str, str]
) -> PoolChoice:
    """The choice for a request.

    Args:
        loads: requests per replica, for each pool that may answer.
        at_zero: which of these pools have no replica.
        skipped: pools that may not answer, with the reason.
    """
    wish = weighing.request.wish
    appraisals, woken = present(wish, {pool: weighing.appraise(pool) for pool in loads}, loads, at_zero, weighing.floor)
    ranking = rank(wish, appraisals, loads, weighing.floor)
    return PoolChoice(
        weighing=weighing,
        appraisals=appraisals,
        ranking=ranking,
        spilled_to=spill(ranking, appraisals, weighing.spec.routing, weighing.state.spill_share),
        woken=woken,
        skipped={**skipped, **{pool: "scaled to zero" for pool in at_zero if pool not in appraisals}},
    )


def rank(wish: Wish, appraisals: Appraisals, loads: Mapping[str, float], floor: float = 0.0) -> Ranking:
    """Order pools by the request's preference; among equal pools the less loaded one comes first.

    Args:
        floor: predicted quality below which a pool comes last, unless the request asks for the cheapest one.
    """

    def key(pool: str) -> tuple[float, ...]:
        appraisal = appraisals[pool]
        return wish.mode is None and appraisal.quality < floor, *MODES[wish.mode](appraisal), loads[pool]

    order = sorted(appraisals, key=key)
    needed = _needed(wish, appraisals)
    fitting = tuple(
        pool for pool in order if appraisals[pool].quality >= needed and _cheap_enough(wish, appraisals[pool])
    )
    unmet = None
    if not fitting:
        closest, unmet = _closest(wish, appraisals)
        fitting = (closest,)
    return Ranking(fitting, tuple(pool for pool in order if pool not in fitting), unmet)


def _needed(wish: Wish, appraisals: Appraisals) -> float:
    """The predicted quality that the request asks for: a share of the best pool's."""
    return (wish.min_quality or 0.0) * max(appraisal.quality for appraisal in appraisals.values())


def _cheap_enough(wish: Wish, appraisal: Appraisal) -> bool:
    return wish.max_cost is None or appraisal.cost <= wish.max_cost


def _closest(wish: Wish, appraisals: Appraisals) -> tuple[str, str]:
    """The pool to use if none is within the limits, and why. Cost comes first: it is certain, quality is predicted."""
    within = [pool for pool in appraisals if _cheap_enough(wish, appraisals[pool])]
    if not within:
        return _cheapest(appraisals), f"no pool is expected to cost at most {wish.max_cost:.3g}: the cheapest one"
    best = min(within, key=lambda pool: MODES["best"](appraisals[pool]))
    limit = f"at a cost of at most {wish.max_cost:.3g}"
    return best, f"no pool keeps {wish.min_quality:.0%} of the best predicted quality {limit}: the best of these"


def _cheapest(appraisals: Appraisals) -> str:
    return min(appraisals, key=lambda pool: MODES["cheap"](appraisals[pool]))


def present(
    wish: Wish, appraisals: Appraisals, loads: Mapping[str, float], at_zero: Collection[str], floor: float = 0.0
) -> tuple[Appraisals, str | None]:
    """The pools to choose from, and the pool at zero replicas that the request starts, if any.

    A request starts the pool that it would have got, while another pool answers it. If all pools are at zero, the
    cheapest one starts and the request waits for it.
    """
    preferred = rank(wish, appraisals, loads, floor).fitting[0]
    up = {pool: appraisal for pool, appraisal in appraisals.items() if pool not in at_zero}
    if not up:
        cheapest = _cheapest(appraisals)
        return {cheapest: appraisals[cheapest]}, cheapest
    return up, preferred if preferred in at_zero else None


def spill(ranking: Ranking, appraisals: Appraisals, routing: RoutingSpec, spill_share: float) -> str | None:
    """The next best pool that can take the request in time, if the best one cannot and the bounds allow it.

    Args:
        spill_share: share of recent requests that load sent to a more expensive pool, 0..1.
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
