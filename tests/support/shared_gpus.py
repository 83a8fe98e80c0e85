"""Places replicas of a spec's pools on one Ray node with pretended GPUs; prints the GPUs that each replica sees.

Ray counts the GPUs that a node is said to have and numbers them for its actors, whether they exist or not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cluster.loading import load_spec
from cluster.spec import FleetSpec, HardwareSpec
from deployments.local.fleet import LocalFleet
from deployments.placement import actor_options

CPUS = 16


class PretendedGpus(LocalFleet):
    """A local node of a kind of hardware, with the GPUs that it would have."""

    def __init__(self, spec: FleetSpec) -> None:
        ((name, self.pretended),) = spec.hardware.items()
        hardware = {name: HardwareSpec(devices_per_node=CPUS)}
        pools = {name: pool.model_copy(update={"gpu_fraction": 1.0}) for name, pool in spec.pools.items()}
        super().__init__(FleetSpec(pools=pools, hardware=hardware))

    def _node_arguments(self, index: int, node: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = super()._node_arguments(index, node)
        resources = {f"accelerator_type:{self.pretended.device.ray_type}": 1}
        return arguments | {"num_gpus": self.pretended.devices_per_node, "resources": resources}


class Replica:
    """Stands for a replica's process."""

    def gpus(self) -> str:
        """What Ray lets the process see."""
        return os.environ["CUDA_VISIBLE_DEVICES"]


def main(path: str, *pools: str) -> None:
    """Start a replica of each named pool, in this order."""
    spec = load_spec(Path(path))
    fleet = PretendedGpus(spec)
    try:
        fleet.start_nodes()
        import ray

        replicas, seen = [], []
        for pool in pools:  # each is placed before the next asks
            replicas.append(ray.remote(Replica).options(**actor_options(spec, pool)).remote())
            seen.append(ray.get(replicas[-1].gpus.remote()))
        print("RESULT " + json.dumps(seen))
    finally:
        fleet.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
