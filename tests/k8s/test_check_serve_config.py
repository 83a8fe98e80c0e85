"""`serveConfigV2`: what Serve's own schema lets through is found."""

from __future__ import annotations

import copy

import pytest
import yaml
from checked_overlays import DELETE, changed, gpu_overlay, l4_overlay, put, reported

from deployments.config import KUBERNETES, serve_config
from k8s.checks.serve_config import check_serve_config

CONFIG = "spec serveConfigV2"
APP = "applications 0"
BOUNDS = {"min_replicas": 3, "max_replicas": 2}


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_untouched_output_passes(overlay):
    assert reported(check_serve_config, l4_overlay(overlay)) == []


GATEWAY = f"{APP} deployments 0"


def findings(path, value):
    config = copy.deepcopy(serve_config(gpu_overlay().spec, KUBERNETES))
    put(config, path, value)
    return reported(check_serve_config, changed(gpu_overlay(), "RayService", CONFIG, yaml.safe_dump(config)))


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("proxy_location", "HeadOnly", "invalid value 'HeadOnly', use EveryNode, because RayService"),
        ("proxy_location", DELETE, "proxy_location: is missing, use EveryNode"),
        ("proxy_location", "Everywhere", "Input should be 'Disabled', 'HeadOnly' or 'EveryNode'"),
        ("proxy_locations", "EveryNode", "is unknown and would be ignored, did you mean 'proxy_location'"),
        ("http_options host", "127.0.0.1", "which other pods cannot reach, use 0.0.0.0"),
        ("http_options port", 8001, "invalid value 8001, use gateway.port of the spec, 8000"),
        ("http_options prot", 8000, "http_options.prot: is unknown and would be ignored, did you mean 'port'"),
        ("logging_config log_levle", "INFO", "log_levle"),
        ("applications", DELETE, "applications: Field required"),
        (f"{APP} route", "/", "applications[0].route: is unknown and would be ignored"),
        (f"{APP} import_path", "deployments.app:built", "deployments.app has no built, did you mean 'build'"),
        (f"{APP} import_path", "deployment.app:build", "cannot import 'deployment.app:build' (No module"),
        (f"{APP} autoscaling_policy policy_function", "deployments.scaling.policy:Fleet", "has no Fleet"),
        (f"{APP} autoscaling_policy", DELETE, "autoscaling_policy: is missing, render again"),
        (f"{APP} deployments", [{"name": "smal"}], "unknown deployment 'smal', did you mean 'small'"),
        (f"{APP} deployments", [{"name": "small", "num_replica": 2}], "deployments[0].num_replica: is unknown"),
        (f"{APP} deployments", [{"name": "small", "ray_actor_options": {"num_gpu": 1}}], "num_gpu: is unknown"),
        (f"{APP} deployments", [{"name": "small", "autoscaling_config": BOUNDS}], "max_replicas"),
        (f"{APP} args spec pools small", DELETE, "args.spec.pools.small: is missing, render again"),
        (f"{APP} args spec pools tiny", {}, "args.spec.pools.tiny: is not a pool of the spec"),
        (f"{GATEWAY} user_config spec gateway request_timeout_s", 5, "is 5 instead of 600.0 as in the spec, render"),
        (f"{APP} args spec kubernetes", {}, "kubernetes: is not in the spec"),
        ("applications +", {"name": "second", "import_path": "a:b", "route_prefix": "/b"}, "is a list of 2"),
    ],
)  # fmt: skip
def test_mistakes_are_found(path, value, problem):
    found = findings(path, value)
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("", "spec.serveConfigV2: is not one mapping"),
        ("[]", "is not one mapping, render again"),
        ("a: [", "is not YAML"),
        (DELETE, "spec.serveConfigV2: is not one mapping"),
    ],
)
def test_what_is_no_config(config, problem):
    found = reported(check_serve_config, changed(gpu_overlay(), "RayService", CONFIG, config))
    assert [line for line in found if problem in line] == found != []
