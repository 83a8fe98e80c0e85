"""Replicas that share devices: how many devices a set of replicas occupies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

UNITS = 10_000
"""Units of a device: Ray counts in ten-thousandths (`kResourceUnitScaling` in its src/ray/common/constants.h)."""
CONTEXT_GIB = 0.5
"""Memory of a process's CUDA context on a large GPU. It is outside what vLLM counts as its `gpu_memory_utilization`."""


def units(share: float) -> int:
    """A share of a device in units."""
    return round(share * UNITS)


def highest_utilization(share: float, device_gib: float) -> float:
    """The largest `gpu_memory_utilization` of an engine that keeps to its share of a device, its context included."""
    return share - CONTEXT_GIB / device_gib


class SharedDevices:
    """Devices that replicas share. A replica lies on one device."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.free: Counter[int] = Counter()
        """Devices in use, by their free units."""

    def place(self, share: float) -> bool:
        """Put a replica on the fullest device that has room, else on a new one; False if there are no more devices."""
        needed = units(share)
        room = min((free for free, count in self.free.items() if count and free >= needed), default=None)
        if room is None:
            if self.used == self.most:
                return False
            room = UNITS
        else:
            self.free[room] -= 1
        self.free[room - needed] += 1
        return True

    @property
    def used(self) -> int:
        """Devices in use."""
        return self.free.total()


def fit_smallest_first(shares: Iterable[float], devices: int) -> bool:
    """Whether replicas with these shares also find room in the order that wastes most of it."""
    shared = SharedDevices(devices)
    return all(map(shared.place, sorted(shares)))


def devices_taken(replicas: Iterable[tuple[str, float, int]]) -> int:
    """Devices that replicas occupy, where the largest shares of a device are placed first.

    Args:
        replicas: the kind of hardware, the devices of one replica (a whole number, or a share of one device) and the
            number of such replicas. Replicas share only devices of one kind.
    """
    taken, shares = 0, defaultdict[str, list[tuple[float, int]]](list)
    for kind, each, count in replicas:
        if 0 < each < 1:
            shares[kind].append((each, count))
        else:
            taken += round(each) * count
    return taken + sum(map(_packed, shares.values()))


def _packed(shares: list[tuple[float, int]]) -> int:
    devices = SharedDevices()
    for share, count in sorted(shares, reverse=True):
        for _ in range(count):
            devices.place(share)
    return devices.used
