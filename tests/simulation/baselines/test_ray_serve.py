from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from ray.serve import autoscaling_policy as ray_policy
from ray.serve._private.common import DeploymentID, TimeStampedValue
from ray.serve._private.metrics_utils import aggregate_timeseries
from ray.serve.config import AggregationFunction, AutoscalingConfig, AutoscalingContext

from simulation.baselines.ray_serve import ray_serve

ID = DeploymentID(name="small")


def test_up_after_its_delay_by_the_error_ratio(spec, seen, ask):
    policy = ray_serve(spec(), {"target_ongoing_requests": 4})
    history = {now_s: ask(policy, seen(now_s, 1, [0.1], [2], [16]), now_s) for now_s in range(0, 40, 5)}
    # ceil(18 / 4), 30 s after it was first wanted
    assert history == {0: 1, 5: 1, 10: 1, 15: 1, 20: 1, 25: 1, 30: 5, 35: 1}


def test_a_lull_begins_the_delay_anew(spec, seen, ask):
    policy = ray_serve(spec(), {"look_back_s": 10.5})
    load = {now_s: 0 if 20 <= now_s < 40 else 8 for now_s in range(0, 100, 10)}
    history = {now_s: ask(policy, seen(now_s, 1, [0.1], running=[load[now_s]]), now_s) for now_s in load}
    assert [now_s for now_s, desired in history.items() if desired > 1] == [80]


def test_down_after_600_s(spec, seen, ask):
    policy = ray_serve(spec(), {})
    history = {now_s: ask(policy, seen(now_s, 5, [0.0] * 5), now_s) for now_s in range(0, 660, 30)}
    assert [now_s for now_s, desired in history.items() if desired < 5] == [600]
    assert history[600] == 1


def test_a_held_request_wakes_a_pool_at_once(spec, seen, ask):
    policy = ray_serve(spec(0, 5), {})
    assert ask(policy, seen(0, 0), 0) == 0
    assert ask(policy, seen(5, 0, held=1), 5) == 1


def rays_own_decision(state, series, replicas, target, bounds, settings, now_s):
    """One tick of Ray's controller: its aggregation, its wrapper around its default policy, its bounds."""
    while series[-1].timestamp - series[0].timestamp > settings.look_back_period_s:
        series.pop(0)
    context = AutoscalingContext(
        deployment_id=ID,
        deployment_name=ID.name,
        app_name=ID.app_name,
        current_num_replicas=replicas,
        target_num_replicas=target,
        running_replicas=[],
        total_num_requests=aggregate_timeseries(series, AggregationFunction.MEAN),
        total_queued_requests=0.0,
        aggregated_metrics=None,
        raw_metrics=None,
        capacity_adjusted_min_replicas=bounds[0],
        capacity_adjusted_max_replicas=bounds[1],
        policy_state=dict(state),
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=now_s,
        config=settings,
    )
    wrapped = ray_policy._apply_autoscaling_config(ray_policy.replica_queue_length_autoscaling_policy)
    decided, after = wrapped(context)
    state.clear()
    state.update(after)
    return max(bounds[0], min(bounds[1], decided))


@pytest.mark.parametrize("seed", range(20))
def test_it_decides_as_rays_own_wrapper(spec, seen, ask, monkeypatch, seed):
    draw = random.Random(seed)
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr(ray_policy.time, "time", lambda: clock.now_s)
    bounds = (draw.choice((0, 1, 2)), draw.choice((6, 20)))
    chosen = {
        "target_ongoing_requests": draw.choice((1, 2, 7.5)),
        "upscale_delay_s": draw.choice((0, 30)),
        "downscale_delay_s": draw.choice((0, 90, 600)),
        "upscaling_factor": draw.choice((0.3, 1.0, 1.7)),
        "downscaling_factor": draw.choice((0.4, 1.0, 1.5)),
    }
    settings = AutoscalingConfig(min_replicas=bounds[0], max_replicas=bounds[1], **chosen)
    policy, state, series = ray_serve(spec(*bounds), chosen), {}, []
    target, ready, moves = max(1, bounds[0]), 1, 0
    for _ in range(300):
        clock.now_s += draw.choice((1.0, 5.0, 5.0))
        calm = int(clock.now_s / 300) % 2
        running = [0 if calm else draw.randrange(30) for _ in range(ready)]
        held = 0 if ready or draw.random() < 0.7 else draw.randrange(3)
        series.append(TimeStampedValue(clock.now_s, sum(running) + held))
        expected = rays_own_decision(state, series, ready, target, bounds, settings, clock.now_s)
        signals = seen(clock.now_s, target, [0.1] * ready, running=running, held=held)
        assert ask(policy, signals, clock.now_s) == expected
        moves += expected != target
        target = expected
        ready = min(target, ready + draw.randrange(2))
    assert moves
