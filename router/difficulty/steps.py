"""A fleet's ladder: for each tier, how hard a request may be before its models fail, and where this number is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.pool import TIERS, PoolSpec
from cluster.spec import FleetSpec
from router.difficulty.benchmarks import NAME, plain_name
from router.difficulty.ladder import LADDER

AT_ZERO, PER_MEAN = 0.174, 1.108
"""A step is AT_ZERO + PER_MEAN x mean. Fitted by least squares to the models for which LADDER was set: Mistral-7B v0.3
and Llama-3-8B at its small step, Mixtral-8x7B at its moe step, Llama-3-70B at its large one. It misses none by more
than .03."""


@dataclass(frozen=True)
class Step:
    """One tier's place on the ladder."""

    difficulty: float
    """Difficulty at which an answer is as likely good as bad."""
    origin: str
    """Where the number is from, in a few words."""


def steps(spec: FleetSpec, means: Mapping[str, float]) -> dict[str, Step]:
    """Return the ladder of a fleet: as the spec says, else from its models, else the default, and never descending.

    Args:
        means: benchmark mean (0..1) by plain name, see `router.difficulty.benchmarks`.
    """
    own = {str(tier): difficulty for tier, difficulty in (spec.routing.ladder or {}).items()}
    found: dict[str, Step] = {}
    highest = 0.0
    for tier in TIERS:
        pools = [pool for pool in spec.pools.values() if pool.tier == tier]
        step = Step(own[tier], "routing.ladder") if tier in own else _measured(tier, pools, means)
        if tier not in own and step.difficulty < highest:
            step = Step(highest, "as the tier below")
        found[tier] = step
        if pools:
            highest = max(highest, step.difficulty)
    return found


def _measured(tier: str, pools: list[PoolSpec], means: Mapping[str, float]) -> Step:
    """The step of the weakest model of a tier, if the table has all of them."""
    known = [_mean(pool, means) for pool in pools]
    weakest = min((mean for mean in known if mean is not None), default=None)
    if weakest is None or None in known:
        return Step(LADDER[tier], "default")
    return Step(AT_ZERO + PER_MEAN * weakest, f"{NAME} {weakest:.0%}")


def _mean(pool: PoolSpec, means: Mapping[str, float]) -> float | None:
    """A model in the table counts by its id; a folder may have a served name that the table has."""
    return means.get(plain_name(pool.model), means.get(plain_name(pool.public_name)))
