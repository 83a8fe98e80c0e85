"""What a gateway learns of its traffic: rates, answers, spills."""

from __future__ import annotations

import pytest

from cluster.state import ReplicaState, group_by_pool
from router.traffic import Traffic
from router.types import Appraisal, RoutingDecision


def fleet(as_of_s, tokens, running=1, replica_id="small-0"):
    return group_by_pool(
        [ReplicaState("small", replica_id, "node", as_of_s, running=running, generated_tokens_total=tokens)]
    )


@pytest.mark.parametrize(
    ("reports", "rate"),
    [
        ([fleet(0, 0)], None),
        ([fleet(0, 0), fleet(1, 100)], 100),
        ([fleet(0, 0), fleet(1, 100), fleet(1, 100)], 100),  # the same report, read twice
        ([fleet(0, 0), fleet(1, 100), fleet(2, 300)], 130),
        ([fleet(0, 0), fleet(1, 100), fleet(2, 100, running=0)], 100),  # idle
        ([fleet(0, 0), fleet(1, 100), fleet(2, 100)], 70),  # stuck
        ([fleet(0, 500), fleet(1, 100)], None),  # restarted
        ([fleet(0, 0), fleet(1, 100), {}], None),  # gone
        ([fleet(0, 0), fleet(1, 100, replica_id="small-1")], None),
    ],
)
def test_rates_of_replicas(reports, rate):
    traffic = Traffic()
    for report in reports:
        traffic.see(report)
    assert traffic.state(None).tokens_per_s == ({} if rate is None else {"small-0": pytest.approx(rate)})


def test_answers_are_averaged_by_pool_and_old_states_stay_as_they_were():
    traffic = Traffic()
    traffic.answered("small", 100)
    before = traffic.state(0.5)
    traffic.answered("small", 200)
    assert before.answer_tokens == {"small": 100}
    assert before.cost_lambda == 0.5
    assert 100 < traffic.state(None).answer_tokens["small"] < 200


@pytest.mark.parametrize(("dear", "share"), [(2.0, 1.0), (0.5, 0.0)])
def test_only_spills_to_dearer_pools_count(dear, share):
    weighed = {"a": Appraisal(0.9, 1.0, 99.0, 0.9), "b": Appraisal(0.8, dear, 0.0, 0.8)}
    traffic = Traffic()
    for _ in range(1_000):
        traffic.decided(RoutingDecision("b", "large", 0.1, (), appraisals=weighed, spilled_from="a"))
    assert traffic.state(None).spill_share == pytest.approx(share, abs=0.01)
