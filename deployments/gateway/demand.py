"""Demand of each pool as gateways see it: arrivals, lengths, and requests that no replica has answered yet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from autoscaling.demand_window import DemandWindow
from autoscaling.types import PoolDemand
from cluster.state import FleetState


class GatewayDemand:
    """Counts the demand of one gateway replica."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.ongoing: dict[str, int] = defaultdict(int)
        """Requests that were sent to a pool and have not ended."""
        self._unopened: dict[str, int] = defaultdict(int)
        self._windows: dict[str, DemandWindow] = defaultdict(partial(DemandWindow, clock()))

    def arrived(self, pool: str, prompt_tokens: int) -> None:
        """Count a request as demand of a pool, even if another pool answers it."""
        self._windows[pool].arrived(self._clock(), prompt_tokens)

    def taken(self, pool: str) -> None:
        """Count a request that is sent to a pool."""
        self._windows[pool].taken(self._clock())

    def answered(self, pool: str, answer_tokens: int, *, late: bool) -> None:
        """Count an answer of a pool; `late` is from `autoscaling.lateness.is_late`."""
        self._windows[pool].answered(self._clock(), answer_tokens, late=late)

    @contextmanager
    def asked(self, pool: str) -> Iterator[None]:
        """Count a request as ongoing in this block, from asking the pool to the last byte of its answer."""
        self.ongoing[pool] += 1
        try:
            yield
        finally:
            self.ongoing[pool] -= 1

    @contextmanager
    def unopened(self, pool: str) -> Iterator[None]:
        """Count a request as unopened in this block, while it waits for a pool's first frame."""
        self._unopened[pool] += 1
        try:
            yield
        finally:
            self._unopened[pool] -= 1

    def now(self, pools: Iterable[str], fleet: FleetState | None) -> dict[str, PoolDemand]:
        """Return the demand of each pool."""
        return {pool: self._of(pool, fleet) for pool in pools}

    def _of(self, pool: str, fleet: FleetState | None) -> PoolDemand:
        # Without a snapshot the gateway cannot tell whether a pool is empty. Serve starts an empty pool by itself.
        is_empty = fleet is not None and not (pool in fleet and fleet[pool].ready)
        return self._windows[pool].means(self._clock(), held=self._unopened[pool] if is_empty else 0)
