"""The device budgets of all pools: who gets devices when there are not enough, and who yields to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.sharing import devices_taken
from cluster.spec import FleetSpec

USUAL_PRIORITY = 10
"""Priority of a pool that `scaling.priorities` does not name."""


@dataclass(frozen=True)
class Claim:
    """What one pool claims of the budgets."""

    pool: str
    devices: float
    """Devices of one replica: a whole number, or its share of one."""
    floor: int
    """Replicas that no other pool may take: the minimum, or all replicas while the pool is paused."""
    needed: int
    """Replicas that its load needs now."""
    wanted: int
    """Replicas that it would have if there were enough devices: more than it needs while its load falls."""
    target: int
    """Replicas that it has or was granted before."""
    priority: int = USUAL_PRIORITY
    hardware: str = ""
    """Kind of the devices. Replicas that take less than one share only devices of their kind."""


@dataclass(frozen=True)
class DeviceBudget:
    """Devices that some pools share."""

    name: str
    devices: int
    pools: frozenset[str]


@dataclass
class _Grants:
    """Replicas granted so far."""

    budgets: Sequence[DeviceBudget]
    granted: dict[str, int] = field(default_factory=dict)

    def exhausted(self, claim: Claim, claims: Mapping[str, Claim]) -> DeviceBudget | None:
        """The budget that has no devices left for one more replica."""
        for budget in self.budgets:
            if claim.devices and claim.pool in budget.pools:
                counts = self.granted | {claim.pool: self.granted[claim.pool] + 1}
                on_it = ((claims[pool], count) for pool, count in counts.items() if pool in budget.pools)
                if devices_taken((each.hardware, each.devices, count) for each, count in on_it) > budget.devices:
                    return budget
        return None


def device_budgets(spec: FleetSpec) -> tuple[DeviceBudget, ...]:
    """The spec's `device_budget`, and the devices of each kind of hardware."""
    names = [name for name, pool in spec.pools.items() if pool.devices]
    budgets = []
    if spec.scaling.device_budget is not None:
        budgets.append(DeviceBudget("scaling.device_budget", spec.scaling.device_budget, frozenset(names)))
    for name, hardware in spec.hardware.items():
        on_it = frozenset(pool for pool in names if spec.hardware_name(pool) == name)
        budgets.append(DeviceBudget(f"hardware {name}", hardware.nodes * hardware.devices_per_node, on_it))
    return tuple(budgets)


def share_out(claims: Sequence[Claim], budgets: Sequence[DeviceBudget]) -> dict[str, tuple[int, str]]:
    """Replicas for each pool, and a remark if the budgets changed its number.

    Floors come first. Then come current needs, by priority. Among equal priorities, a pool first keeps what it has (a
    replica that moves costs a cold start); then the pool with the smallest share of its need gets one replica at a
    time. Replicas that pools would only keep come last, so a busy pool takes a device from an idle one.
    """
    by_pool = {claim.pool: claim for claim in claims}
    grants = _Grants(budgets, {claim.pool: claim.floor for claim in claims})
    for priority in sorted({claim.priority for claim in claims}):
        peers = [claim for claim in claims if claim.priority == priority]
        _grant(grants, by_pool, {claim.pool: min(claim.needed, claim.target) for claim in peers})
        _grant(grants, by_pool, {claim.pool: claim.needed for claim in peers})
    for priority in sorted({claim.priority for claim in claims}):
        _grant(grants, by_pool, {claim.pool: claim.wanted for claim in claims if claim.priority == priority})
    return {claim.pool: (grants.granted[claim.pool], _remark(claim, grants, by_pool)) for claim in claims}


def _grant(grants: _Grants, claims: Mapping[str, Claim], upto: Mapping[str, int]) -> None:
    """Raise pools towards their levels, one replica at a time, the pool with the smallest share of its need first."""
    open_pools = {pool for pool, level in upto.items() if grants.granted[pool] < level}
    while open_pools:
        pool = min(sorted(open_pools), key=lambda name: grants.granted[name] / max(claims[name].needed, 1))
        if grants.exhausted(claims[pool], claims) is None:
            grants.granted[pool] += 1
        else:
            open_pools.discard(pool)
        open_pools = {name for name in open_pools if grants.granted[name] < upto[name]}


def _remark(claim: Claim, grants: _Grants, claims: Mapping[str, Claim]) -> str:
    """Why a pool gets less than it wants, or from which pools it takes; empty if the budgets change nothing."""
    granted = grants.granted
    others = [other for other in claims.values() if _share_budget(claim, other, grants.budgets)]
    if granted[claim.pool] < claim.wanted:
        budget = grants.exhausted(claim, claims)
        why = f"{budget.name} of {budget.devices} devices is spent" if budget else "there are not enough devices"
        winners = [other.pool for other in others if granted[other.pool] > other.target]
        if granted[claim.pool] < claim.target and winners:
            return f"yields to {', '.join(winners)}, needing {claim.needed} itself: {why}"
        return f"gets {granted[claim.pool]} of {claim.wanted}: {why}"
    givers = [other.pool for other in others if granted[other.pool] < min(other.wanted, other.target)]
    return f"takes devices from {', '.join(givers)}" if granted[claim.pool] > claim.target and givers else ""


def _share_budget(one: Claim, other: Claim, budgets: Sequence[DeviceBudget]) -> bool:
    """Whether two pools use the same devices."""
    return one.pool != other.pool and any({one.pool, other.pool} <= budget.pools for budget in budgets)
