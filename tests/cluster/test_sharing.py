"""How many devices replicas occupy, some of which share one: worked out by hand."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.facts import facts_of
from cluster.loading import SpecError, load_spec
from cluster.memory import GPU_MEMORY_UTILIZATION, memory_utilization, pool_memory
from cluster.placing import hardware_demand, placement_problems, ranks_per_device, unplaced
from cluster.sharing import CONTEXT_GIB, UNITS, devices_taken, units
from cluster.spec import FleetSpec

MODEL = "Qwen/Qwen2.5-7B-Instruct"


def pool(gpu_fraction=1.0, replicas=1, options=None, **more):
    bounds = {"min": replicas, "max": replicas}
    return {"tier": "small", "model": MODEL, "gpu_fraction": gpu_fraction, "replicas": bounds, **more} | (
        {"engine": {"options": options}} if options else {}
    )


def fleet(*pools, device="RTX-4090", nodes=1, per_node=1):
    named = {f"p{number}": each | {"served_name": f"m{number}"} for number, each in enumerate(pools)}
    hardware = {"card": {"device": device, "nodes": nodes, "devices_per_node": per_node}}
    return FleetSpec.model_validate({"pools": named, "hardware": hardware})


@pytest.mark.parametrize(
    ("replicas", "devices"),
    [
        ([], 0),
        ([(2, 3), (1, 1), (0, 9)], 7),
        ([(0.4, 1), (0.5, 1)], 1),
        ([(0.6, 1), (0.6, 1)], 2),
        ([(0.6, 3)], 3),  # 1.8 in sum, but no two of them fit on one
        ([(0.6, 2), (0.4, 2)], 2),
        ([(0.1, 10)], 1),  # ten tenths are one, whatever floats say
        ([(0.7, 1), (0.2, 1), (0.1, 1)], 1),
        ([(0.3333, 3)], 1),
        ([(0.5, 1), (4, 1)], 5),
    ],
)
def test_devices_of_replicas(replicas, devices):
    assert devices_taken(("h", each, count) for each, count in replicas) == devices


def test_replicas_share_only_devices_of_their_kind():
    assert devices_taken([("a", 0.4, 1), ("b", 0.5, 1)]) == 2


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(0, 4)), max_size=5))
def test_packing_stays_between_the_sum_and_twice_the_sum(replicas):
    total = sum(units(each) * count for each, count in replicas)
    taken = devices_taken(("h", each, count) for each, count in replicas)
    assert -(-total // UNITS) <= taken <= max(2 * -(-total // UNITS), 0)


@pytest.mark.parametrize(
    ("pools", "cards", "demand", "left"),
    [
        ([pool(0.4), pool(0.5)], 1, (1, 1, 1), []),
        ([pool(0.6), pool(0.6)], 1, (2, 2, 1), ["p1"]),
        ([pool(0.6, replicas=3)], 2, (3, 3, 2), ["p0"]),
        ([pool(0.5, replicas=2), pool()], 2, (2, 2, 2), []),
        ([pool(0.5, replicas=3), pool()], 2, (3, 3, 2), ["p0"]),
    ],
)
def test_demand_and_placement_count_the_same_devices(pools, cards, demand, left):
    spec = fleet(*pools, nodes=cards)
    assert hardware_demand(spec)["card"] == demand
    assert unplaced(spec, "card") == left


def test_a_device_hosts_as_many_ranks_as_its_smallest_share_allows():
    assert ranks_per_device(fleet(pool(0.4), pool(0.25)), "card") == 4
    assert ranks_per_device(fleet(pool()), "card") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parallel": {"tensor": 2}}, "gpu_fraction: is impossible for replicas of several ranks: NCCL refuses"),
        ({"options": {"gpu_memory_utilization": 0.6}}, "gpu_memory_utilization: 0.6 exceeds gpu_fraction 0.5"),
        ({"engine": {"kind": "transformers"}}, "gpu_fraction: the transformers engine takes whole devices"),
        ({"gpu_fraction": 1.5}, "gpu_fraction: invalid value 1.5, use a number of at most 1"),
        ({"gpu_fraction": 0}, "gpu_fraction: invalid value 0, use a number of at least 0.01"),
    ],
)
def test_a_share_that_cannot_be_is_refused(tmp_path, changes, said):
    data = {"pools": {"p": pool(**{"gpu_fraction": 0.5} | changes)}, "hardware": {"card": {"device": "L4"}}}
    path = tmp_path / "fleet.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert said in str(caught.value)


def test_ranks_on_a_cpu_share_nothing():
    with pytest.raises(ValueError, match="gpu_fraction: replicas cannot share a cpu: remove it"):
        fleet(pool(0.5), device="cpu")


@pytest.mark.parametrize("gpu_fraction", [0.1, 0.4, 0.5, 0.9])
def test_an_engine_and_its_context_keep_to_the_share(gpu_fraction):
    spec = fleet(pool(gpu_fraction))
    hardware = spec.hardware_of("p0")
    utilization = memory_utilization(spec.pools["p0"], hardware)
    assert utilization <= GPU_MEMORY_UTILIZATION * gpu_fraction
    assert utilization * hardware.device_memory_gib + CONTEXT_GIB <= gpu_fraction * hardware.device_memory_gib + 0.01
    assert placement_problems(spec, "p0", None) == {}


def test_the_memory_of_a_share_is_that_of_a_smaller_card():
    facts = facts_of(MODEL)
    half = fleet(pool(0.5), device="A100-80G")
    card = {"card": {"device": {"name": "half", "memory_gib": 40.0, "resource": "nvidia.com/gpu"}}}
    whole = FleetSpec.model_validate({"pools": {"p0": pool()}, "hardware": card})
    found, wanted = (pool_memory(facts, each.pools["p0"], each.hardware_of("p0")) for each in (half, whole))
    assert (found.usable_gib, found.kv_tokens, found.spare_gib) == (
        wanted.usable_gib,
        wanted.kv_tokens,
        wanted.spare_gib,
    )


def test_a_cache_of_a_given_size_is_held_to_the_share():
    facts = facts_of(MODEL)
    asked = {"kv_cache_memory_bytes": 25 * 2**30}
    for gpu_fraction, fits in ((1.0, True), (0.5, False)):
        spec = fleet(pool(gpu_fraction, options=asked), device="A100-80G")
        assert pool_memory(facts, spec.pools["p0"], spec.hardware_of("p0")).fits is fits


def test_an_engine_that_leaves_no_room_for_its_context_is_refused():
    spec = fleet(pool(0.4, options={"gpu_memory_utilization": 0.4}))
    assert placement_problems(spec, "p0", None) == {
        "engine.options.gpu_memory_utilization": "0.4 leaves less than 0.5 GiB of gpu_fraction 0.4 for the CUDA "
        "context: remove it, use at most 0.37, or raise gpu_fraction"
    }


def test_the_device_budget_counts_shared_devices():
    data = {
        "pools": {"a": pool(0.5, served_name="a"), "b": pool(0.5, served_name="b")},
        "scaling": {"device_budget": 1},
    }
    card = {"hardware": {"card": {"device": "L4"}}}
    assert FleetSpec.model_validate(data | card).scaling.device_budget == 1
    data["pools"]["b"] = pool(0.6, served_name="b")
    with pytest.raises(ValueError, match="use at least 2"):
        FleetSpec.model_validate(data | card)
