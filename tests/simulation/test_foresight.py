"""What policies are told beforehand is what happens."""

from __future__ import annotations

import pytest
from simulated_fleets import Plan, fleet_spec, play, steady

from router.quality import RuleQuality
from router.types import RoutingRequest
from simulation.arrivals import Arrivals, draw_queries
from simulation.baselines import Load
from simulation.desk import KnownQuality
from simulation.foresight import capacity, knowledge
from simulation.replica import EPOCH_S
from simulation.shapes import engine_shape
from simulation.shaping import with_lead_in
from simulation.timing import EngineShape, StepTimes


def told(load):
    spec = fleet_spec()
    arrivals = Arrivals(load, [RoutingRequest("7 + 5?")] * len(load), KnownQuality(RuleQuality()))
    return knowledge(spec, {"small": engine_shape(spec, "small")}, arrivals)


def test_demand_is_the_mean_load_of_any_span():
    known = told(with_lead_in(steady(1_000, per_s=5.0), 20.0, 0))
    begin_s, end_s = known.span("any")
    assert (begin_s, end_s) == (pytest.approx(EPOCH_S - 20, abs=3), EPOCH_S + 200)
    load = known.future("any")("small", EPOCH_S + 10, EPOCH_S + 60)
    assert load.requests_per_s == pytest.approx(5.0, rel=0.01)
    assert load.prompt_tokens_per_s == pytest.approx(1_000.0, rel=0.01)
    assert load.answer_tokens_per_s == pytest.approx(250.0, rel=0.01)
    assert known.future("any")("small", EPOCH_S + 900, EPOCH_S + 960).requests_per_s == 0.0


def test_capacity_is_what_a_saturated_replica_does():
    spec = fleet_spec(replicas={"min": 1, "max": 1})
    known = capacity(engine_shape(spec, "small"), 225.0)
    assert known.answer_tokens_per_s == pytest.approx(8 * 50)
    assert known.prompt_tokens_per_s == pytest.approx(2_048 / (2_048 / 10_000 + 0.02))
    load = steady(1_000, per_s=20.0)
    run = play(spec, load, Plan())
    left_s = load.arrival_s + run.outcomes.ttft_s + 49 * run.outcomes.tpot_s
    per_s = ((left_s > 20) & (left_s < 60)).sum() / 40
    assert per_s < 10
    assert known.replicas_for(Load(per_s, 200 * per_s, 50 * per_s)) == pytest.approx(1.0, abs=0.15)


def test_capacity_stops_at_the_slo_and_at_the_cache():
    times = StepTimes(tuple(0.02 for _ in range(65)), 0.02, 0.004, 0.0, 1e-4, 0.0)
    slow = EngineShape(times, 1_000_000, 64, 512, 4_096)
    assert capacity(slow, 1_000.0).answer_tokens_per_s == pytest.approx(20 / 0.1)
    assert capacity(slow, 1_000.0).unloaded_tpot_s == pytest.approx(0.024)
    small = EngineShape(times, 5_000, 64, 512, 4_096)
    assert capacity(small, 1_000.0).answer_tokens_per_s == pytest.approx(5 / 0.04)


def test_queries_are_drawn_evenly_and_the_same_for_the_same_seed():
    queries = [RoutingRequest(str(number)) for number in range(4)]
    drawn = draw_queries(queries, 4_000, seed=1)
    assert all(900 < drawn.count(query) < 1_100 for query in queries)
    assert drawn == draw_queries(queries, 4_000, seed=1) != draw_queries(queries, 4_000, seed=2)
