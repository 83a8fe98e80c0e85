"""The router decides on a digest of the fleet as on the whole, and predicts each query once."""

from __future__ import annotations

from dataclasses import replace

from counting_quality import Counting
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.spec import FleetSpec
from cluster.state import ReplicaState, group_by_pool
from router.decide import Router
from router.quality import RuleQuality
from router.types import NoPool, RoutingRequest, RoutingState
from simulation.desk import KnownQuality, SimulatedDesk, digest

POOLS = ("small", "moe", "large")
TEXTS = ("7 + 5?", "Prove step by step that a sum of two even numbers is even, then explain why it matters.", "Hi")
NOW_S = 1e9


def fleet_spec(**routing):
    pools = {
        name: {
            "tier": name,
            "model": name,
            "engine": {"kind": "simulated"},
            "replicas": {"min": 0 if name == "moe" else 1, "max": 9},
            "prices": {"input_per_mtok": price, "output_per_mtok": 3 * price},
        }
        for name, price in zip(POOLS, (0.1, 0.3, 1.0), strict=True)
    }
    return FleetSpec.model_validate({"pools": pools, "routing": routing})


REPLICAS = st.builds(
    ReplicaState,
    pool=st.sampled_from(POOLS),
    replica_id=st.text("abc", min_size=3, max_size=3),
    node_id=st.just(""),
    as_of_s=st.just(NOW_S),
    waiting=st.sampled_from([0, 0, 1, 5, 80]),
    running=st.integers(0, 50),
    max_context_tokens=st.just(4_096),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(REPLICAS, max_size=12),
    st.sampled_from(TEXTS),
    st.sampled_from([0.0, 40.0, 2_000.0]),
    st.integers(0, 9_000),
)
def test_the_digest_changes_no_decision(replicas, text, rate, prompt_tokens):
    spec = fleet_spec()
    fleet = group_by_pool(replicas)
    rates = {each.replica_id: rate + each.running for each in replicas}
    state = RoutingState(tokens_per_s=rates, answer_tokens={"small": 90.0})
    request = RoutingRequest(text, prompt_tokens=prompt_tokens)
    router = Router(spec, RuleQuality())

    def decided(seen):
        try:
            decision = router.decide(request, seen, NOW_S, state)
        except NoPool as error:
            return error.kind
        return decision.pool, decision.spilled_from, decision.alternatives

    assert decided(digest(fleet, rates)) == decided(fleet)


def test_each_distinct_query_is_predicted_once():
    model = Counting()
    known = KnownQuality(model)
    for length in (10, 500):
        for text in TEXTS:
            asked = RoutingRequest(text, prompt_tokens=length, max_tokens=length)
            assert known.predict(asked) == RuleQuality().predict(replace(asked, max_tokens=None))
    assert model.asked == len(TEXTS)
    known.predict(RoutingRequest(TEXTS[0], system="Be brief."))
    assert model.asked == len(TEXTS) + 1


def test_without_a_snapshot_load_plays_no_part_and_without_a_ready_pool_one_that_sleeps_is_woken():
    desk = SimulatedDesk(fleet_spec(), KnownQuality(RuleQuality()))
    assert desk.open(RoutingRequest(TEXTS[0]), NOW_S).decision.pool == "small"
    desk.see({})
    assert desk.open(RoutingRequest(TEXTS[0]), NOW_S).decision.woken == "moe"
    assert desk.open(RoutingRequest(TEXTS[0], model="moe"), NOW_S).decision.pool == "moe"  # which naming it starts


def test_the_specs_wish_and_budget_count():
    asked = RoutingRequest(TEXTS[0])
    desk = SimulatedDesk(fleet_spec(default="auto:best"), KnownQuality(RuleQuality()))
    assert desk.open(asked, NOW_S).decision.pool == "large"
    desk = SimulatedDesk(fleet_spec(budget={"large_share": 0.5}), KnownQuality(RuleQuality()))
    chosen = [desk.open(RoutingRequest(TEXTS[i % 3]), NOW_S).decision.pool for i in range(600)]
    assert 0.35 < chosen[200:].count("large") / 400 < 0.65
