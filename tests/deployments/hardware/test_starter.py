"""The spec that `signalbox init` writes for a machine."""

from __future__ import annotations

import pytest

from cluster.facts import facts_of
from cluster.loading import load_spec
from deployments.hardware.machine import FoundGpu, Machine
from deployments.hardware.starter import CANDIDATES, NothingFits, choose_fleet
from deployments.hardware.starter_text import starter_spec
from deployments.local.nodes import plan_nodes
from deployments.preflight import check_fleet


def machine(*kinds: tuple[int, str, float]) -> Machine:
    types = [(ray_type, memory_gib) for count, ray_type, memory_gib in kinds for _ in range(count)]
    gpus = tuple(FoundGpu(str(index), *each) for index, each in enumerate(types))
    return Machine(gpus, "CUDA_VISIBLE_DEVICES", 16, 64.0)


MACHINES = {
    "cpu": (machine(), {"small": 1, "large": 1}),
    "4090": (machine((1, "GeForce-RTX-4090", 23.99)), {"small": 1, "large": 1}),
    "two 4090": (machine((2, "GeForce-RTX-4090", 23.99)), {"moe": 2}),
    "one H100": (machine((1, "H100", 79.65)), {"small": 1, "large": 1}),
    "8 H100": (machine((8, "H100", 79.65)), {"small": 1, "moe": 1, "large": 4}),
    "4 L4": (machine((4, "L4", 22.49)), {"small": 1, "large": 2}),
    "2 A100-40G": (machine((2, "A100", 39.4)), {"small": 1, "moe": 1}),
    "8 MI300X": (machine((8, "AMD-Instinct-MI300X-OAM", 191.7)), {"small": 1, "moe": 1, "large": 1}),
    "mixed": (machine((1, "GeForce-RTX-4090", 23.99), (2, "H100", 79.65)), {"small": 1, "large": 1}),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_spec_passes_check_and_fits_the_machine(name, tmp_path):
    found, devices = MACHINES[name]
    path = tmp_path / "fleet.yaml"
    path.write_text(starter_spec(found))
    spec = load_spec(path)
    checked = check_fleet(spec)
    assert (checked.problems, checked.warnings) == ((), ())
    assert {pool: each.devices for pool, each in spec.pools.items()} == devices
    taken = sum(pool.replicas.max * pool.device_share for pool in spec.pools.values())
    assert taken <= (len(found.gpus) or found.cpus)
    assert plan_nodes(spec, found)
    assert 20 < len(path.read_text().splitlines()) < 90


def test_gpus_of_another_type_are_named_as_unused():
    text = starter_spec(MACHINES["mixed"][0])
    assert "# A fleet for this machine: 2 x H100 (79.7 GiB).\n# Not used: 1 x GeForce-RTX-4090 (24.0 GiB).\n" in text


def test_a_gpu_that_is_not_known_or_too_small_is_said():
    with pytest.raises(NothingFits, match="GeForce-GTX-9 is not in the catalogue"):
        choose_fleet(machine((1, "GeForce-GTX-9", 3.0)).gpus)
    with pytest.raises(NothingFits, match="not in the catalogue"):
        choose_fleet(machine((1, "L4", 3.0)).gpus)


def test_every_suggested_model_ships_with_its_facts():
    for candidates in CANDIDATES.values():
        for model, _ in candidates:
            assert facts_of(model).parameters > 1e9
