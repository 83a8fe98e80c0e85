from __future__ import annotations

import pytest

from simulation.baselines.hpa_kv import hpa_kv, plain_metric_replicas


@pytest.mark.parametrize(
    ("values", "replicas", "target", "expected"),
    [
        ([0.5, 0.7], 2, 0.5, 3),  # ceil(2 x 1.2)
        ([0.2, 0.3], 2, 0.5, 1),  # ceil(2 x 0.5)
        ([0.1] * 4, 4, 0.5, 1),  # ceil(4 x 0.2)
        ([0.0], 1, 0.5, 0),
        ([0.54, 0.55], 2, 0.5, 2),  # 9% above: within tolerance
        ([0.46, 0.45], 2, 0.5, 2),
        # Two of four start and count as idle: (1.0 + 1.0 + 0 + 0) / 4 / 0.5 = 1
        ([1.0, 1.0], 4, 0.5, 4),
        # One of three starts: (0.9 + 0.9 + 0) / 3 / 0.5 = 1.2, ceil(3.6)
        ([0.9, 0.9], 3, 0.5, 4),
        # Three of four start: 1.0 / 4 / 0.4 = 0.625 would turn the direction
        ([1.0], 4, 0.4, 4),
        # One of three starts and counts as at the target: (0.1 + 0.1 + 0.5) / 3 / 0.5 = 0.467, ceil(1.4)
        ([0.1, 0.1], 3, 0.5, 2),
    ],
)
def test_formula(values, replicas, target, expected):
    assert plain_metric_replicas(values, replicas, target, 0.1) == expected


def test_it_looks_every_15_s_and_goes_down_after_300(spec, seen, ask):
    policy = hpa_kv(spec(), {"kv_target_ratio": 0.5})
    target, history = 2, {}
    for now_s in range(0, 725, 5):
        usage = 0.9 if now_s < 100 else 0.2
        target = ask(policy, seen(now_s, target, [usage] * target), now_s)
        history[now_s] = target
    assert [history[now_s] for now_s in (0, 10, 15, 30)] == [4, 4, 8, 15]
    # 20 was last recommended at 90 s and counts to 390; ceil(20 x 0.4) then, and ceil(8 x 0.4) a window later.
    assert [history[now_s] for now_s in (390, 405, 705, 720)] == [20, 8, 8, 4]


def test_without_reports_or_replicas_nothing_moves(spec, seen, ask):
    assert ask(hpa_kv(spec(), {}), seen(0, 3), 0) == 3


def test_it_does_not_go_to_zero(spec, seen, ask):
    policy = hpa_kv(spec(0, 5), {"down_window_s": 0})
    assert ask(policy, seen(0, 1, [0.0]), 0) == 1
    assert ask(policy, seen(15, 1, [0.0]), 15) == 1
