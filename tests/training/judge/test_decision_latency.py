from __future__ import annotations

from counting_quality import Counting

from router.types import RoutingRequest
from training.judge.decision_latency import decision_latency_us, plain_fleet


def test_every_query_is_decided_whatever_it_needs():
    model = Counting()
    needs = [frozenset(), frozenset({"tools"}), frozenset({"vision", "structured_outputs"})]
    requests = [RoutingRequest("What is 2 + 2?" * (1 + row), needs=needs[row % 3]) for row in range(9)]
    taken = decision_latency_us(model, requests)
    assert 0 < taken["p50"] <= taken["p99"]
    assert model.asked == 9 * 4


def test_the_plain_fleet_has_a_pool_for_each_tier():
    assert [pool.tier for pool in plain_fleet().pools.values()] == ["small", "moe", "large"]
