"""Which nodes of a running cluster a spec's hardware gets."""

from __future__ import annotations

import pytest
from ray._private.label_utils import validate_label_selector

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.attached.nodes import NODE_LABEL, TYPE_LABEL, RayNode, choose_nodes
from deployments.hardware.catalogue import written
from deployments.hardware.machine import FoundGpu
from deployments.node_choice import NodeChoice
from deployments.start_watch import FleetFailed


def node(id: str, gpus: int = 0, ray_type: str = "", memory_gib: float | None = None, cpus: float = 8, **labels: str):
    found = tuple(FoundGpu(str(index), ray_type, memory_gib) for index in range(gpus))
    known = {"hardware": "signalbox/hardware"}
    marks = {known.get(name, name): value for name, value in labels.items()}
    return RayNode(id, f"10.0.0.{id}", cpus, found, ({TYPE_LABEL: ray_type} if gpus else {}) | marks)


def spec(**hardware: dict[str, object]) -> FleetSpec:
    pools = {name: {"tier": "small", "model": name, "hardware": name} for name in hardware}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware})


def test_labelled_nodes_are_found_by_their_label():
    fleet = spec(a={"device": "A100-80G", "devices_per_node": 4}, b={})
    nodes = [node("1", 4, "A100", 79.3, hardware="a"), node("2", hardware="b"), node("3", 8, "A100", 79.3)]
    assert choose_nodes(fleet, nodes) == {
        "a": NodeChoice({"signalbox/hardware": "a"}, "A100"),
        "b": NodeChoice({"signalbox/hardware": "b"}, None),
    }


def test_an_accelerator_type_is_enough_if_all_its_nodes_are_meant():
    nodes = [node("1", 8, "H100"), node("2", 8, "H100"), node("3")]
    assert choose_nodes(spec(a={"device": "H100", "devices_per_node": 8, "nodes": 2}), nodes) == {
        "a": NodeChoice({TYPE_LABEL: "H100"}, "H100")
    }
    assert choose_nodes(spec(a={"device": "H100", "devices_per_node": 8}), nodes) == {
        "a": NodeChoice({NODE_LABEL: "in(1)"}, "H100")
    }


def test_the_largest_kinds_choose_first_and_the_smallest_nodes_that_fit():
    fleet = spec(one={"device": "L4"}, four={"device": "L4", "devices_per_node": 4}, cpu={"nodes": 2})
    nodes = [node("1", 8, "L4"), node("2", 4, "L4"), node("3", 1, "L4"), node("4", cpus=2), node("5", cpus=64)]
    chosen = choose_nodes(fleet, nodes)
    assert {name: choice.labels[NODE_LABEL] for name, choice in chosen.items()} == {
        "one": "in(3)",
        "four": "in(2)",
        "cpu": "in(4,5)",
    }


def test_nodes_are_not_shared_by_two_kinds():
    fleet = spec(a={"nodes": 2}, b={"nodes": 1})
    with pytest.raises(
        FleetFailed, match=r"hardware\.b\.nodes: 1 with a CPU are asked for, 0 of the cluster's 2 nodes"
    ):
        choose_nodes(fleet, [node("1"), node("2")])


@pytest.mark.parametrize(
    ("hardware", "nodes", "text"),
    [
        ({"device": "H100", "nodes": 2}, [node("1", 1, "H100")], "1 of the .* nodes have that .*: use 1, or add"),
        ({"device": "H100"}, [node("1", 1, "L4")], r"1 H100 are asked for, 0 .*\n(.*\n)*  10.0.0.1: 1 x L4, 8 CPUs"),
        ({"device": "A100-80G"}, [node("1", 1, "A100", 39.4)], r"0 of the cluster's(.*\n)*  .*1 x A100 \(39.4 GiB\)"),
        ({"devices_per_node": 9}, [node("1")], "9 CPUs and no GPU are asked for, 0 .*lower devices_per_node"),
        ({}, [node("1", 1, "H100")], "a CPU are asked for, 0 "),
    ],
)  # fmt: skip
def test_a_mismatch_names_the_field_and_lists_what_is_there(hardware, nodes, text):
    with pytest.raises(FleetFailed, match=text):
        choose_nodes(spec(a=hardware), nodes)


@pytest.mark.parametrize("name", ["a100", "deepseek", "h100", "l4", "qwen"])
def test_every_example_finds_its_nodes_on_a_cluster_of_its_hardware(name):
    fleet = load_spec(PROJECT_ROOT / "examples" / f"{name}.yaml")
    found = {"A100-80G": "A100", "A100-40G": "A100"}
    nodes = [
        node(f"{kind}-{index}", hardware.devices_per_node, found.get(written(hardware), written(hardware)))
        for kind, hardware in fleet.hardware.items()
        for index in range(hardware.nodes)
    ]
    chosen = choose_nodes(fleet, nodes)
    assert chosen.keys() == fleet.hardware.keys()
    for kind, choice in chosen.items():
        if NODE_LABEL in choice.labels:
            ids = choice.labels[NODE_LABEL].removeprefix("in(").removesuffix(")").split(",")
            assert all(id.startswith(f"{kind}-") for id in ids)


def test_ray_takes_the_selectors():
    ids = [f"{number:056x}" for number in range(40)]
    (chosen,) = choose_nodes(spec(a={"nodes": 40}), [node(id) for id in ids]).values()
    assert validate_label_selector(dict(chosen.labels)) is None
    assert validate_label_selector({TYPE_LABEL: "AMD-Instinct-MI300X-OAM"}) is None
