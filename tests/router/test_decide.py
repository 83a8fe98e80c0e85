"""Decisions: tiers by score, pins by name, filters with reasons, load, and what never happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from router.decide import Router
from router.types import NoPool, RoutingRequest

NOW_S = 1_000.0


def pool(tier, **changes):
    options = {"max_model_len": 1_000}
    return {"tier": tier, "model": f"org/{tier}", "engine": {"kind": "simulated", "options": options}, **changes}


POOLS = {
    "small": pool("small", aliases=["fast"]),
    "moe": pool("moe", capabilities=["tools"]),
    "large": pool("large", capabilities=["tools", "structured_outputs"]),
    "large-b": pool("large", model="org/large-b", capabilities=["tools"]),
}
SPEC = FleetSpec.model_validate({"pools": POOLS})


class Fixed:
    """A complexity of one's own choice."""

    def __init__(self, score):
        self.value = score

    def score(self, features):
        """As Complexity.score."""
        return self.value, (("fixed", self.value),)


def state(as_of_s=NOW_S, **running):
    return {
        name: PoolState(name, (ReplicaState(name, f"{name}-0", "node", as_of_s, running=n),))
        for name, n in (dict.fromkeys(POOLS, 0) | running).items()
        if n is not None
    }


def decide(model="auto", score=0.1, fleet=None, **request):
    fleet = state() if fleet is None else fleet
    return Router(SPEC, Fixed(score)).decide(RoutingRequest("text", model=model, **request), fleet, NOW_S)


@pytest.mark.parametrize(
    ("score", "chosen"),
    [(0.0, "small"), (0.33, "small"), (0.34, "moe"), (0.66, "moe"), (0.67, "large"), (1.0, "large")],
)
def test_the_score_chooses_the_tier(score, chosen):
    decision = decide(score=score)
    assert decision.pool == chosen
    assert f"{score:.2f}" in decision.reasons[0]


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("moe", "moe"), ("org/moe", "moe"), ("fast", "small"), ("large-b", "large-b"), ("org/large-b", "large-b")],
)
def test_a_name_pins(name, chosen):
    decision = decide(model=name, score=0.0)
    assert decision.pool == chosen
    assert decision.alternatives == ()
    assert name in decision.reasons[0]


@pytest.mark.parametrize(
    ("fleet", "chosen", "reason"),
    [
        (state(small=None), "moe", "small skipped: no ready replica"),
        (state(small=None, moe=None), "large", "next tier that can answer: large"),
        (state(small=None, moe=None, large=None), "large-b", "large skipped"),
    ],
)
def test_a_tier_without_replicas_is_skipped_upwards_with_the_reason(fleet, chosen, reason):
    decision = decide(fleet=fleet)
    assert decision.pool == chosen
    assert any(reason in text for text in decision.reasons)


def test_large_falls_to_the_next_lower_tier_when_nothing_is_above():
    assert decide(score=0.9, fleet=state(**{"large": None, "large-b": None})).pool == "moe"


def test_the_less_loaded_pool_of_a_tier_is_chosen_and_the_other_is_next():
    decision = decide(score=0.9, fleet=state(large=9))
    assert (decision.pool, decision.alternatives[0]) == ("large-b", "large")


def test_a_stale_report_counts_as_busy():
    fleet = state(**{"large-b": 9}) | {"large": state(as_of_s=NOW_S - 10)["large"]}
    assert decide(score=0.9, fleet=fleet).pool == "large-b"


@pytest.mark.parametrize("score", [0.1, 0.9])
def test_without_the_board_routing_goes_on(score):
    request = RoutingRequest("text")
    assert Router(SPEC, Fixed(score)).decide(request, None, NOW_S).skipped == {}


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"model": "gpt-9"}, 404, "model_not_found"),
        ({"fleet": {}}, 503, "no_ready_pool"),
        ({"model": "small", "fleet": state(small=None)}, 503, "no_ready_pool"),
        ({"prompt_tokens": 99_999}, 400, "context_length_exceeded"),
        ({"needs": frozenset({"vision"})}, 400, "unsupported_capability"),
        ({"model": "small", "needs": frozenset({"tools"})}, 400, "unsupported_capability"),
    ],
)
def test_nothing_to_choose_from_is_said(request_, status, code):
    with pytest.raises(NoPool) as caught:
        decide(**request_)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.message


def test_a_needed_capability_goes_past_pools_without_it():
    decision = decide(needs=frozenset({"tools", "structured_outputs"}))
    assert decision.pool == "large"
    assert "does not declare" in decision.skipped["small"]


@pytest.mark.parametrize(("score", "bounds"), [(0.1, "below 0.34"), (0.5, "from 0.34 to 0.67"), (0.9, "at least 0.67")])
def test_the_reason_says_where_the_score_lies(score, bounds):
    assert f"is {bounds}: tier" in decide(score=score).reasons[0]


def test_what_waiting_cannot_mend_is_not_called_unready():
    fleet = state(large=None)
    with pytest.raises(NoPool) as caught:
        decide(fleet=fleet, needs=frozenset({"vision"}))
    assert caught.value.status == 400
    with pytest.raises(NoPool) as caught:
        decide(fleet=fleet, needs=frozenset({"tools", "structured_outputs"}))
    assert caught.value.status == 503


RESTING = FleetSpec.model_validate(
    {
        "pools": {
            "cheap": pool("small"),
            "rest": pool("large", replicas={"min": 0, "max": 1}),
            "awake": pool(
                "large", model="org/awake", engine={"kind": "simulated", "options": {"max_model_len": 9_000}}
            ),
        }
    }
)


def resting(awake=1, **request):
    members = {"cheap": 1, "awake": awake}
    replicas = [ReplicaState(name, f"{name}-0", "node", NOW_S, running=3) for name, n in members.items() if n]
    fleet = {replica.pool: PoolState(replica.pool, (replica,)) for replica in replicas}
    return Router(RESTING, Fixed(0.1)).decide(RoutingRequest("text", **request), fleet, NOW_S)


def test_a_pool_scaled_to_zero_is_started_by_its_name_only():
    assert "scaled to zero" in resting().skipped["rest"]
    assert resting(model="rest").pool == "rest"
    assert resting(model="large").pool == "awake"
    assert resting(model="large", awake=0).pool == "rest"


@pytest.mark.parametrize(("max_tokens", "chosen"), [(None, "cheap"), (900, "cheap"), (901, "awake"), (9_999, "cheap")])
def test_an_answer_goes_where_it_has_room_if_it_has_any(max_tokens, chosen):
    assert resting(prompt_tokens=100, max_tokens=max_tokens).pool == chosen


loads = st.fixed_dictionaries({name: st.none() | st.integers(0, 50) for name in POOLS})


@given(running=loads, score=st.floats(0, 1))
def test_equal_input_gives_equal_decisions_and_more_pools_never_fewer_answers(running, score):
    fleet = state(**running)
    try:
        first = decide(score=score, fleet=fleet)
    except NoPool:
        assert all(n is None for n in running.values())
        return
    assert first == decide(score=score, fleet=fleet)
    assert decide(score=score, fleet=state(**{k: v or 0 for k, v in running.items()})).pool
    assert first.pool not in first.alternatives
