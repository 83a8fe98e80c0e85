from __future__ import annotations

import pytest

from simulation.baselines.aibrix_apa import ApaParameters, aibrix_apa, apa_replicas


@pytest.mark.parametrize(
    ("usage", "ready", "replicas", "expected"),
    [
        (0.8, 4, 4, 7),  # ceil(4 x 1.6)
        (1.0, 4, 4, 8),  # ceil(4 x 2) is the greatest step too
        (0.55, 4, 4, 4),  # 10% above: within tolerance
        (0.41, 4, 4, 4),  # 18% below: within tolerance
        (0.38, 4, 4, 4),  # ceil(4 x 0.76)
        (0.35, 4, 4, 3),  # ceil(4 x 0.7)
        (0.01, 9, 9, 4),  # floor(9 / 2) is the greatest step
        (0.0, 1, 1, 0),
        # Two of four start and count as idle: ceil(2 x 1.6) stays below 4.
        (0.8, 2, 4, 4),
        # One of four starts: ceil(3 x 1.8)
        (0.9, 3, 4, 6),
        # Three of four start and count as at the target: ceil(1 x 0.2) + 3
        (0.1, 1, 4, 4),
        # One of four starts: ceil(3 x 0.2) + 1
        (0.1, 3, 4, 2),
    ],
)
def test_formula(usage, ready, replicas, expected):
    assert apa_replicas(usage, ready, replicas, ApaParameters()) == expected


def test_rates_limit_a_step():
    parameters = ApaParameters(kv_target_ratio=0.1, max_up_rate=1.5, max_down_rate=4.0)
    assert apa_replicas(1.0, 4, 4, parameters) == 6
    assert apa_replicas(0.0, 9, 9, parameters) == 2


def test_it_looks_every_10_s_at_the_mean_of_the_window(spec, seen, ask):
    policy = aibrix_apa(spec(), {})
    usages = {0: 0.5, 5: 1.0, 10: 0.7, 20: 0.7, 30: 0.9}
    history = {now_s: ask(policy, seen(now_s, 2, [usage] * 2), now_s) for now_s, usage in usages.items()}
    # Means at the looks: 0.5, 0.6, 0.633, 0.7 (5 s is none); above 0.55 to ceil(2 x mean / 0.5)
    assert history == {0: 2, 5: 2, 10: 3, 20: 3, 30: 3}


@pytest.mark.parametrize(("window_s", "first_s"), [(0, 80), (60, 140), (300, 380)])
def test_down_to_the_greatest_recommendation_of_the_window(spec, seen, ask, window_s, first_s):
    policy = aibrix_apa(spec(), {"down_window_s": window_s})
    history = {}
    for now_s in range(0, 600, 10):
        history[now_s] = ask(policy, seen(now_s, 4, [0.5 if now_s <= 60 else 0.1] * 4), now_s)
    # The mean of 30 s is at 80 below 0.4 for the first time: (0.5 + 0.5 + 0.1 + 0.1) / 4.
    assert min(now_s for now_s, desired in history.items() if desired < 4) == first_s


def test_it_keeps_one_replica(spec, seen, ask):
    assert ask(aibrix_apa(spec(0, 5), {"down_window_s": 0}), seen(0, 1, [0.0]), 0) == 1
    assert ask(aibrix_apa(spec(0, 5), {}), seen(0, 0), 0) == 1
