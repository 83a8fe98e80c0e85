"""A pool: its replicas from launch to release, its held requests, and the choice of a replica for a request."""

from __future__ import annotations

import random
from collections import deque

from cluster.pool import PoolSpec
from simulation.job import Job
from simulation.launching import Launch, Launcher
from simulation.replica import Replica
from simulation.timing import EngineShape

TRIES = 8
"""Random pairs of replicas to try before all replicas are compared."""


class Pool:
    """One pool of the fleet."""

    def __init__(self, name: str, spec: PoolSpec, shape: EngineShape, launcher: Launcher, seed: int) -> None:
        self.name = name
        self.spec = spec
        self.shape = shape
        self.target = 0
        """Replicas last requested."""
        self.ready: list[Replica] = []
        """Replicas that serve, oldest first."""
        self.draining: set[Replica] = set()
        self.launches: list[Launch] = []
        """Replicas that do not serve yet, oldest first."""
        self.held: deque[Job] = deque()
        """Requests that wait because no replica has room."""
        self.used_s: list[tuple[float, float]] = []
        """Launch and release times of every stopped replica."""
        self.cold_start_s = 0.0
        """Last cold start in seconds; 0 before the first."""
        self._launcher = launcher
        self._placed_s: dict[Replica, float] = {}
        self._random = random.Random(f"{seed} choice {name}").random

    # -- requests ----------------------------------------------------------------------------------------------

    def pick(self) -> Replica | None:
        """The replica for a request; None if all are full.

        Like Ray Serve by default, it draws two replicas at random and takes the one with fewer ongoing requests, if
        that is below `max_ongoing_requests`; otherwise it tries again. Serve's counts may be some milliseconds old, and
        it waits a little between its tries. Neither is simulated.
        """
        ready, limit = self.ready, self.spec.engine.max_ongoing_requests
        count = len(ready)
        if count > 1:
            for _ in range(TRIES):
                first, second = int(self._random() * count), int(self._random() * (count - 1))
                one, other = ready[first], ready[second + (second >= first)]
                best = one if one.ongoing <= other.ongoing else other
                if best.ongoing < limit:
                    return best
        best_of_all = min(ready, key=lambda each: each.ongoing, default=None)
        return best_of_all if best_of_all is not None and best_of_all.ongoing < limit else None

    # -- replicas ----------------------------------------------------------------------------------------------

    def resize(self, desired: int, now_s: float) -> list[Replica]:
        """Request more replicas or stop some. Return those that start to drain.

        Like Serve, it first stops replicas that do not serve yet, then the newest. Serve's preference for replicas
        whose node would become empty is not simulated.
        """
        for _ in range(desired - self.target):
            self.launches.append(self._launcher.request(self.name))
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
        """Turn a launch into a replica that serves."""
        self.launches.remove(launch)
        replica = Replica(self.name, f"{self.name}-{launch.number:05}", self.shape, first_token_timeout_s)
        assert launch.placed_s is not None  # only what has devices becomes ready
        self._placed_s[replica] = launch.placed_s
        replica.start_s = launch.ready_s - launch.placed_s
        self.cold_start_s = replica.start_s or self.cold_start_s
        self.ready.append(replica)
        return replica

    def release(self, replica: Replica, now_s: float) -> None:
        """Free the devices of a drained replica."""
        self.draining.remove(replica)
        self._launcher.release(self.name)
        self.used_s.append((self._placed_s.pop(replica), now_s))

    def close(self, now_s: float) -> None:
        """Record the device use of all remaining replicas."""
        self.used_s += [(placed_s, now_s) for placed_s in self._placed_s.values()]
        self.used_s += [(launch.placed_s, now_s) for launch in self.launches if launch.placed_s is not None]

    def _cancel(self, launch: Launch, now_s: float) -> None:
        self._launcher.cancel(launch)
        if launch.placed_s is not None:
            self.used_s.append((launch.placed_s, now_s))
