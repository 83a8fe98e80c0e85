"""A decision in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from cluster.wish import Wish
from router.choice import Appraisals, Ranking
from router.types import Prediction

MODES = {"cheap": "the cheapest pool that may answer", "best": "the highest predicted quality"}


def reasons(
    wish: Wish,
    prediction: Prediction,
    appraisals: Appraisals,
    ranking: Ranking,
    skipped: Mapping[str, str],
    cost_lambda: float,
    spilled_to: str | None,
    woken: str | None,
    assumed_prices: bool,
) -> tuple[str, ...]:
    """Why a pool was chosen, most important first."""
    best = ranking.fitting[0]
    chosen = appraisals[best]
    said = [_predicted(prediction)]
    if ranking.unmet:
        said.append(f"{ranking.unmet}, {best}")
    elif wish.mode:
        said.append(f"asked for {MODES[wish.mode]}: {best}")
    else:
        said.append(f"quality less cost is greatest in {best}: {chosen.quality:.2f} - {cost_lambda * chosen.cost:.2f}")
    said += _limits(wish) if not ranking.unmet else ()
    if spilled_to:
        known = math.isfinite(chosen.wait_s)
        wait = f"would wait {chosen.wait_s:.0f} s" if known else "cannot say how long its queue takes"
        said.append(f"{best} {wait}: spilled to {spilled_to}")
    if woken == best:
        said.append(f"every pool that may answer is asleep: {best}, the cheapest, is woken")
    elif woken:
        said.append(f"would have gone to {woken}, which is asleep; it is woken")
    if assumed_prices:
        said.append("no prices in the spec: 1 to 3 to 10 by tier")
    if prediction.fallback:
        said.append(prediction.fallback)
    return (*said, *(f"{pool} skipped: {reason}" for pool, reason in skipped.items()))


def _predicted(prediction: Prediction) -> str:
    qualities = ", ".join(f"{tier} {quality:.2f}" for tier, quality in prediction.quality.items())
    return f"predicted quality {qualities}"


def _limits(wish: Wish) -> Iterator[str]:
    if wish.min_quality is not None:
        yield f"asked for a quality of at least {wish.min_quality:.2f}"
    if wish.max_cost is not None:
        yield f"asked for a cost of at most {wish.max_cost:.3g}"
