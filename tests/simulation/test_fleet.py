"""Requests and replicas on the virtual clock, from arrival and launch to the end."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_fleets import Plan, fleet_spec, play, steady

from cluster.load import saturation
from cluster.spec import FleetSpec
from simulation.launching import ColdStart
from simulation.outcomes import TPOT_LIMIT_S
from simulation.shaping import with_lead_in
from simulation.summary import summarise


def test_an_idle_fleet_answers_everybody_at_its_engines_speed():
    load = steady(100, per_s=0.5)
    run = play(fleet_spec(), load, Plan())
    assert run.outcomes.ttft_s == pytest.approx(0.02 + 200 / 10_000)
    assert run.outcomes.tpot_s == pytest.approx(0.02)
    assert run.outcomes.good.all()
    summary = summarise(fleet_spec(), load, run)
    assert (summary.slo_attainment, summary.requests, summary.shed, summary.unfinished) == (1.0, 100, 0, 0)
    assert summary.goodput_rps == pytest.approx(0.5)
    assert summary.device_hours == pytest.approx(200 / 3600)
    assert summary.floor_device_hours == pytest.approx(200 / 3600)
    assert summary.cost == pytest.approx(3 * 200 / 3600)


def test_a_replica_on_half_a_device_counts_half_its_hours_and_its_own_price():
    data = fleet_spec().model_dump(mode="json")
    data["hardware"]["cpu"] = {"device": "L4", "devices_per_node": 4, "nodes": 2}
    data["pools"]["small"]["gpu_fraction"] = 0.5
    spec, load = FleetSpec.model_validate(data), steady(100, per_s=0.5)
    summary = summarise(spec, load, play(spec, load, Plan()))
    assert summary.device_hours == summary.floor_device_hours == pytest.approx(100 / 3600)
    assert summary.by_pool["small"]["device_hours"] == pytest.approx(100 / 3600)
    assert summary.cost == pytest.approx(3 * 200 / 3600)


def test_the_same_seed_gives_the_same_run_to_the_digit():
    spec, load = fleet_spec(), with_lead_in(steady(2_000, per_s=20.0, answer_tokens=120), 20.0, 0)
    wanted = {-10.0: 3, 20.0: 6, 60.0: 2}
    first, again, other = (play(spec, load, Plan(wanted), ColdStart(5.0, 25.0), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.outcomes.ttft_s, again.outcomes.ttft_s, equal_nan=True)
    assert summarise(spec, load, first) == summarise(spec, load, again)
    assert first.series == again.series
    assert not np.array_equal(first.outcomes.ttft_s, other.outcomes.ttft_s, equal_nan=True)


def test_a_replica_serves_after_its_cold_start_and_costs_from_its_launch():
    load = steady(600, per_s=6.0)
    run = play(fleet_spec(), load, Plan({20.0: 2}), ColdStart(30.0, 30.0))
    course = dict(zip(run.series.at_s, run.series.pools["small"].ready, strict=True))
    launched = next(event.at_s for event in run.series.events)
    assert 20.0 <= launched <= 22.0
    assert all(ready == (2 if at_s > launched + 30 else 1) for at_s, ready in course.items() if at_s != launched + 30)
    assert summarise(fleet_spec(), load, run).device_hours * 3600 == pytest.approx(100 + 100 - launched)
    assert [(each.before, each.after, each.reason) for each in run.series.events] == [(1, 2, "as planned")]


def test_a_replica_that_is_scaled_away_finishes_its_answers_and_costs_until_then():
    load = steady(40, per_s=20.0, answer_tokens=1_000)  # 20 s an answer, all there after 2 s
    spec = fleet_spec(engine={"max_num_seqs": 40, "kv_capacity_tokens": 90_000})
    run = play(spec, load, Plan({-1.0: 2, 3.0: 1}), ColdStart(0.0, 0.0))
    assert np.isfinite(run.outcomes.tpot_s).all()
    released = [end for begin, end in run.used_s["small"] if end < 30]
    assert released
    assert all(20.0 < end < 25.0 for end in released)


def test_scaling_down_takes_what_does_not_serve_yet_first():
    run = play(fleet_spec(), steady(100, per_s=1.0), Plan({10.0: 4, 20.0: 1}), ColdStart(50.0, 50.0))
    spans = sorted(run.used_s["small"], key=lambda span: span[1] - span[0])
    assert [round(end - begin) for begin, end in spans[:3]] == [10, 10, 10]
    assert set(run.series.pools["small"].ready) == {1}


def test_replicas_wait_for_devices_and_bounds_hold():
    spec = fleet_spec(replicas={"min": 1, "max": 20})  # on 8 devices
    run = play(spec, steady(100, per_s=1.0), Plan({0.0: 50}))
    assert max(run.series.pools["small"].target) == 20
    assert max(run.series.pools["small"].ready) == 8
    assert len(run.used_s["small"]) == 8
    floor = play(spec, steady(100, per_s=1.0), Plan({0.0: -3}))
    assert min(floor.series.pools["small"].target) == 1


def test_a_new_node_takes_its_time():
    run = play(fleet_spec(), steady(200, per_s=1.0), Plan({0.0: 5}), ColdStart(10.0, 10.0, node_s=60.0))
    ready = dict(zip(run.series.at_s, run.series.pools["small"].ready, strict=True))
    assert max(ready[at_s] for at_s in ready if at_s < 65) == 4  # the first node has four devices
    assert max(ready.values()) == 5


def test_more_than_a_replica_holds_waits_at_the_gateway():
    spec = fleet_spec(engine={"max_ongoing_requests": 10, "max_num_seqs": 4})
    policy = Plan()
    run = play(spec, steady(60, per_s=20.0, answer_tokens=500), policy)
    assert max(seen.demand.held for _, seen in policy.seen) > 30
    assert max(each.ongoing for _, seen in policy.seen for each in seen.replicas) == 10
    assert np.isfinite(run.outcomes.tpot_s).sum() + np.isnan(run.outcomes.ttft_s).sum() == 60


def test_more_than_the_gateway_holds_is_shed_and_counts_as_missed():
    spec = fleet_spec(gateway={"max_ongoing_per_replica": 12})
    load = steady(200, per_s=100.0, answer_tokens=100)
    run = play(spec, load, Plan())
    summary = summarise(spec, load, run)
    assert summary.shed > 100
    assert summary.slo_attainment == pytest.approx(run.outcomes.good.sum() / 200)
    assert np.isnan(run.outcomes.ttft_s[run.outcomes.shed]).all()


def test_who_waits_too_long_leaves_and_is_unfinished():
    spec = fleet_spec(engine={"max_num_seqs": 1}, gateway={"first_token_timeout_s": 15.0})
    load = steady(20, per_s=10.0, answer_tokens=500)  # 10 s each
    run = play(spec, load, Plan())
    summary = summarise(spec, load, run)
    assert summary.unfinished == 18
    assert np.nanmax(run.outcomes.ttft_s) <= 15.0


def test_prompts_beyond_every_context_are_shed_and_long_answers_end_there():
    spec = fleet_spec(engine={"max_model_len": 500})
    load = steady(10, per_s=1.0, prompt_tokens=490, answer_tokens=100)
    assert np.isfinite(play(spec, load, Plan()).outcomes.tpot_s).all()
    assert play(spec, steady(10, 1.0, prompt_tokens=600), Plan()).outcomes.shed.all()


class Waking:
    """Lets the pool sleep for 40 s, and wakes it when a signal of it is not 0."""

    def __init__(self, signal):
        self.signal = signal

    def decide(self, signals, now_s):
        seen = signals["small"]
        wanted = 1 if getattr(seen.demand, self.signal) else seen.target
        return Plan({0.0: 0 if now_s < 1e9 + 40 else wanted}).decide(signals, now_s)


def test_a_pool_at_zero_is_woken_by_a_request_that_waits():
    load = steady(3, per_s=0.02)  # at 0, 50 and 100 s
    run = play(fleet_spec(replicas={"min": 0, "max": 2}), load, Waking("held"), model="small")
    assert run.outcomes.ttft_s[0] < 1
    assert 10.0 < run.outcomes.ttft_s[1] < 13.0
    assert run.outcomes.ttft_s[2] < 1
    assert 0 in run.series.pools["small"].ready


def test_auto_requests_wait_where_all_pools_sleep_and_are_their_demand():
    run = play(fleet_spec(replicas={"min": 0, "max": 2}), steady(3, per_s=0.02), Waking("arrivals_per_s"))
    assert not run.outcomes.shed.any()
    assert 10.0 < run.outcomes.ttft_s[1] < 13.0


def test_policies_see_reports_as_real_ones_and_the_gateways_demand():
    policy = Plan()
    spec = fleet_spec(engine={"max_num_seqs": 4})
    play(spec, steady(600, per_s=10.0, answer_tokens=100), policy, ColdStart(0.0, 0.0))
    at_s, seen = next((at_s, seen) for at_s, seen in policy.seen if at_s > 40)
    report = seen.replicas[0]
    assert report.is_fresh(1e9 + at_s)
    assert report.as_of_s == seen.demand_as_of_s == 1e9 + at_s
    assert seen.demand.arrivals_per_s == seen.demand.taken_per_s == pytest.approx(10.0, rel=0.05)
    assert (seen.demand.prompt_tokens, seen.demand.answer_tokens) == (200, 100)
    assert report.running == 4
    assert saturation(report) == 1.0
    totals = [each.replicas[0].generated_tokens_total for _, each in policy.seen]
    assert totals == sorted(totals)
    assert totals[-1] > 4_000


def test_the_lead_in_is_played_and_not_measured():
    load = with_lead_in(steady(300, per_s=3.0), 50.0, 0)
    run = play(fleet_spec(), load, Plan())
    summary = summarise(fleet_spec(), load, run)
    assert summary.requests == 300 < len(load)
    assert summary.device_hours == pytest.approx(100 / 3600)
    assert run.series.at_s[0] < -45


def test_a_slow_engine_misses_the_tpot_limit():
    spec = fleet_spec(engine={"decode_tokens_per_s": 9})
    load = steady(20, per_s=1.0)
    run = play(spec, load, Plan())
    assert np.nanmin(run.outcomes.tpot_s) > TPOT_LIMIT_S
    assert summarise(spec, load, run).slo_attainment == 0.0
