"""What gateways see of demand, pool by pool: arrivals, lengths, and requests that no replica has answered yet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from autoscaling.demand_window import DemandWindow
from cluster.state import FleetState

FORGET_AFTER_S = 5.0
"""A gateway replica that said nothing for so long is gone, and its demand with it."""


@dataclass(frozen=True)
class PoolDemand:
    """Demand for one pool, as one gateway replica sees it or all together."""

    arrivals_per_s: float = 0.0
    """Requests that are demand of the pool, mean over the window of `autoscaling.demand_window`."""
    prompt_tokens: float = 0.0
    """Mean prompt of the window's requests; 0 without any."""
    answer_tokens: float = 0.0
    """Mean answer that ended in the window; 0 without any."""
    answers_per_s: float = 0.0
    """Answers that ended, mean over the window."""
    late_ratio: float = 0.0
    """Share of them that missed the targets of the spec's `scaling`."""
    taken_per_s: float = 0.0
    """Requests sent to the pool, whichever pool's demand they were; mean over the window."""
    held: int = 0
    """Requests without a first frame while the pool has no replica."""


class GatewayDemand:
    """Counts of one gateway replica."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.ongoing: dict[str, int] = defaultdict(int)
        """Requests that have been sent to a pool and not ended yet."""
        self._unopened: dict[str, int] = defaultdict(int)
        self._windows: dict[str, DemandWindow] = defaultdict(partial(DemandWindow, clock()))

    def arrived(self, pool: str, prompt_tokens: int) -> None:
        """A request is demand of a pool, though another may answer it."""
        self._windows[pool].arrived(self._clock(), prompt_tokens)

    def taken(self, pool: str) -> None:
        """A request is sent to a pool."""
        self._windows[pool].taken(self._clock())

    def answered(self, pool: str, answer_tokens: int, *, late: bool) -> None:
        """An answer of a pool ended; whether it was late, as `autoscaling.lateness.is_late`."""
        self._windows[pool].answered(self._clock(), answer_tokens, late=late)

    @contextmanager
    def asked(self, pool: str) -> Iterator[None]:
        """While a request is at a pool, from asking it to the last byte of its answer."""
        self.ongoing[pool] += 1
        try:
            yield
        finally:
            self.ongoing[pool] -= 1

    @contextmanager
    def unopened(self, pool: str) -> Iterator[None]:
        """While a request waits for a pool's first frame."""
        self._unopened[pool] += 1
        try:
            yield
        finally:
            self._unopened[pool] -= 1

    def now(self, pools: Iterable[str], fleet: FleetState | None) -> dict[str, PoolDemand]:
        """Demand for each of the pools."""
        return {pool: self._of(pool, fleet) for pool in pools}

    def _of(self, pool: str, fleet: FleetState | None) -> PoolDemand:
        # Without a snapshot nobody knows whether a replica is there; Serve wakes an empty pool by itself.
        is_empty = fleet is not None and not (pool in fleet and fleet[pool].ready)
        return PoolDemand(*self._windows[pool].means(self._clock()), held=self._unopened[pool] if is_empty else 0)


def together(demands: Iterable[Mapping[str, PoolDemand]]) -> dict[str, PoolDemand]:
    """Demand of all gateway replicas: rates and held requests add up, the rest are means over requests or answers."""
    by_pool: dict[str, list[PoolDemand]] = defaultdict(list)
    for demand in demands:
        for pool, one in demand.items():
            by_pool[pool].append(one)
    return {pool: _joined(parts) for pool, parts in by_pool.items()}


def _joined(parts: list[PoolDemand]) -> PoolDemand:
    arrivals, answers = [part.arrivals_per_s for part in parts], [part.answers_per_s for part in parts]
    return PoolDemand(
        arrivals_per_s=sum(arrivals),
        prompt_tokens=_mean([part.prompt_tokens for part in parts], arrivals),
        answer_tokens=_mean([part.answer_tokens for part in parts], answers),
        answers_per_s=sum(answers),
        late_ratio=_mean([part.late_ratio for part in parts], answers),
        taken_per_s=sum(part.taken_per_s for part in parts),
        held=sum(part.held for part in parts),
    )


def _mean(values: list[float], weights: list[float]) -> float:
    total = sum(weights)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total if total else 0.0
