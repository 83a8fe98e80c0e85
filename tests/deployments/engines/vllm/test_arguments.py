"""What vLLM is asked for on a share of a GPU."""

from __future__ import annotations

import pytest

from cluster.memory import memory_utilization
from cluster.spec import FleetSpec

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("pool", "utilization"),
    [
        ({}, 0.92),  # vLLM's own default
        ({"gpu_fraction": 0.4}, 0.36),
        ({"gpu_fraction": 0.4, "engine": {"options": {"gpu_memory_utilization": 0.3}}}, 0.3),
    ],
)
def test_the_memory_of_a_share_is_what_check_counts(pool, utilization):
    from deployments.engines.vllm.arguments import vllm_arguments

    model = {"tier": "small", "model": "org/model"}
    spec = FleetSpec.model_validate({"pools": {"p": model | pool}, "hardware": {"card": {"device": "RTX-4090"}}})
    arguments, _ = vllm_arguments(spec, "p")
    assert arguments.gpu_memory_utilization == utilization
    assert pool == {} or memory_utilization(spec.pools["p"], spec.hardware_of("p")) == utilization
