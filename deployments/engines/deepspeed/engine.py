"""The DeepSpeed engine: the replica is rank 0, and the other ranks are Ray actors in the replica's placement group.

Rank 0 plans, broadcasts the plan, samples, and broadcasts the chosen tokens with the next plan, so all ranks agree. A
dead rank fails rank 0's next step. The replica then stops with all its ranks, and Serve starts a new one.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

import ray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from torch import Tensor

from cluster.pool import PoolSpec
from cluster.spec import FleetSpec
from cluster.state import RankState
from deployments.engines.batch.batching import Plan
from deployments.engines.batch.engine import BatchEngine
from deployments.engines.batch.executor import LoadedModel
from deployments.engines.deepspeed.rank import DeepSpeedRank, Place
from deployments.engines.transformers.engine import describe
from deployments.engines.transformers.sampling import SamplingExecutor
from deployments.placement import bundle


class RankActor:
    """A rank other than rank 0."""

    def __init__(self, pool: dict[str, Any], place: Place, on_gpu: bool) -> None:
        self.rank = DeepSpeedRank(PoolSpec.model_validate(pool), place, on_gpu)

    def load(self) -> RankState:
        """Load this rank's share of the model."""
        experts = self.rank.load()
        return _state(self.rank.place.rank, experts)

    def follow(self) -> None:
        """Execute rank 0's plans. Afterwards the process ends, because a rank without its group is useless."""
        try:
            self.rank.follow()
        finally:
            os._exit(0)


def _state(rank: int, experts: list[int]) -> RankState:
    return RankState(rank, ray.get_runtime_context().get_node_id(), os.getpid(), tuple(experts))


class RankGroup(SamplingExecutor):
    """All ranks of a replica; see `deployments.engines.batch.executor.Executor`."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        self.pool = spec.pools[pool_name]
        self.hardware = spec.hardware_of(pool_name)
        self.on_gpu = self.hardware.is_gpu
        self.actors: list[Any] = []
        self.states: tuple[RankState, ...] = ()
        self.first: DeepSpeedRank

    def load(self) -> LoadedModel:
        """Start the other ranks and load all shares together."""
        size, host = self.pool.parallel.devices, ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        port = _free_port(host)
        self.actors = [self._start(Place(rank, size, host, port)) for rank in range(1, size)]
        loading = [actor.load.remote() for actor in self.actors]
        self.first = DeepSpeedRank(self.pool, Place(0, size, host, port), self.on_gpu)
        try:
            experts = self.first.load()
            self.states = (_state(0, experts), *ray.get(loading))
        except BaseException:
            self.stop()
            raise
        for actor in self.actors:
            actor.follow.remote()
        return describe(self.pool)

    def _start(self, place: Place) -> Any:
        resources = {**bundle(self.hardware), "CPU": 0}
        group: Any = ray.util.get_current_placement_group()
        strategy = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=place.rank)
        actor = ray.remote(RankActor).options(
            num_cpus=resources.pop("CPU"),
            num_gpus=resources.pop("GPU", 0),
            resources=resources,
            scheduling_strategy=strategy,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}} if not self.on_gpu else None,
        )
        return actor.remote(self.pool.model_dump(mode="json"), place, self.on_gpu)

    def forward(self, plan: Plan) -> Tensor:
        """Run one step on all ranks."""
        return self.first.lead(plan)

    def ranks(self) -> tuple[RankState, ...]:
        """The ranks, as reported after they loaded their shares."""
        return self.states

    def stop(self) -> None:
        """Stop the other ranks."""
        for actor in self.actors:
            with suppress(Exception):
                ray.kill(actor)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class DeepSpeedEngine(BatchEngine):
    """Hosts a model on DeepSpeed ranks."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        super().__init__(spec, pool_name, RankGroup(spec, pool_name))
