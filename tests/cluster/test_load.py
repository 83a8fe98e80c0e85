"""The shared load formulas: their values at known points, and what they may never do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.load import generation_rate, kv_pressure, predicted_wait_s, saturation
from cluster.state import ReplicaState


def replica(waiting=0, running=0, usage=0.0, tokens=0, at=0.0, name="r"):
    return ReplicaState("p", name, "n", at, waiting, running, usage, generated_tokens_total=tokens)


REPLICAS = st.builds(replica, st.integers(0, 10_000), st.integers(0, 1_000), st.floats(0, 1))


@pytest.mark.parametrize(
    ("waiting", "running", "usage", "pressure", "full"),
    [
        (0, 0, 0.0, 0.0, 0.0),
        (0, 10, 0.5, 0.5, 0.5),
        (10, 10, 0.5, 1.0, 1.0),
        (30, 10, 0.5, 2.0, 1.0),
        (10, 30, 0.1, 0.1 * 40 / 30, 0.25),  # short of batch slots, not of cache
        (5, 0, 0.2, 0.2, 1.0),
    ],
)
def test_known_points(waiting, running, usage, pressure, full):
    assert kv_pressure(replica(waiting, running, usage)) == pytest.approx(pressure)
    assert saturation(replica(waiting, running, usage)) == pytest.approx(full)


@given(REPLICAS)
def test_saturation_is_a_share_and_a_longer_queue_never_lowers_it(state):
    longer = replica(state.waiting + 1, state.running, state.kv_usage_ratio)
    assert 0 <= saturation(state) <= saturation(longer) <= 1
    assert kv_pressure(state) <= kv_pressure(longer) < math.inf


def test_predicted_wait():
    assert predicted_wait_s(replica(0, 8, 0.9), 100, 50) == 0
    # 4 requests leave at 100 / 50 = 2 a second: three that wait already and the new one.
    assert predicted_wait_s(replica(3, 8), 100, 50) == 2.0
    assert predicted_wait_s(replica(3, 8), 0, 50) == math.inf


def test_generation_rate():
    assert generation_rate(replica(tokens=100, at=10), replica(tokens=400, at=12)) == 150.0
    assert generation_rate(replica(tokens=100, at=10), replica(tokens=100, at=12)) == 0.0


@pytest.mark.parametrize(
    "later", [replica(tokens=5, at=12), replica(tokens=200, at=10), replica(tokens=200, at=12, name="other")]
)
def test_a_rate_that_nothing_tells_is_none(later):
    assert generation_rate(replica(tokens=100, at=10), later) is None
