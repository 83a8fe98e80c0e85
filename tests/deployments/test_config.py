"""The Serve config: one policy for the whole application, where it has something to decide."""

from __future__ import annotations

import pytest
from ray.serve.schema import ServeDeploySchema

from cluster.spec import FleetSpec
from deployments.app import build
from deployments.config import KUBERNETES, LAPTOP, SCALING_POLICY, serve_config, size
from deployments.running_spec import needs_restart

FIXED, BOUNDS = {"min": 1, "max": 1}, {"min": 0, "max": 3}


def spec(replicas, gateway=FIXED, **scaling):
    pool = {"tier": "small", "model": "m", "engine": {"kind": "simulated"}, "replicas": replicas}
    return FleetSpec.model_validate({"pools": {"small": pool}, "gateway": {"replicas": gateway}, "scaling": scaling})


@pytest.mark.parametrize(
    ("fleet", "asked"),
    [
        (spec(BOUNDS), True),
        (spec(FIXED), False),
        (spec(FIXED, gateway={"min": 1, "max": 2}), True),
        (spec(BOUNDS, policy="ray-serve"), False),
    ],
)
def test_our_policy_is_asked_where_something_may_change(fleet, asked):
    config = serve_config(fleet, LAPTOP)
    (app,) = ServeDeploySchema.model_validate(config).applications
    assert (app.autoscaling_policy is not None) is asked
    if asked:
        assert config["applications"][0]["autoscaling_policy"]["policy_function"] == SCALING_POLICY


def test_nothing_is_smoothed_twice():
    fleet = spec(BOUNDS)
    ours = size(fleet.pools["small"].replicas, fleet.scaling)["autoscaling_config"]
    assert (ours["upscale_delay_s"], ours["downscale_delay_s"]) == (0, 0)
    serves = spec(BOUNDS, policy="ray-serve", downscale_delay_s=77)
    assert size(serves.pools["small"].replicas, serves.scaling)["autoscaling_config"]["downscale_delay_s"] == 77


def test_a_fixed_size_is_left_alone():
    fleet = spec(FIXED)
    assert size(fleet.pools["small"].replicas, fleet.scaling) == {"num_replicas": 1}


def test_a_successor_starts_first_where_there_is_room():
    fleet = spec(BOUNDS)
    (app,) = ServeDeploySchema.model_validate(serve_config(fleet, KUBERNETES)).applications
    assert {each.name: each.max_surge_percent for each in app.deployments} == {"gateway": 25, "small": 25}
    (app,) = ServeDeploySchema.model_validate(serve_config(fleet, LAPTOP)).applications
    assert {each.max_surge_percent for each in app.deployments} != {25}


@pytest.mark.parametrize(("target", "host"), [(LAPTOP, "127.0.0.1"), (KUBERNETES, "0.0.0.0")])
def test_the_serve_config_is_one_that_ray_takes(target, host):
    fleet = spec(BOUNDS)
    config = ServeDeploySchema.model_validate(serve_config(fleet, target))
    assert config.http_options.host == host
    (app,) = config.applications
    gateway, small = app.deployments
    assert FleetSpec.model_validate(gateway.user_config["spec"]) == fleet
    assert app.args["spec"] == needs_restart(fleet)
    bounds = small.autoscaling_config
    assert (small.name, bounds["min_replicas"], bounds["max_replicas"]) == ("small", 0, 3)


@pytest.mark.parametrize(("target", "attempts"), [(LAPTOP, 1_000_000), (KUBERNETES, 20)])
def test_a_pool_that_fails_at_a_laptop_is_tried_again_without_end(target, attempts):
    (app,) = serve_config(spec(FIXED), target)["applications"]
    pools = build(app["args"])._bound_deployment.init_args[0]
    assert pools["small"]._bound_deployment._deployment_config.max_constructor_retry_count == attempts
