"""Every example for GPUs on real Ray nodes with as many simulated GPUs as it names: which rank lands where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray_cluster

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.hardware.catalogue import ray_type
from deployments.placement import HARDWARE_LABEL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PLACE = """
import json, os, sys, ray
from cluster.loading import load_spec
from deployments.placement import actor_options, placement_options

spec = load_spec(os.environ["SPEC"])
ray.init(os.environ["ADDRESS"], namespace="x", logging_level="ERROR", log_to_driver=False)
labels = {node["NodeID"]: node["Labels"]["signalbox/hardware"] for node in ray.nodes()}


@ray.remote
class Replica:
    def node(self):
        return ray.get_runtime_context().get_node_id()


placed, kept = {}, []
pools = sorted(spec.pools, key=lambda name: -spec.pools[name].parallel.devices)
for name in pools:
    for _ in range(max(1, spec.pools[name].replicas.min)):
        if group := placement_options(spec, name):
            made = ray.util.placement_group(
                group["placement_group_bundles"],
                group["placement_group_strategy"],
                bundle_label_selector=group["placement_group_bundle_label_selector"],
            )
            ray.get(made.ready(), timeout=300)
            nodes = list(ray.util.placement_group_table(made)["bundles_to_node_id"].values())
        else:
            kept.append(Replica.options(**actor_options(spec, name)).remote())
            nodes = [ray.get(kept[-1].node.remote(), timeout=300)]
        placed.setdefault(name, []).append([[node, labels[node]] for node in nodes])
print("PLACED " + json.dumps(placed))
"""


def nodes(spec):
    """The nodes that the spec names, as Ray would find them."""
    return [
        {
            "num_cpus": hardware.devices_per_node,
            "num_gpus": hardware.devices_per_node,
            "resources": {f"accelerator_type:{ray_type(hardware)}": 1},
            "labels": {HARDWARE_LABEL: name},
        }
        for name, hardware in spec.hardware.items()
        for _ in range(hardware.nodes)
    ]


@pytest.mark.parametrize(
    "example", ["qwen", *(pytest.param(name, marks=pytest.mark.proof) for name in ("h100", "a100", "deepseek", "l4"))]
)
def test_ranks_land_on_the_nodes_that_the_spec_means(example):
    path = PROJECT_ROOT / "examples" / f"{example}.yaml"
    spec = load_spec(path)
    with tempfile.TemporaryDirectory(prefix="sb-ray-", dir="/tmp") as folder:
        environment = os.environ | ray_cluster.environment(Path(folder)) | {"SPEC": str(path)}
        with ray_cluster.running(Path(folder), nodes(spec)) as address:
            done = subprocess.run(
                [sys.executable, "-c", PLACE],
                env=environment | {"ADDRESS": address},
                capture_output=True,
                text=True,
                timeout=900,
            )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("PLACED ")] or [done.stderr]
    placed = json.loads(line.removeprefix("PLACED "))
    assert placed.keys() == spec.pools.keys()
    for name, replicas in placed.items():
        pool = spec.pools[name]
        for ranks in replicas:
            assert {hardware for _, hardware in ranks} == {spec.hardware_name(name)}
            used = {node for node, _ in ranks}
            assert len(used) == {"strict_pack": 1, "strict_spread": len(ranks)}.get(pool.placement, len(used))
