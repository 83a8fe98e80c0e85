"""Devices and the way of a replica from being asked for to serving: nodes, places, cold starts."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from cluster.spec import FleetSpec


@dataclass(frozen=True)
class ColdStart:
    """How long it takes from the launch of a replica until it serves; drawn evenly between the two bounds."""

    shortest_s: float = 60.0
    longest_s: float = 180.0
    node_s: float = 0.0
    """Added where the replica needs a node that is not there yet."""


@dataclass(eq=False)
class Launch:
    """A replica that does not serve yet."""

    pool: str
    number: int
    placed_s: float | None = None
    """When it got its devices; None while it waits for some."""
    ready_s: float = 0.0
    """When it serves; only where it is placed."""


@dataclass
class Devices:
    """The devices of one kind of hardware. Nodes are counted, ranks are not placed: devices of half empty nodes go to
    any replica, and a node goes when no device of it is needed."""

    total: int
    per_node: int
    used: int = 0

    def nodes(self, used: int) -> int:
        """Nodes that some devices take."""
        return -(-used // self.per_node)


@dataclass
class Launcher:
    """Gives out devices in the order in which replicas were asked for; what fits goes past what does not."""

    spec: FleetSpec
    cold_start: ColdStart
    seed: int
    devices: dict[str, Devices] = field(init=False)

    def __post_init__(self) -> None:
        self.devices = {
            name: Devices(kind.nodes * kind.devices_per_node, kind.devices_per_node)
            for name, kind in self.spec.hardware.items()
        }
        # A generator for each pool: what one pool does changes no other pool's starts.
        self._rng = {pool: random.Random(f"{self.seed} {pool}") for pool in self.spec.pools}
        self._numbers: Counter[str] = Counter()
        self._queue: deque[Launch] = deque()

    def ask(self, pool: str) -> Launch:
        """One more replica; it waits for its devices until `place` has some."""
        self._numbers[pool] += 1
        launch = Launch(pool, self._numbers[pool])
        self._queue.append(launch)
        return launch

    def place(self, now_s: float, at_once: bool = False) -> list[Launch]:
        """Give devices to those that wait, as far as they go; returns those that got some.

        Args:
            at_once: without a cold start, for replicas that were there before the simulation began.
        """
        placed = []
        for launch in list(self._queue):
            devices, needed = self._needs(launch.pool)
            if devices.used + needed > devices.total:
                continue
            cold = self._rng[launch.pool].uniform(self.cold_start.shortest_s, self.cold_start.longest_s)
            if devices.nodes(devices.used + needed) > devices.nodes(devices.used):
                cold += self.cold_start.node_s
            devices.used += needed
            launch.placed_s, launch.ready_s = now_s, now_s + (0.0 if at_once else cold)
            self._queue.remove(launch)
            placed.append(launch)
        return placed

    def cancel(self, launch: Launch) -> None:
        """Stop a replica before it serves."""
        if launch.placed_s is None:
            self._queue.remove(launch)
        else:
            self.release(launch.pool)

    def release(self, pool: str) -> None:
        """Take back one replica's devices."""
        devices, needed = self._needs(pool)
        devices.used -= needed

    def _needs(self, pool: str) -> tuple[Devices, int]:
        return self.devices[self.spec.hardware_name(pool)], self.spec.pools[pool].devices
