from __future__ import annotations

import pytest

from simulation.baselines.aibrix_kpa import aibrix_kpa


def history(policy, seen, ask, usages, target):
    """Decisions every 10 s, (mean usage, ready replicas) at each."""
    looks = enumerate(usages)
    return [ask(policy, seen(10 * at, target, [usage] * ready), 10 * at) for at, (usage, ready) in looks]


def test_a_total_over_replicas_divided_by_the_target(spec, seen, ask):
    # Means of the totals: 0.9 -> 2, (0.9 + 1.5) / 2 = 1.2 -> 3 (twice the two ready would be 4: no panic)
    assert history(aibrix_kpa(spec(), {}), seen, ask, [(0.9, 1)], 1) == [2]
    assert history(aibrix_kpa(spec(), {}), seen, ask, [(0.4, 1), (0.4, 1), (0.4, 1)], 1) == [1, 1, 1]


def test_a_step_up_is_limited_by_the_ready_replicas(spec, seen, ask):
    policy = aibrix_kpa(spec(), {"kv_target_ratio": 0.1})
    # 10 are wanted, of 1 ready 2 may be had; with 2 ready, 4.
    assert history(policy, seen, ask, [(1.0, 1), (1.0, 1), (1.0, 2)], 2) == [2, 2, 4]


def test_a_step_down_is_limited_too(spec, seen, ask):
    policy = aibrix_kpa(spec(), {"scale_down_delay_s": 0})
    # It begins in panic with 8 ready, which ends a stable window after; then floor(8 / 2).
    assert history(policy, seen, ask, [(0.0, 8)] * 9, 8) == [8] * 7 + [4, 4]


def test_panic_counts_the_short_window_and_does_not_go_down(spec, seen, ask):
    policy = aibrix_kpa(spec(), {"scale_down_delay_s": 0, "kv_target_ratio": 0.25, "max_up_rate": 10})
    # One ready replica at 0.1 wants one; at 0.9 the short window (two looks) wants ceil(0.5 / 0.25) = 2 at first, which
    # is twice the ready one, and then 4; the stable window would still want ceil(0.3 / 0.25) = 2 and ceil(0.43 / .25).
    calm, burst = [(0.1, 1)] * 4, [(0.9, 1)] * 2
    after = [(0.1, 1)] * 9
    decided = history(policy, seen, ask, calm + burst + after, 1)
    assert decided[:6] == [1, 1, 1, 1, 2, 4]
    # The look after the burst still has 0.9 in its short window and panics on; 60 s later it is over.
    assert decided[6:] == [4] * 7 + [1, 1]


def test_each_panic_has_its_own_peak(spec, seen, ask):
    windows = {"scale_down_delay_s": 0, "stable_window_s": 5, "panic_window_s": 5}
    policy = aibrix_kpa(spec(), windows | {"max_up_rate": 9, "kv_target_ratio": 0.25})
    # Windows of one look: 1.0 wants 4 and 0.5 wants 2, panic for the one ready replica both times.
    assert history(policy, seen, ask, [(1.0, 1), (0.1, 1), (0.5, 1)], 1) == [4, 1, 2]


@pytest.mark.parametrize(("delay_s", "last_s"), [(0, 60), (60, 120), (180, 240)])
def test_the_greatest_of_the_delay_counts(spec, seen, ask, delay_s, last_s):
    policy = aibrix_kpa(spec(), {"scale_down_delay_s": delay_s, "stable_window_s": 1, "panic_window_s": 1})
    usages = [(0.9 if 10 * at <= 60 else 0.2, 1) for at in range(40)]
    decided = history(policy, seen, ask, usages, 1)
    # 0.9 wants 2 of 1 ready, which is panic: it ends more than a (tiny) stable window after its last look at 60 s.
    assert max(10 * at for at, desired in enumerate(decided) if desired == 2) == last_s


def test_it_keeps_one_replica(spec, seen, ask):
    assert ask(aibrix_kpa(spec(0, 5), {"scale_down_delay_s": 0}), seen(0, 1, [0.0]), 0) == 1
    assert ask(aibrix_kpa(spec(0, 5), {}), seen(0, 0), 0) == 1
