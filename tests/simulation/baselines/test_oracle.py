from __future__ import annotations

import pytest

from simulation.baselines.knowledge import Capacity, Knowledge, Load
from simulation.baselines.oracle import oracle


def demand(pool, start_s, end_s):
    """300 answer tokens per second; 900 between 1000 and 1060."""
    burst_s = max(0, min(1060, end_s) - max(1000, start_s))
    return Load(1, 0, 300 + 600 * burst_s / (end_s - start_s))


KNOWN = Knowledge({"small": Capacity(1000, 100)}, demand)
CHOSEN = {"utilization_ratio": 1.0, "window_s": 10, "lead_s": 0, "tail_s": 0}


def decisions(policy, seen, ask, moments, **more):
    return [ask(policy, seen(now_s, 3, [0.1] * 3, **more), now_s) for now_s in moments]


def test_replicas_start_a_cold_start_ahead_and_stay_while_needed(spec, seen, ask):
    policy = oracle(spec(), CHOSEN, KNOWN)
    assert decisions(policy, seen, ask, (900, 910, 1000, 1050, 1060), cold_start_s=90.0) == [3, 3, 9, 9, 3]
    assert decisions(policy, seen, ask, (920,), cold_start_s=90.0) == [9]


def test_the_default_cold_start_counts_where_none_was_measured(spec, seen, ask):
    policy = oracle(spec(), CHOSEN | {"cold_start_s": 30}, KNOWN)
    assert decisions(policy, seen, ask, (970, 980)) == [3, 9]


@pytest.mark.parametrize(
    ("changed", "moment", "expected"),
    [
        ({"lead_s": 20}, 900, 9),
        ({"tail_s": 20}, 1070, 9),
        ({"utilization_ratio": 0.5}, 0, 6),
        ({"window_s": 60, "tail_s": 60}, 1050, 8),  # 50 s of the window burst: (300 + 600 x 50 / 60) / 100
    ],
)
def test_parameters(spec, seen, ask, changed, moment, expected):
    policy = oracle(spec(), CHOSEN | changed, KNOWN)
    assert decisions(policy, seen, ask, (moment,), cold_start_s=90.0) == [expected]


def test_it_sleeps_where_nothing_comes(spec, seen, ask):
    quiet = Knowledge(KNOWN.capacity, lambda pool, start_s, end_s: Load(0, 0, 0))
    assert decisions(oracle(spec(0, 5), {}, quiet), seen, ask, (0,)) == [0]
    assert decisions(oracle(spec(2, 5), {}, quiet), seen, ask, (0,)) == [2]


def test_it_must_know_what_comes(spec):
    with pytest.raises(ValueError, match=r"policy oracle: knowledge\.demand"):
        oracle(spec(), {}, Knowledge(KNOWN.capacity))
