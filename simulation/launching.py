"""Devices, nodes and cold starts: from the request for a replica until it serves."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from cluster.sharing import devices_taken
from cluster.spec import FleetSpec


@dataclass(frozen=True)
class ColdStart:
    """Duration from a replica's launch until it serves, drawn uniformly between two bounds."""

    shortest_s: float = 60.0
    longest_s: float = 180.0
    node_s: float = 0.0
    """Seconds to add if the replica needs a new node."""


@dataclass(eq=False)
class Launch:
    """A replica that does not serve yet."""

    pool: str
    number: int
    placed_s: float | None = None
    """Time when it received its devices; None while it waits for them."""
    ready_s: float = 0.0
    """Time when it starts to serve; valid only if it is placed."""


@dataclass
class Devices:
    """The devices of one kind of hardware. Nodes are counted, but ranks are not placed on them. Any replica can use any
    free device, and the number of nodes follows the number of used devices."""

    total: int
    per_node: int
    replicas: Counter[float] = field(default_factory=Counter)
    """Placed replicas, by the devices that one of them occupies."""

    def used(self, and_one_of: float | None = None) -> int:
        """Devices in use, also by one more replica that occupies so many."""
        counts = self.replicas + Counter([] if and_one_of is None else [and_one_of])
        return devices_taken(("", each, count) for each, count in counts.items())

    def nodes(self, used: int) -> int:
        """Nodes for a number of used devices."""
        return -(-used // self.per_node)


@dataclass
class Launcher:
    """Assigns devices to replicas in the order of their requests. Replicas that fit may overtake others."""

    spec: FleetSpec
    cold_start: ColdStart
    seed: int
    devices: dict[str, Devices] = field(init=False)

    def __post_init__(self) -> None:
        self.devices = {
            name: Devices(kind.nodes * kind.devices_per_node, kind.devices_per_node)
            for name, kind in self.spec.hardware.items()
        }
        # One generator per pool, so that pools do not affect each other's cold starts.
        self._rng = {pool: random.Random(f"{self.seed} {pool}") for pool in self.spec.pools}
        self._numbers: Counter[str] = Counter()
        self._queue: deque[Launch] = deque()

    def request(self, pool: str) -> Launch:
        """Request one more replica. It waits until `place` gives it devices."""
        self._numbers[pool] += 1
        launch = Launch(pool, self._numbers[pool])
        self._queue.append(launch)
        return launch

    def place(self, now_s: float, at_once: bool = False) -> list[Launch]:
        """Give devices to waiting replicas while there are enough. Return the placed ones.

        Args:
            now_s: time of the simulation.
            at_once: skip the cold start, for replicas that exist before the simulation starts.
        """
        placed = []
        for launch in list(self._queue):
            devices, each = self._needs(launch.pool)
            if devices.used(and_one_of=each) > devices.total:
                continue
            cold = self._rng[launch.pool].uniform(self.cold_start.shortest_s, self.cold_start.longest_s)
            if devices.nodes(devices.used(and_one_of=each)) > devices.nodes(devices.used()):
                cold += self.cold_start.node_s
            devices.replicas[each] += 1
            launch.placed_s, launch.ready_s = now_s, now_s + (0.0 if at_once else cold)
            self._queue.remove(launch)
            placed.append(launch)
        return placed

    def cancel(self, launch: Launch) -> None:
        """Cancel a replica before it serves."""
        if launch.placed_s is None:
            self._queue.remove(launch)
        else:
            self.release(launch.pool)

    def release(self, pool: str) -> None:
        """Free the devices of one replica."""
        devices, each = self._needs(pool)
        devices.replicas[each] -= 1

    def _needs(self, pool: str) -> tuple[Devices, float]:
        return self.devices[self.spec.hardware_name(pool)], self.spec.pools[pool].device_share
