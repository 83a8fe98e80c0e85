"""A decision in words: small functions, each with the sentences it adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from router.choice import PoolChoice

MODES = {"cheap": "the cheapest pool that may answer", "best": "the highest predicted quality"}


def predicted(choice: PoolChoice) -> Iterator[str]:
    """The quality model's prediction."""
    prediction, pools = choice.weighing.prediction, choice.weighing.spec.pools.values()
    tiers = [tier for tier in prediction.quality if any(pool.tier == tier for pool in pools)]
    yield "predicted quality " + ", ".join(f"{tier} {prediction.quality[tier]:.2f}" for tier in tiers)


def preferred(choice: PoolChoice) -> Iterator[str]:
    """Why the best pool is the best."""
    best, wish = choice.best, choice.weighing.request.wish
    if choice.ranking.unmet:
        yield f"{choice.ranking.unmet}, {best}"
    elif wish.mode:
        yield f"asked for {MODES[wish.mode]}: {best}"
    else:
        appraisal = choice.appraisals[best]
        price = choice.weighing.cost_lambda * appraisal.cost
        yield f"quality minus cost is highest in {best}: {appraisal.quality:.2f} - {price:.2f}"
        if failing := [pool for pool, other in choice.appraisals.items() if other.quality < choice.weighing.floor]:
            yield f"predicted to fail, so not chosen for the price: {', '.join(failing)}"


def limits(choice: PoolChoice) -> Iterator[str]:
    """The request's limits, if the pool meets them."""
    wish = choice.weighing.request.wish
    if choice.ranking.unmet:
        return
    if wish.min_quality is not None:
        yield f"asked to keep {wish.min_quality:.0%} of the best predicted quality"
    if wish.max_cost is not None:
        yield f"asked for a cost of at most {wish.max_cost:.3g}"


def spilled(choice: PoolChoice) -> Iterator[str]:
    """Load that changed the choice."""
    if choice.spilled_to:
        best, wait_s = choice.best, choice.appraisals[choice.best].wait_s
        wait = f"would wait {wait_s:.0f} s" if math.isfinite(wait_s) else "has no known wait"
        yield f"{best} {wait}: spilled to {choice.spilled_to}"


def started(choice: PoolChoice) -> Iterator[str]:
    """A pool that starts from zero replicas."""
    if choice.woken == choice.best:
        yield f"every pool that may answer is at zero replicas: {choice.best}, the cheapest, starts"
    elif choice.woken:
        yield f"would have gone to {choice.woken}, which is at zero replicas; it starts"


def assumed_prices(choice: PoolChoice) -> Iterator[str]:
    """Default prices."""
    if choice.weighing.costs.assumed:
        yield "no prices in the spec: 1 to 3 to 10 by tier"


def fallback(choice: PoolChoice) -> Iterator[str]:
    """The part of the prediction that is not the learned model's."""
    if choice.weighing.prediction.fallback:
        yield choice.weighing.prediction.fallback


def skipped(choice: PoolChoice) -> Iterator[str]:
    """Pools that may not answer."""
    yield from skips(choice.skipped)


def skips(pools: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each skipped pool."""
    return (f"{pool} skipped: {reason}" for pool, reason in pools.items())


REASONS: Mapping[str, Callable[[PoolChoice], Iterator[str]]] = {
    "predicted": predicted,
    "preferred": preferred,
    "limits": limits,
    "spilled": spilled,
    "started": started,
    "assumed prices": assumed_prices,
    "fallback": fallback,
    "skipped": skipped,
}
"""In the order of the text, most important first."""


def reasons(choice: PoolChoice) -> tuple[str, ...]:
    """Why a pool was chosen."""
    return tuple(sentence for of in REASONS.values() for sentence in of(choice))
