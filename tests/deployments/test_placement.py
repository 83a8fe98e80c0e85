"""Ray options of replicas: resources, placement groups and labels."""

from __future__ import annotations

from cluster.spec import FleetSpec
from deployments import placement


def spec(**changes):
    data = {
        "pools": {
            "small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}, "hardware": "node"},
            "moe": {
                "tier": "moe",
                "model": "b",
                "parallel": {"tensor": 2},
                "placement": "strict_spread",
                "hardware": "gpu",
            },
        },
        "hardware": {"node": {"nodes": 2, "devices_per_node": 3}, "gpu": {"device": "L4", "nodes": 2}},
    }  # fmt: skip
    return FleetSpec.model_validate(data | changes)


def test_an_engine_of_one_rank_asks_for_its_label_and_one_device():
    assert placement.placement_options(spec(), "small") == {}
    options = placement.actor_options(spec(), "small")
    assert options["label_selector"] == {"signalbox/hardware": "node"}
    assert (options["num_cpus"], options["num_gpus"]) == (1, 0)


def test_ranks_get_a_bundle_each_with_the_accelerator_type():
    options = placement.placement_options(spec(), "moe")
    assert options["placement_group_strategy"] == "STRICT_SPREAD"
    assert options["placement_group_bundles"] == [{"CPU": 1, "GPU": 1, "accelerator_type:L4": 0.001}] * 2


def test_data_parallel_copies_live_beside_the_replica_which_holds_all_devices():
    moe = {"tier": "moe", "model": "b", "hardware": "gpu", "parallel": {"data": 2}}
    fleet = spec(pools={"moe": moe})
    assert placement.placement_options(fleet, "moe") == {}
    options = placement.actor_options(fleet, "moe")
    assert (options["num_cpus"], options["num_gpus"]) == (2, 2)
    assert options["label_selector"] == {"signalbox/hardware": "gpu"}


def test_a_group_holds_the_devices_of_vllms_ranks_but_the_replica_is_deepspeeds_rank_0():
    moe = {"tier": "moe", "model": "b", "hardware": "gpu", "parallel": {"tensor": 2}}
    assert placement.actor_options(spec(pools={"moe": moe}), "moe") == {"num_cpus": 1}
    options = placement.actor_options(spec(pools={"moe": moe | {"engine": {"kind": "deepspeed"}}}), "moe")
    assert (options["num_cpus"], options["num_gpus"]) == (1, 1)
    assert "label_selector" not in options


def test_a_replica_on_a_share_of_a_gpu_asks_for_that_share():
    small = {"tier": "small", "model": "a", "hardware": "gpu", "gpu_fraction": 0.4}
    fleet = spec(pools={"small": small})
    assert placement.placement_options(fleet, "small") == {}
    options = placement.actor_options(fleet, "small")
    assert (options["num_cpus"], options["num_gpus"]) == (1, 0.4)
    assert options["resources"] == {"accelerator_type:L4": 0.001}


def test_a_device_without_rays_type_is_any_gpu_with_the_label():
    own = {"name": "own", "memory_gib": 24.0, "resource": "amd.com/gpu"}
    fleet = spec(pools={"p": {"tier": "small", "model": "a"}}, hardware={"own": {"device": own}})
    options = placement.actor_options(fleet, "p")
    assert (options["num_gpus"], options["resources"]) == (1, {})
    assert options["label_selector"] == {"signalbox/hardware": "own"}


def test_a_pool_without_devices_reserves_nothing():
    engine = {"kind": "remote", "options": {"base_url": "http://127.0.0.1:1"}}
    fleet = spec(pools={"far": {"tier": "small", "model": "a", "engine": engine}})
    assert placement.actor_options(fleet, "far") == {"num_cpus": 0}
