from __future__ import annotations

import pytest

from simulation.baselines.knowledge import Capacity, Knowledge
from simulation.baselines.sla_planner import (
    Traffic,
    answer_rate,
    expected_tpot_s,
    interval_traffic,
    observed_tpot,
    request_time_s,
    sla_planner,
)

# At the SLO of 0.1 s, 1000 tokens/s are a batch of 100; alone a request has a TPOT of 0.02 s.
CAPACITY = Capacity(10_000, 1000, unloaded_tpot_s=0.02, slo_tpot_s=0.1)
KNOWN = Knowledge({"small": CAPACITY})


@pytest.mark.parametrize(("batch", "expected"), [(0, 0.02), (100, 0.1), (50, 0.06)])
def test_the_profile_is_a_line(batch, expected):
    assert expected_tpot_s(CAPACITY, batch) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tpot_s", "expected"),
    [(0.1, 1000), (0.06, 50 / 0.06), (0.01, 1 / 0.0208)],  # the last one: no batch has that, so one request at a time
)
def test_tokens_at_a_tpot(tpot_s, expected):
    assert answer_rate(CAPACITY, tpot_s) == pytest.approx(expected)


def test_time_of_a_request():
    # 2000 / 10000 + 300 / 1000
    assert request_time_s(CAPACITY, Traffic(9, 2000, 300), 0.1) == pytest.approx(0.5)


def test_lengths_are_means_over_requests():
    assert interval_traffic([Traffic(3, 100, 10), Traffic(1, 500, 50)]) == Traffic(2, 200, 20)
    assert interval_traffic([Traffic(0, 0, 0)]) == Traffic(0, 0, 0)


def test_tpot_is_batch_over_rate(seen):
    before = {report.replica_id: report for report in seen(0, 2, [0.1, 0.1], generated=0).replicas}
    after = seen(100, 3, [0.1] * 3, generated=50_000).replicas
    # Two replicas made 500 tokens/s each; the third one was not there before.
    assert observed_tpot(before, after, [20, 40]) == (pytest.approx(0.06), 30)
    assert observed_tpot({}, after, [20, 40]) is None
    assert observed_tpot(before, after, []) is None


def plan(policy, seen, ask, rates, target=2, step_s=20):
    """Decisions at moments `step_s` apart; requests of 2000 prompt and 300 answer tokens."""
    decided = []
    for at, rate in enumerate(rates):
        now_s = at * step_s
        said = {"arrivals_per_s": rate, "prompt_tokens": 2000, "answer_tokens": 300, "demand_as_of_s": now_s}
        decided.append(ask(policy, seen(now_s, target, [0.1] * target, **said), now_s))
    return decided


def test_the_next_interval_is_expected_to_be_like_the_last(spec, seen, ask):
    policy = sla_planner(spec(), {"interval_s": 60}, KNOWN)
    # First look at 0 opens; 60 sees the mean of 6, 9 and 12 requests/s x 0.5 s, 120 that of 20, 20 and 20.
    assert plan(policy, seen, ask, [1, 6, 9, 12, 20, 20, 20, 0]) == [2, 2, 2, 5, 2, 2, 10, 2]


def test_part_of_the_profile_may_be_planned_for(spec, seen, ask):
    policy = sla_planner(spec(), {"interval_s": 60, "utilization_ratio": 0.5}, KNOWN)
    assert plan(policy, seen, ask, [9, 9, 9, 9])[-1] == 9


def test_without_requests_one_replica_stays(spec, seen, ask):
    policy = sla_planner(spec(0, 20), {"interval_s": 60}, KNOWN)
    assert plan(policy, seen, ask, [0, 0, 0, 0], target=4)[-1] == 1


def test_demand_that_nobody_said_or_long_ago_holds(spec, seen, ask):
    policy = sla_planner(spec(), {"interval_s": 60}, KNOWN)
    told = {"arrivals_per_s": 100.0, "prompt_tokens": 2000.0, "answer_tokens": 300.0, "demand_as_of_s": 900.0}
    assert [ask(policy, seen(now_s, 3, [0.1] * 3, **told), now_s) for now_s in (1000, 1030, 1060)] == [3, 3, 3]


@pytest.mark.parametrize(
    ("correction", "prompt_tokens", "expected"), [(1, 200.0, 6), (0, 200.0, 5), (1, 2000.0, 6), (0, 2000.0, 7)]
)
def test_an_engine_unlike_its_profile_is_corrected(spec, seen, ask, correction, prompt_tokens, expected):
    policy = sla_planner(spec(), {"interval_s": 60, "correction": correction}, KNOWN)
    decided = []
    for now_s in (1000, 1020, 1040, 1060):
        # Batches of 48 at 500 tokens/s are a TPOT of 0.096 s. The profile expects 0.0584 s, and 0.0642 s with the 9%
        # that prompts take: correction 1.496. At 0.1 / 1.496 s a batch of 58.6 makes 876 tokens/s: the pool needs
        # 9 x (0.02 + 500 / 876) replicas, and uncorrected 9 x (0.02 + 500 / 1000). Where prompts take 90% the engine is
        # better than expected, 0.164: at 0.1 / 0.164 s 1209 tokens/s, 9 x (0.2 + 500 / 1209) against 9 x (0.2 + 0.5).
        said = {"arrivals_per_s": 9.0, "prompt_tokens": prompt_tokens, "answer_tokens": 500.0, "demand_as_of_s": now_s}
        signals = seen(now_s, 2, [0.1] * 2, running=[48, 48], generated=500 * (now_s - 1000), **said)
        decided.append(ask(policy, signals, now_s))
    assert decided == [2, 2, 2, expected]


def test_it_must_know_the_replica(spec):
    with pytest.raises(ValueError, match=r"policy sla-planner: knowledge\.capacity lacks pool 'small'"):
        sla_planner(spec(), {})
