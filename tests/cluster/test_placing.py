"""Layouts that cannot be are refused with the field and what to write; those that can are not."""

from __future__ import annotations

import pytest

from cluster.facts import facts_of
from cluster.placing import hardware_demand, placement_problems, unplaced
from cluster.spec import FleetSpec

MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"
LLAMA3_70B = "meta-llama/Meta-Llama-3-70B-Instruct"
QWEN_7B = "Qwen/Qwen2.5-7B-Instruct"  # 28 heads, 4 KV heads


def fleet(pools, nodes=1, per_node=8):
    pools = {name: {"tier": "large", "model": f"org/{name}", **pool} for name, pool in pools.items()}
    hardware = {"node": {"device": "H100", "nodes": nodes, "devices_per_node": per_node}}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware})


@pytest.mark.parametrize(
    ("model", "pool", "nodes", "per_node", "field", "said"),
    [
        (MIXTRAL, {"placement": "strict_pack", "parallel": {"tensor": 4}}, 2, 2, "placement", "use pack"),
        (MIXTRAL, {"placement": "strict", "parallel": {"tensor": 4}}, 2, 2, "placement", "a node has 2"),
        (MIXTRAL, {"placement": "strict_spread", "parallel": {"tensor": 4}}, 2, 8, "placement", "needs 4 nodes"),
        (MIXTRAL, {"placement": "spread", "parallel": {"data": 2}}, 2, 8, "placement", "impossible for data"),
        (MIXTRAL, {"parallel": {"tensor": 2, "data": 2}}, 2, 2, "parallel.data", "a node has 2: use more replicas"),
        (MIXTRAL, {"parallel": {"tensor": 4}}, 1, 2, "parallel", "needs 4 devices, the nodes have 2"),
        (MIXTRAL, {"parallel": {"tensor": 3}}, 1, 8, "parallel.tensor", "32 attention heads cannot be split over 3"),
        (QWEN_7B, {"parallel": {"tensor": 7}}, 1, 8, "parallel.tensor", "4 KV heads cannot be split over 7"),
        (
            MIXTRAL,
            {"parallel": {"tensor": 16, "expert": 16}},
            2,
            8,
            "parallel.expert",
            "8 experts cannot be split over 16",
        ),
        (LLAMA3_70B, {"parallel": {"tensor": 2, "expert": 2}}, 1, 8, "parallel.expert", "use expert: 1"),
        (LLAMA3_70B, {"parallel": {"pipeline": 81}}, 12, 8, "parallel.pipeline", "80 layers"),
        (
            LLAMA3_70B,
            {"engine": {"options": {"max_model_len": 9000}}},
            1,
            8,
            "engine.options.max_model_len",
            "context of 8192 tokens",
        ),
    ],
)
def test_impossible_layouts_say_what_to_use(model, pool, nodes, per_node, field, said):
    problems = placement_problems(fleet({"p": pool}, nodes, per_node), "p", facts_of(model))
    assert list(problems) == [field]
    assert said in problems[field]


@pytest.mark.parametrize(
    ("device", "dtype", "refused"), [("cpu", "float32", True), ("cpu", "bfloat16", False), ("H100", "float32", False)]
)
def test_latent_attention_in_float32_is_refused_on_cpu(device, dtype, refused):
    pools = {"p": {"tier": "moe", "model": "org/p", "engine": {"options": {"dtype": dtype}}}}
    spec = FleetSpec.model_validate({"pools": pools, "hardware": {"h": {"device": device}}})
    problems = placement_problems(spec, "p", facts_of("deepseek-ai/DeepSeek-V2-Lite-Chat"))
    assert ("engine.options.dtype" in problems) is refused


@pytest.mark.parametrize(
    ("model", "pool", "nodes", "per_node"),
    [
        (MIXTRAL, {"placement": "strict_spread", "parallel": {"tensor": 2, "expert": 2}}, 2, 1),
        (MIXTRAL, {"placement": "strict_pack", "parallel": {"tensor": 2, "data": 2, "expert": 4}}, 1, 4),
        (MIXTRAL, {"placement": "pack", "parallel": {"tensor": 4}}, 2, 2),
        (LLAMA3_70B, {"parallel": {"tensor": 16}}, 2, 8),  # KV heads are repeated
        (LLAMA3_70B, {"engine": {"options": {"max_model_len": 9000, "hf_overrides": {}}}}, 1, 8),
        ("meta-llama/Llama-3.3-70B-Instruct", {"engine": {"options": {"max_model_len": 200_000}}}, 1, 8),
    ],
)
def test_possible_layouts_pass(model, pool, nodes, per_node):
    assert placement_problems(fleet({"p": pool}, nodes, per_node), "p", facts_of(model)) == {}


def test_unknown_models_are_placed_by_their_ranks_alone():
    assert placement_problems(fleet({"p": {"parallel": {"tensor": 3}}}), "p", None) == {}
    assert "parallel" in placement_problems(fleet({"p": {"parallel": {"tensor": 9}}}), "p", None)


def test_devices_of_minimum_and_maximum_replicas():
    spec = fleet(
        {
            "a": {"parallel": {"tensor": 4}, "replicas": {"min": 3, "max": 4}},
            "b": {"parallel": {"tensor": 2, "data": 2}, "replicas": {"min": 0, "max": 1}},
        }
    )
    assert hardware_demand(spec) == {"node": (12, 20, 8)}


def pool(ranks, minimum, placement="pack"):
    return {"parallel": {"tensor": ranks}, "replicas": {"min": minimum, "max": 10}, "placement": placement}


@pytest.mark.parametrize(
    ("pools", "nodes", "per_node", "left"),
    [
        ({"a": pool(8, 1), "b": pool(1, 8)}, 2, 8, []),
        # 6 of 8 devices are wanted, but three in one node leave one over.
        ({"a": pool(3, 2, "strict_pack")}, 2, 4, []),
        ({"a": pool(3, 2, "strict_pack")}, 1, 8, []),
        ({"a": pool(3, 3, "strict_pack")}, 2, 5, ["a"]),
        ({"a": pool(3, 3, "pack")}, 2, 5, []),
        # Small ones must not stand in the way of big ones.
        ({"a": pool(1, 4), "b": pool(4, 1, "strict_pack")}, 2, 4, []),
        ({"a": pool(1, 5), "b": pool(4, 1, "strict_pack")}, 2, 4, ["a"]),
        ({"a": pool(2, 1, "strict_spread"), "b": pool(4, 1, "strict_pack")}, 2, 5, []),
        ({"a": pool(2, 1, "strict_spread"), "b": pool(4, 1, "strict_pack")}, 2, 4, ["a"]),
        ({"a": pool(2, 1, "strict_spread"), "b": pool(4, 1, "strict_pack")}, 3, 4, []),
        ({"a": pool(1, 0)}, 1, 1, []),
    ],
)
def test_minimum_replicas_have_to_find_room_together(pools, nodes, per_node, left):
    assert unplaced(fleet(pools, nodes, per_node), "node") == left
