"""Which Ray nodes a machine gets for a spec, and what is said if it does not have the spec's GPUs."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.hardware.machine import FoundGpu, Machine
from deployments.local.nodes import NodePlan, needs_gpus, plan_nodes
from deployments.start_watch import FleetFailed


def machine(*gpus: tuple[str, float]) -> Machine:
    found = tuple(FoundGpu(str(index), ray_type, memory_gib) for index, (ray_type, memory_gib) in enumerate(gpus))
    return Machine(found, "CUDA_VISIBLE_DEVICES", 64, 500.0)


def spec(**hardware: dict[str, object]) -> FleetSpec:
    pools = {name: {"tier": "small", "model": name, "hardware": name} for name in hardware}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware})


H100, A100, RTX = ("H100", 79.65), ("A100", 39.4), ("GeForce-RTX-4090", 23.99)
EIGHT = machine(*[H100] * 8)


def test_the_laptop_has_four_nodes_of_two_kinds() -> None:
    laptop = load_spec(PROJECT_ROOT / "examples" / "laptop.yaml")
    assert plan_nodes(laptop, machine()) == [NodePlan("cpu-a", 2)] * 2 + [NodePlan("cpu-b", 1)] * 2
    assert not needs_gpus(laptop)
    assert needs_gpus(load_spec(PROJECT_ROOT / "examples" / "h100.yaml"))


def test_each_kind_of_gpu_hardware_is_a_node_with_gpus_of_its_own() -> None:
    fleet = spec(
        a={"device": "H100", "devices_per_node": 2},
        cpu={"nodes": 2, "devices_per_node": 3},
        b={"device": "H100", "devices_per_node": 4},
        c={"device": "RTX-4090"},
    )
    assert plan_nodes(fleet, machine(*[H100] * 3, RTX, *[H100] * 4)) == [
        NodePlan("a", 32, ("0", "1"), "H100"),
        *[NodePlan("cpu", 3)] * 2,
        NodePlan("b", 64, ("2", "4", "5", "6"), "H100"),
        NodePlan("c", 16, ("3",), "GeForce-RTX-4090"),
    ]


def test_a_card_with_more_memory_than_the_spec_says_will_do() -> None:
    plan = plan_nodes(spec(a={"device": "A100-40G"}), machine(("A100", 79.3)))
    assert plan == [NodePlan("a", 16, ("0",), "A100")]


@pytest.mark.parametrize(
    ("hardware", "found", "text"),
    [
        ({"device": "H100", "devices_per_node": 8, "nodes": 4}, EIGHT, "hardware.a.nodes: 4 are asked for, this"),
        ({"device": "H100", "devices_per_node": 8}, machine(H100, H100), r"2 x H100 \(79.7 GiB\): use 2, or use --a"),
        ({"device": "H100"}, machine(RTX, RTX), r"has 2 x GeForce-RTX-4090 \(24.0 GiB\): use RTX-4090, or use --addr"),
        (
            {"device": "A100-80G"},
            machine(A100),
            r"hardware.a.device: A100-80G with 80 GiB .* \(39.4 GiB\): use A100-40G",
        ),
        ({"device": "A100-40G", "memory_gib": 64}, machine(A100), "hardware.a.device: A100-40G with 64 GiB"),
        ({"device": "L4"}, machine(("RTX-PRO-9999", 96)), "use a device of docs/spec.md"),
        ({"device": "L4"}, machine(), "has no GPU: use cpu with a small model .`signalbox init`"),
    ],
)
def test_a_mismatch_names_field_found_and_what_to_write(hardware, found, text) -> None:
    with pytest.raises(FleetFailed, match=text):
        plan_nodes(spec(a=hardware), found)


def test_all_mismatches_are_said_at_once() -> None:
    fleet = spec(a={"device": "H100", "nodes": 2}, b={"device": "L4", "devices_per_node": 2})
    with pytest.raises(FleetFailed) as caught:
        plan_nodes(fleet, machine())
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "hardware.a.device",
        "hardware.a.nodes",
        "hardware.b.device",
    ]
