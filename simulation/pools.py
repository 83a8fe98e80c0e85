"""A pool: its replicas from launch to release, the requests that wait for one, and which replica takes a request."""

from __future__ import annotations

import random
from collections import deque

from cluster.pool import PoolSpec
from simulation.job import Job
from simulation.launching import Launch, Launcher
from simulation.replica import Replica
from simulation.timing import EngineShape

TRIES = 8
"""Pairs of replicas that are looked at before all are."""


class Pool:
    """One pool of the fleet."""

    def __init__(self, name: str, spec: PoolSpec, shape: EngineShape, launcher: Launcher, seed: int) -> None:
        self.name = name
        self.spec = spec
        self.shape = shape
        self.target = 0
        """Replicas last asked for."""
        self.ready: list[Replica] = []
        """Those that serve, the oldest first."""
        self.draining: set[Replica] = set()
        self.launches: list[Launch] = []
        """Replicas that do not serve yet, the oldest first."""
        self.held: deque[Job] = deque()
        """Requests for which no replica has a place."""
        self.used_s: list[tuple[float, float]] = []
        """From launch to release, of every replica that is gone."""
        self.cold_start_s = 0.0
        """The newest one; 0 before any."""
        self._launcher = launcher
        self._placed_s: dict[Replica, float] = {}
        self._random = random.Random(f"{seed} choice {name}").random

    # -- requests ----------------------------------------------------------------------------------------------

    def pick(self) -> Replica | None:
        """The replica for a request, None where all are full.

        As Ray Serve picks by default: of two replicas drawn at random the one with fewer ongoing requests, if it has
        less than `max_ongoing_requests`; else it tries again. Serve looks at counts that may be some milliseconds old
        and waits a little between its tries; neither is played.
        """
        ready, most = self.ready, self.spec.engine.max_ongoing_requests
        count = len(ready)
        if count > 1:
            for _ in range(TRIES):
                first, second = int(self._random() * count), int(self._random() * (count - 1))
                one, other = ready[first], ready[second + (second >= first)]
                best = one if one.ongoing <= other.ongoing else other
                if best.ongoing < most:
                    return best
        best_of_all = min(ready, key=lambda each: each.ongoing, default=None)
        return best_of_all if best_of_all is not None and best_of_all.ongoing < most else None

    # -- replicas ----------------------------------------------------------------------------------------------

    def resize(self, desired: int, now_s: float) -> list[Replica]:
        """Ask for more replicas or stop some; returns those that begin to drain.

        As Serve does, those that do not serve yet go first, then the newest; that Serve prefers replicas whose node
        would become empty is not played.
        """
        for _ in range(desired - self.target):
            self.launches.append(self._launcher.ask(self.name))
        stopped = []
        for _ in range(self.target - desired):
            if self.launches:
                self._cancel(self.launches.pop(), now_s)
            else:
                stopped.append(self.ready.pop())
        self.draining.update(stopped)
        self.target = desired
        return stopped

    def start(self, launch: Launch, first_token_timeout_s: float) -> Replica:
        """A launched replica serves from now on."""
        self.launches.remove(launch)
        replica = Replica(self.name, f"{self.name}-{launch.number:05}", self.shape, first_token_timeout_s)
        assert launch.placed_s is not None  # only what has devices becomes ready
        self._placed_s[replica] = launch.placed_s
        replica.start_s = launch.ready_s - launch.placed_s
        self.cold_start_s = replica.start_s or self.cold_start_s
        self.ready.append(replica)
        return replica

    def release(self, replica: Replica, now_s: float) -> None:
        """A drained replica gives its devices back."""
        self.draining.remove(replica)
        self._launcher.release(self.name)
        self.used_s.append((self._placed_s.pop(replica), now_s))

    def close(self, now_s: float) -> None:
        """Book the devices of all replicas that are still there."""
        self.used_s += [(placed_s, now_s) for placed_s in self._placed_s.values()]
        self.used_s += [(launch.placed_s, now_s) for launch in self.launches if launch.placed_s is not None]

    def _cancel(self, launch: Launch, now_s: float) -> None:
        self._launcher.cancel(launch)
        if launch.placed_s is not None:
            self.used_s.append((launch.placed_s, now_s))
