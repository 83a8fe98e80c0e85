"""Places replicas of a spec's pools on one Ray node with pretended GPUs; prints the GPUs that each replica sees.

Ray counts the GPUs that a node is said to have and numbers them for its actors, whether they exist or not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from cluster.loading import load_spec
from deployments.hardware.machine import FoundGpu, Machine
from deployments.local import fleet as local_fleet
from deployments.placement import actor_options


class Replica:
    """Stands for a replica's process."""

    def gpus(self) -> str:
        """What Ray lets the process see."""
        return os.environ["CUDA_VISIBLE_DEVICES"]


def main(path: str, *pools: str) -> None:
    """Start a replica of each named pool, in this order."""
    spec = load_spec(Path(path))
    (hardware,) = spec.hardware.values()
    device = hardware.device
    gpus = [FoundGpu(str(index), str(device.ray_type), device.memory_gib) for index in range(hardware.devices_per_node)]
    local_fleet.this_machine = lambda: Machine(tuple(gpus), "CUDA_VISIBLE_DEVICES", 16, 64.0)
    fleet = local_fleet.LocalFleet(spec)
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
