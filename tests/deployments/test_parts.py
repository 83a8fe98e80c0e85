"""Small parts of the deployments room."""

from __future__ import annotations

import asyncio
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ray.serve.schema import ServeDeploySchema

from cluster.spec import FleetSpec
from deployments import placement
from deployments.config import KUBERNETES, LAPTOP, serve_config
from deployments.engines.base import make_engine
from deployments.gateway import scrape as fleet_metrics
from deployments.gateway.errors import HttpError
from deployments.gateway.generate import PlainRequest
from deployments.local.fleet import FleetFailed, NodePlan, plan_nodes
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened


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


def cpu_only():
    return spec(
        pools={"small": {"tier": "small", "model": "a"}},
        hardware={"node": {"nodes": 2, "devices_per_node": 3}},
    )


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


@pytest.mark.parametrize(("target", "host"), [(LAPTOP, "127.0.0.1"), (KUBERNETES, "0.0.0.0")])
def test_the_serve_config_is_one_that_ray_takes(target, host):
    config = ServeDeploySchema.model_validate(serve_config(spec(), target))
    assert config.http_options.host == host
    (app,) = config.applications
    assert FleetSpec.model_validate(app.args["spec"]) == spec()


def test_local_nodes_follow_the_hardware_section():
    assert plan_nodes(cpu_only()) == [NodePlan("node", 3)] * 2


def test_gpu_hardware_is_refused_on_a_local_cluster():
    with pytest.raises(FleetFailed, match="hardware gpu is GPU hardware"):
        plan_nodes(spec())


def test_joined_metrics_have_each_family_once_and_only_ours():
    page = (
        '# HELP ray_signalbox_x_total X.\n# TYPE ray_signalbox_x_total counter\nray_signalbox_x_total{node="%s"} 1.0\n'
    )
    other = "# TYPE ray_node_cpu gauge\nray_node_cpu 3\n"
    joined = fleet_metrics.join([page % "a" + other, page % "b", ""]).decode()
    (family,) = text_string_to_metric_families(joined)
    assert {sample.labels["node"] for sample in family.samples} == {"a", "b"}
    assert joined.count("# TYPE") == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "x", "max_tokens": "5"}, "max_tokens"),
        ({"prompt": "x", "system_prompt": None}, "system_prompt"),
        ({"prompt": "x", "temperatur": 1}, "temperatur"),
    ],
)
def test_a_bad_plain_request_names_its_field(body, field):
    with pytest.raises(HttpError) as caught:
        PlainRequest.read(body)
    assert json.loads(caught.value.body)["error"]["param"] == field
    assert caught.value.status == 400


def test_plain_defaults_are_those_of_the_interface():
    chat = PlainRequest.read({"prompt": "hi"}).as_chat()
    assert chat["messages"][0]["content"] == "You are a helpful assistant."
    assert (chat["max_tokens"], chat["model"]) == (512, "auto")


def test_the_simulated_engine_frees_its_slot_when_closed_early():
    async def run():
        engine = make_engine(spec(), "small")
        await engine.start()
        frames = engine.generate(EngineRequest("chat", {"stream": True, "max_tokens": 50}, "r"))
        assert isinstance(await anext(frames), Opened)
        assert isinstance(await anext(frames), Chunk)
        assert engine.stats().running == 1
        await frames.aclose()
        assert (engine.stats().running, engine.stats().kv_usage_ratio) == (0, 0)
        whole = [f async for f in engine.generate(EngineRequest("chat", {"max_tokens": 3}, "r"))]
        assert isinstance(whole[-1], Closed)
        assert whole[-1].usage.completion_tokens == 3

    asyncio.run(run())
