"""What holds for every baseline."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaling.types import PoolDemand, PoolSignals
from cluster.loading import PROJECT_ROOT
from cluster.state import ReplicaState
from simulation.baselines import GRIDS, POLICIES, Capacity, Knowledge, Load

KNOWN = Knowledge({"small": Capacity(1000, 100)}, lambda pool, start_s, end_s: Load(1, 100, 200), (0, 600))
ANY = st.one_of(st.floats(), st.integers(-5, 10**30), st.floats(0, 100))
REPORTS = st.builds(
    ReplicaState,
    pool=st.just("small"),
    replica_id=st.sampled_from(["r0", "r1", "r2"]),
    node_id=st.just("n"),
    as_of_s=st.one_of(ANY, st.just(100.0)),
    waiting=ANY,
    running=ANY,
    kv_usage_ratio=st.one_of(ANY, st.floats(0, 1)),
    generated_tokens_total=ANY,
)
SIGNALS = st.builds(
    PoolSignals,
    pool=st.just("small"),
    target=ANY,
    replicas=st.lists(REPORTS, max_size=3).map(tuple),
    demand=st.builds(PoolDemand, held=ANY, arrivals_per_s=ANY, prompt_tokens=ANY, answer_tokens=ANY),
    demand_as_of_s=ANY,
    cold_start_s=st.one_of(ANY, st.just(90.0)),
)


def test_every_policy_has_a_grid():
    assert list(POLICIES) == list(GRIDS)


@pytest.mark.parametrize("name", POLICIES)
def test_every_point_of_a_grid_makes_a_policy(spec, name):
    assert len(GRIDS[name]) >= 5
    for point in GRIDS[name]:
        POLICIES[name](spec(), point, KNOWN)


@pytest.mark.parametrize("name", POLICIES)
def test_defaults_make_a_policy_and_other_names_are_refused(spec, name):
    POLICIES[name](spec(), {}, KNOWN)
    with pytest.raises(ValueError, match=f"policy {name} has no parameter 'nonsense'"):
        POLICIES[name](spec(), {"nonsense": 1.0}, KNOWN)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.tuples(SIGNALS, st.one_of(ANY, st.just(100.0))), max_size=4))
def test_any_signals_are_decided_within_bounds(spec, name, looks):
    policy = POLICIES[name](spec(1, 7), {}, KNOWN)
    for signals, now_s in looks:
        decision = policy.decide({"small": signals}, now_s)["small"]
        assert isinstance(decision.desired, int)
        assert 1 <= decision.desired <= 7
        assert decision.reason


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_signals_are_decided_the_same(spec, seen, name):
    def run():
        policy = POLICIES[name](spec(), {}, KNOWN)
        load = [(now_s, 0.5 + 0.4 * math.sin(now_s / 50)) for now_s in range(0, 900, 5)]
        return [policy.decide({"small": seen(at, 3, [use] * 3, [2] * 3, [9] * 3)}, at)["small"] for at, use in load]

    assert run() == run()


@pytest.mark.parametrize("name", POLICIES)
def test_nothing_to_see_is_no_reason_to_leave_the_bounds(spec, seen, ask, name):
    assert POLICIES[name](spec(2, 7), {}, KNOWN).decide({}, 0) == {}
    assert 2 <= ask(POLICIES[name](spec(2, 7), {}, KNOWN), seen(0, 0), 0) <= 7


def test_ray_is_loaded_only_where_it_decides():
    source = "import sys, simulation.baselines; assert 'ray' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", source], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_lists_every_policy_and_parameter_searched():
    page = (PROJECT_ROOT / "docs" / "baselines.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` (.*)$", page, re.MULTILINE))
    assert list(rows) == list(POLICIES)
    for name, row in rows.items():
        assert all(f"`{parameter}`" in row for point in GRIDS[name] for parameter in point)
