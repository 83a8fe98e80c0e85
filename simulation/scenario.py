"""Everything of a simulation but its policy, so that several policies meet the very same conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.spec import FleetSpec
from router.quality import QualityModel
from router.types import RoutingRequest
from simulation.arrivals import Arrivals, draw_queries
from simulation.baselines import Knowledge, Point
from simulation.desk import KnownQuality
from simulation.fleet import Conditions, Fleet, Run
from simulation.foresight import knowledge
from simulation.launching import ColdStart
from simulation.policies import make_policy
from simulation.shapes import NotSimulated, engine_shape
from simulation.summary import Summary, summarise
from simulation.workload import Workload


@dataclass(frozen=True)
class Scenario:
    """A fleet, what arrives at it, and under which conditions."""

    spec: FleetSpec
    arrivals: Arrivals
    conditions: Conditions
    known: Knowledge

    def play(self, policy: str, parameters: Point, progress: Callable[[float], None]) -> tuple[Run, Summary]:
        """One run.

        Args:
            progress: hears how much of the time is done, 0..1.

        Raises:
            UnknownPolicy: the policy's name or a parameter is wrong.
        """
        made = make_policy(policy, self.spec, parameters, self.known)
        run = Fleet(self.spec, self.arrivals, self.conditions, made).run(progress)
        return run, summarise(self.spec, self.arrivals.workload, run)


def make_scenario(
    spec: FleetSpec,
    workload: Workload,
    queries: Sequence[RoutingRequest],
    model: QualityModel,
    cold_start: ColdStart,
    seed: int,
) -> Scenario:
    """A scenario. What the router predicts of each query is worked out here, once.

    Raises:
        NotSimulated: the spec has a pool that cannot be simulated, or no devices for its minimum replicas.
    """
    shapes = {name: engine_shape(spec, name) for name in spec.pools}
    _check_devices(spec)
    known_quality = KnownQuality(model)
    for query in queries:
        known_quality.predict(query)
    arrivals = Arrivals(workload, draw_queries(queries, len(workload), seed), known_quality)
    return Scenario(spec, arrivals, Conditions(shapes, cold_start, seed), knowledge(spec, shapes, arrivals))


def _check_devices(spec: FleetSpec) -> None:
    for name, kind in spec.hardware.items():
        pools = [pool for pool in spec.pools if spec.hardware_name(pool) == name]
        needed = sum(max(spec.pools[pool].replicas.min, 1) * spec.pools[pool].devices for pool in pools)
        there = kind.nodes * kind.devices_per_node
        if needed > there:
            raise NotSimulated(
                f"hardware.{name}: has {there} devices, the least replicas of {', '.join(pools)} take {needed}: "
                f"write more nodes, or lower replicas.min"
            )
