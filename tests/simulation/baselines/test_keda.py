from __future__ import annotations

import pytest

from simulation.baselines.keda import average_value_replicas, keda


@pytest.mark.parametrize(
    ("waiting", "replicas", "expected"),
    [(12, 1, 3), (0, 4, 0), (10, 2, 2), (11, 2, 2), (9, 2, 2), (12, 2, 3), (5, 2, 1), (26, 3, 6)],
)
def test_formula_at_5_for_each(waiting, replicas, expected):
    assert average_value_replicas(waiting, replicas, 5) == expected


def test_waiting_counts_over_the_pool_with_what_the_gateway_holds(spec, seen, ask):
    # 7 + 8 in the engines and 3 held: ceil(18 / 5)
    assert ask(keda(spec(), {}), seen(0, 2, [0.1, 0.1], [7, 8], held=3), 0) == 4


def test_an_empty_queue_goes_down_after_the_window_although_requests_run(spec, seen, ask):
    policy = keda(spec(1, 20), {})
    history = {now_s: ask(policy, seen(now_s, 4, [0.9] * 4, running=[50] * 4), now_s) for now_s in range(0, 330, 15)}
    assert [now_s for now_s, desired in history.items() if desired == 1] == [315]


def test_a_pool_without_replicas_wakes_at_a_poll(spec, seen, ask):
    policy = keda(spec(0, 5), {})
    history = [ask(policy, seen(now_s, 0, held=2 if now_s > 5 else 0), now_s) for now_s in range(0, 35, 5)]
    assert history == [0, 0, 0, 0, 0, 0, 1]


def test_activation_is_above_its_threshold(spec, seen, ask):
    assert ask(keda(spec(0, 5), {"activation": 2}), seen(0, 0, held=2), 0) == 0
    assert ask(keda(spec(0, 5), {"activation": 2}), seen(0, 0, held=3), 0) == 1


def test_it_sleeps_a_cooldown_after_the_last_activity(spec, seen, ask):
    policy = keda(spec(0, 5), {"cooldown_s": 120})
    history = {}
    for now_s in range(0, 300, 15):
        history[now_s] = ask(policy, seen(now_s, 1, [0.1], [4 if now_s <= 60 else 0]), now_s)
    # Polls are at 0, 30, 60, ...: 60 is the last one with a queue.
    assert min(now_s for now_s, desired in history.items() if desired == 0) == 180


def test_a_cooldown_of_nothing_does_not_put_a_busy_pool_to_sleep(spec, seen, ask):
    assert ask(keda(spec(0, 5), {"cooldown_s": 0}), seen(0, 1, [0.1], [4]), 0) == 1


def test_before_its_cooldown_one_replica_stays(spec, seen, ask):
    policy = keda(spec(0, 5), {"down_window_s": 0})
    assert ask(policy, seen(0, 3, [0.1] * 3), 0) == 3
    assert ask(policy, seen(15, 3, [0.1] * 3), 15) == 1


def test_a_pool_with_a_minimum_never_sleeps(spec, seen, ask):
    policy = keda(spec(1, 5), {"cooldown_s": 0, "down_window_s": 0})
    assert [ask(policy, seen(now_s, 1, [0.0]), now_s) for now_s in (0, 30, 60)] == [1, 1, 1]
