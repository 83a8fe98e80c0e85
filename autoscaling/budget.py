"""One device budget over all pools: who gets devices when there are not enough, and who yields to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.spec import FleetSpec

USUAL_PRIORITY = 10
"""Of a pool that `scaling.priorities` does not name."""


@dataclass(frozen=True)
class Want:
    """What one pool asks of the budget."""

    pool: str
    devices: int
    """Of one replica."""
    floor: int
    """Replicas that nobody may take: the minimum, or all where the pool is held."""
    needed: int
    """Replicas that its load needs now."""
    wanted: int
    """Replicas it would have if there were enough: those it still keeps after its load fell are more than it needs."""
    target: int
    """Replicas it has or was promised."""
    priority: int = USUAL_PRIORITY


@dataclass(frozen=True)
class Purse:
    """Devices that some pools share."""

    name: str
    devices: int
    pools: frozenset[str]


@dataclass
class _Account:
    """Grants so far."""

    purses: Sequence[Purse]
    given: dict[str, int] = field(default_factory=dict)

    def empty_purse(self, want: Want, wants: Mapping[str, Want]) -> Purse | None:
        """The purse that does not pay for one replica more."""
        for purse in self.purses:
            if want.devices and want.pool in purse.pools:
                spent = sum(wants[pool].devices * count for pool, count in self.given.items() if pool in purse.pools)
                if spent + want.devices > purse.devices:
                    return purse
        return None


def purses(spec: FleetSpec) -> tuple[Purse, ...]:
    """The budget of the spec, and the devices that each kind of hardware has."""
    names = [name for name, pool in spec.pools.items() if pool.devices]
    found = []
    if spec.scaling.device_budget is not None:
        found.append(Purse("scaling.device_budget", spec.scaling.device_budget, frozenset(names)))
    for name, hardware in spec.hardware.items():
        on_it = frozenset(pool for pool in names if spec.hardware_name(pool) == name)
        found.append(Purse(f"hardware {name}", hardware.nodes * hardware.devices_per_node, on_it))
    return tuple(found)


def share_out(wants: Sequence[Want], shared: Sequence[Purse]) -> dict[str, tuple[int, str]]:
    """Replicas for each pool, and a remark where the budget changed what it gets.

    Floors first. Then what pools need now, by priority; among equals first what a pool already has (a replica that
    moves costs a cold start), then one replica at a time to the pool that has the smallest part of its need. What
    pools would only like to keep comes last: so a busy pool takes a device from an idle one.
    """
    by_pool = {want.pool: want for want in wants}
    account = _Account(shared, {want.pool: want.floor for want in wants})
    for priority in sorted({want.priority for want in wants}):
        peers = [want for want in wants if want.priority == priority]
        _grant(account, by_pool, {want.pool: min(want.needed, want.target) for want in peers})
        _grant(account, by_pool, {want.pool: want.needed for want in peers})
    for priority in sorted({want.priority for want in wants}):
        _grant(account, by_pool, {want.pool: want.wanted for want in wants if want.priority == priority})
    return {want.pool: (account.given[want.pool], _remark(want, account, by_pool)) for want in wants}


def _grant(account: _Account, wants: Mapping[str, Want], upto: Mapping[str, int]) -> None:
    """Raise pools towards their levels, one replica at a time, the one with the smallest part of its need first."""
    open_pools = {pool for pool, level in upto.items() if account.given[pool] < level}
    while open_pools:
        pool = min(sorted(open_pools), key=lambda name: account.given[name] / max(wants[name].needed, 1))
        if account.empty_purse(wants[pool], wants) is None:
            account.given[pool] += 1
        else:
            open_pools.discard(pool)
        open_pools = {name for name in open_pools if account.given[name] < upto[name]}


def _remark(want: Want, account: _Account, wants: Mapping[str, Want]) -> str:
    """Why a pool gets less than it wants, or from whom it takes; empty where the budget is no matter."""
    given = account.given
    others = [other for other in wants.values() if _share_purse(want, other, account.purses)]
    if given[want.pool] < want.wanted:
        purse = account.empty_purse(want, wants)
        why = f"{purse.name} of {purse.devices} devices is spent" if purse else "the devices do not go round"
        winners = [other.pool for other in others if given[other.pool] > other.target]
        if given[want.pool] < want.target and winners:
            return f"yields to {', '.join(winners)}, needing {want.needed} itself: {why}"
        return f"gets {given[want.pool]} of {want.wanted}: {why}"
    givers = [other.pool for other in others if given[other.pool] < min(other.wanted, other.target)]
    return f"takes devices from {', '.join(givers)}" if given[want.pool] > want.target and givers else ""


def _share_purse(one: Want, other: Want, shared: Sequence[Purse]) -> bool:
    """Whether two pools live on the same devices."""
    return one.pool != other.pool and any({one.pool, other.pool} <= purse.pools for purse in shared)
