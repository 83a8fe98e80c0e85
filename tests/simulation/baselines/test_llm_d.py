from __future__ import annotations

import pytest

from simulation.baselines.llm_d import llm_d


@pytest.mark.parametrize(
    ("usages", "waiting", "target", "expected"),
    [
        # The example of the source: mean spare KV (0.15 + 0.08) / 2 = 0.115 is enough, (0.15 + 0.04) / 2 is not.
        ([0.65, 0.72], [0, 0], 2, 2),
        ([0.65, 0.76], [0, 0], 2, 3),
        # Mean spare queue (5 - 2 + 5 - 3) / 2 = 2.5
        ([0.1, 0.1], [2, 3], 2, 3),
        # A saturated replica does not count: spare KV 0.3 of the other one alone, too few to go down.
        ([0.5, 0.8], [0, 0], 2, 2),
        ([0.5, 0.1], [0, 5], 2, 2),
        # All are saturated: nothing is spare.
        ([0.9, 0.9], [0, 0], 2, 3),
        # Down: 0.8 - (0.2 + 0.2 + 0.2) / 2 = 0.5 and 5 - 0 remain.
        ([0.2] * 3, [0] * 3, 3, 2),
        # Down to a spare of exactly 0.1: 0.8 - 0.35 x 2 / 1
        ([0.35] * 2, [0] * 2, 2, 1),
        ([0.36] * 2, [0] * 2, 2, 2),
        # 5 - (1 + 1) / 1 = 3 is enough, 5 - (2 + 1) / 1 is not.
        ([0.1] * 2, [1, 1], 2, 1),
        ([0.1] * 2, [2, 1], 2, 2),
        # One starts already: no further one.
        ([0.9, 0.9], [9, 9], 4, 4),
        ([0.1], [0], 1, 1),
    ],
)
def test_formula(spec, seen, ask, usages, waiting, target, expected):
    assert ask(llm_d(spec(), {}), seen(0, target, usages, waiting), 0) == expected


def test_two_must_be_free_to_go_down_even_where_nothing_is_to_be_spared(spec, seen, ask):
    policy = llm_d(spec(), {"kv_spare": 0, "queue_spare": 0})
    assert ask(policy, seen(0, 2, [0.1, 0.9]), 0) == 2


def test_it_looks_once_a_minute_at_the_last_minutes_maxima(spec, seen, ask):
    policy = llm_d(spec(), {})
    usages = {now_s: 0.9 if now_s == 70 else 0.5 for now_s in range(0, 185, 5)}
    history = {now_s: ask(policy, seen(now_s, 1, [usage]), now_s) for now_s, usage in usages.items()}
    assert [now_s for now_s, desired in history.items() if desired == 2] == [120]


def test_a_replica_that_goes_takes_its_maxima_along(spec, seen, ask):
    policy = llm_d(spec(), {})
    assert ask(policy, seen(0, 2, [0.5, 0.9]), 0) == 2
    assert ask(policy, seen(55, 1, [0.5]), 55) == 1
    # With its 0.9 of a minute ago the second replica would be saturated, and one alone is too few to go down.
    assert ask(policy, seen(60, 2, [0.5, 0.1]), 60) == 1


def test_it_keeps_one_replica(spec, seen, ask):
    assert ask(llm_d(spec(0, 5), {}), seen(0, 0), 0) == 1
