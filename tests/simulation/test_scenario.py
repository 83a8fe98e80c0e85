"""All policies meet the same conditions; what cannot be played is said."""

from __future__ import annotations

import json

import pytest
from simulated_fleets import fleet_spec, steady

from router.quality import RuleQuality
from router.types import RoutingRequest
from simulation.launching import ColdStart
from simulation.policies import NAMES, OURS, UnknownPolicy, make_policy
from simulation.scenario import make_scenario
from simulation.shapes import NotSimulated
from simulation.shaping import with_lead_in


def scenario(spec=None):
    load = with_lead_in(steady(400, per_s=4.0, answer_tokens=120), 30.0, 0)
    queries = [RoutingRequest("7 + 5?"), RoutingRequest("Why?")]
    return make_scenario(spec or fleet_spec(), load, queries, RuleQuality(), ColdStart(5.0, 10.0), 0)


@pytest.mark.parametrize("policy", NAMES)
def test_every_policy_is_played(policy):
    heard = []
    run, summary = scenario().play(policy, {}, heard.append)
    assert summary.requests == 400
    assert 0 <= summary.slo_attainment <= 1
    assert summary.device_hours >= summary.floor_device_hours * 0.999
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    json.dumps(summary.as_json())
    assert set(run.used_s) == {"small"}


def test_runs_of_one_scenario_do_not_touch_each_other():
    made = scenario()
    first = made.play(OURS, {}, lambda share: None)[1]
    made.play("keda", {}, lambda share: None)
    assert made.play(OURS, {}, lambda share: None)[1] == first


def test_constant_sizes_hold_the_known_load():
    run, summary = scenario().play("static-peak", {"scale": 4.0}, lambda share: None)
    assert summary.slo_attainment == 1.0
    assert summary.scale_events == 0
    assert run.series.pools["small"].target[-1] == summary.by_pool["small"]["most_replicas"] > 1


def test_unknown_policies_and_parameters():
    made = scenario()
    with pytest.raises(UnknownPolicy, match="invalid value 'kedda', did you mean 'keda'"):
        make_policy("kedda", made.spec, {}, made.known)
    with pytest.raises(UnknownPolicy, match="takes no parameters, set them in the spec's `scaling` section"):
        make_policy(OURS, made.spec, {"waiting": 3}, made.known)
    with pytest.raises(UnknownPolicy, match=r"policy keda.*nonsense"):
        make_policy("keda", made.spec, {"nonsense": 3}, made.known)


def test_a_fleet_without_devices_for_its_least_replicas():
    with pytest.raises(
        NotSimulated, match=r"hardware\.cpu: has 8 devices, but the minimum replicas of small need 9, use more"
    ):
        scenario(fleet_spec(replicas={"min": 9, "max": 9}))
