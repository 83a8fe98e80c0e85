"""A simulation without its policy, so that all policies run under the same conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.sharing import devices_taken
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
    """A fleet, its arrivals and the conditions of the simulation."""

    spec: FleetSpec
    arrivals: Arrivals
    conditions: Conditions
    known: Knowledge

    def play(self, policy: str, parameters: Point, progress: Callable[[float], None]) -> tuple[Run, Summary]:
        """Run the scenario with one policy.

        Args:
            policy: name of the policy.
            parameters: parameters of a baseline, by name.
            progress: callback with the completed share of the time, 0..1.

        Raises:
            UnknownPolicy: the policy's name or a parameter is invalid.
        """
        scaling_policy = make_policy(policy, self.spec, parameters, self.known)
        run = Fleet(self.spec, self.arrivals, self.conditions, scaling_policy).run(progress)
        return run, summarise(self.spec, self.arrivals.workload, run)


def make_scenario(
    spec: FleetSpec,
    workload: Workload,
    queries: Sequence[RoutingRequest],
    model: QualityModel,
    cold_start: ColdStart,
    seed: int,
) -> Scenario:
    """Create a scenario. It predicts the quality for each query once.

    Raises:
        NotSimulated: the spec has a pool that cannot be simulated, or too few devices for its minimum replicas.
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
        of_pools = [spec.pools[pool] for pool in pools]
        needed = devices_taken((name, pool.device_share, max(pool.replicas.min, 1)) for pool in of_pools)
        available = kind.nodes * kind.devices_per_node
        if needed > available:
            raise NotSimulated(
                f"hardware.{name}: has {available} devices, but the minimum replicas of {', '.join(pools)} need "
                f"{needed}, use more nodes or a lower replicas.min"
            )
