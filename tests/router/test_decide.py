"""Decisions: quality against cost, pins by name, wishes, load, and what never happens."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from cluster.wish import Wish, parse_wish
from router.decide import Router
from router.types import NoPool, Prediction, RoutingRequest, RoutingState

NOW_S = 1_000.0


def pool(tier, price=None, **changes):
    options = {"max_model_len": 1_000}
    prices = {"output_per_mtok": {"small": 1.0, "moe": 3.0, "large": 10.0}[tier] if price is None else price}
    engine = {"kind": "simulated", "options": options}
    return {"tier": tier, "model": f"org/{tier}", "engine": engine, "prices": prices, **changes}


POOLS = {
    "small": pool("small", aliases=["fast"]),
    "moe": pool("moe", capabilities=["tools"]),
    "large": pool("large", capabilities=["tools", "structured_outputs"]),
    "large-b": pool("large", model="org/large-b", capabilities=["tools"]),
}


def spec(**routing):
    return FleetSpec.model_validate({"pools": POOLS, "routing": routing})


class Fixed:
    """A quality model of one's own choice; every answer takes 100 tokens."""

    calibration = None

    def __init__(self, *quality, fallback=None):
        self.quality = dict(zip(TIERS, quality, strict=True))
        self.fallback = fallback

    def predict(self, request):
        """As QualityModel.predict."""
        return Prediction(self.quality, dict.fromkeys(TIERS, 100.0), self.fallback)


EASY = Fixed(0.97, 0.98, 0.99)
MIDDLE = Fixed(0.3, 0.95, 0.97)
HARD = Fixed(0.1, 0.3, 0.9)


def state(as_of_s=NOW_S, waiting=None, **running):
    return {
        name: PoolState(
            name,
            (ReplicaState(name, f"{name}-0", "node", as_of_s, running=n, waiting=(waiting or {}).get(name, 0)),),
        )
        for name, n in (dict.fromkeys(POOLS, 0) | running).items()
        if n is not None
    }


def decide(model=EASY, fleet=None, learned=None, routing=None, name="auto", wish="", **request):
    fleet = state() if fleet is None else fleet
    asked = RoutingRequest("text", model=name, wish=parse_wish(wish), **request)
    return Router(spec(**(routing or {})), model).decide(asked, fleet, NOW_S, learned or RoutingState())


@pytest.mark.parametrize(("model", "chosen"), [(EASY, "small"), (MIDDLE, "moe"), (HARD, "large")])
def test_quality_against_cost_chooses_the_tier(model, chosen):
    decision = decide(model)
    assert decision.pool == chosen
    assert decision.score == pytest.approx(1 - model.quality["small"])
    assert f"large {model.quality['large']:.2f}" in decision.reasons[0]
    assert chosen in decision.reasons[1]


@pytest.mark.parametrize(("cost_weight", "chosen"), [(0.0, "large"), (0.1, "small"), (10.0, "small")])
def test_the_weight_of_cost_decides_between_near_qualities(cost_weight, chosen):
    assert decide(EASY, routing={"cost_weight": cost_weight}).pool == chosen


@pytest.mark.parametrize("prompt_tokens", [0, 300])
def test_a_request_costs_the_weight_in_quality_where_it_costs_most(prompt_tokens):
    decision = decide(EASY, routing={"cost_weight": 0.2}, prompt_tokens=prompt_tokens)
    assert decision.cost_lambda * decision.appraisals["large"].cost == pytest.approx(0.2)


PRICED = FleetSpec.model_validate(
    {
        "pools": {
            tier: {
                "tier": tier,
                "model": f"org/{tier}",
                "engine": {"kind": "simulated"},
                "prices": {"input_per_mtok": price, "output_per_mtok": price},
            }
            for tier, price in zip(TIERS, (1, 3, 10), strict=True)
        }
    }
)


@pytest.mark.parametrize(("model", "chosen"), [(EASY, "small"), (MIDDLE, "moe"), (HARD, "large")])
@pytest.mark.parametrize("prompt_tokens", [10, 1_000, 16_000])
def test_a_long_prompt_alone_decides_nothing(model, chosen, prompt_tokens):
    request = RoutingRequest("text", prompt_tokens=prompt_tokens)
    assert Router(PRICED, model).decide(request, None, NOW_S).pool == chosen


@pytest.mark.parametrize(
    ("cost_lambda", "wish", "chosen"), [(None, "", "large"), (None, "cheap", "small"), (1e9, "", "small")]
)
def test_a_pool_that_is_predicted_to_fail_is_not_chosen_for_its_price(cost_lambda, wish, chosen):
    decision = decide(
        Fixed(0.3, 0.4, 0.9), wish=wish, routing={"cost_weight": 5}, learned=RoutingState(cost_lambda=cost_lambda)
    )
    assert decision.pool == chosen
    assert any("predicted to fail" in reason for reason in decision.reasons) == (chosen == "large")


def test_the_budgets_lambda_takes_the_place_of_the_weight():
    assert decide(EASY, learned=RoutingState(cost_lambda=0.0)).pool == "large"
    assert decide(HARD, learned=RoutingState(cost_lambda=1e9)).pool == "small"


def test_costs_are_prices_times_expected_tokens_capped_by_what_was_asked_for():
    whole, short = decide(HARD).appraisals, decide(HARD, max_tokens=10).appraisals
    assert whole["large"].cost == pytest.approx(100 * 10 / 1e6)
    assert short["large"].cost == pytest.approx(10 * 10 / 1e6)


def test_every_sequence_and_every_prompt_costs():
    prices = {name: {**one, "prices": {"input_per_mtok": 1, "output_per_mtok": 10}} for name, one in POOLS.items()}
    router = Router(FleetSpec.model_validate({"pools": prices}), HARD)

    def cost(**traits):
        return router.decide(RoutingRequest("x", prompt_tokens=50, **traits), None, NOW_S).appraisals["small"].cost

    assert cost() == pytest.approx((50 + 10 * 100) / 1e6)
    assert cost(sequences=100) == pytest.approx((50 + 10 * 100 * 100) / 1e6)
    assert cost(sequences=100, max_tokens=7) == pytest.approx((50 + 10 * 7 * 100) / 1e6)
    assert cost(sequences=3, other_prompt_tokens=70) == pytest.approx((120 + 10 * 100 * 3) / 1e6)


def test_without_prices_tiers_cost_one_to_three_to_ten_and_it_is_said():
    pools = {tier: pool(tier, price=0) for tier in TIERS}
    decision = Router(FleetSpec.model_validate({"pools": pools}), HARD).decide(RoutingRequest("x"), None, NOW_S)
    costs = [decision.appraisals[tier].cost for tier in TIERS]
    assert [cost / costs[0] for cost in costs] == pytest.approx([1, 3, 10])
    assert any("1 to 3 to 10" in reason for reason in decision.reasons)


def test_a_fallback_is_said():
    reason = "judged by difficulty alone: too few labels"
    assert reason in decide(Fixed(0.1, 0.2, 0.9, fallback=reason)).reasons


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chosen"),
    [("moe", "moe"), ("org/moe", "moe"), ("fast", "small"), ("large-b", "large-b"), ("org/large-b", "large-b")],
)
def test_a_name_pins(name, chosen):
    decision = decide(name=name)
    assert decision.pool == chosen
    assert decision.alternatives == ()
    assert decision.prediction is None
    assert name in decision.reasons[0]


@pytest.mark.parametrize("name", ["auto", "auto:cheap", "auto:quality=0.5,no-escalation"])
def test_auto_with_words_is_auto(name):
    assert decide(name=name).prediction is not None


@pytest.mark.parametrize(
    ("fleet", "chosen", "reason"),
    [
        (state(small=None), "moe", "small skipped: no ready replica"),
        (state(small=None, moe=None), "large", "moe skipped"),
        (state(small=None, moe=None, large=None), "large-b", "large skipped"),
    ],
)
def test_a_pool_without_replicas_is_skipped_with_the_reason(fleet, chosen, reason):
    decision = decide(fleet=fleet)
    assert decision.pool == chosen
    assert any(reason in text for text in decision.reasons)


@pytest.mark.parametrize(
    ("request_", "kind", "param"),
    [
        ({"name": "gpt-9"}, "unknown_model", "model"),
        ({"fleet": {}}, "unready", None),
        ({"name": "small", "fleet": state(small=None)}, "unready", None),
        ({"prompt_tokens": 99_999}, "context", "messages"),
        ({"needs": frozenset({"vision"})}, "capability", None),
        ({"name": "small", "needs": frozenset({"tools"})}, "capability", None),
    ],
)
def test_nothing_to_choose_from_is_said(request_, kind, param):
    with pytest.raises(NoPool) as caught:
        decide(**request_)
    assert (caught.value.kind, caught.value.param) == (kind, param)
    assert caught.value.message


def test_a_needed_capability_goes_past_pools_without_it():
    decision = decide(needs=frozenset({"tools", "structured_outputs"}))
    assert decision.pool == "large"
    assert "does not declare" in decision.skipped["small"]


def test_what_waiting_cannot_mend_is_not_called_unready():
    fleet = state(large=None)
    with pytest.raises(NoPool) as caught:
        decide(fleet=fleet, needs=frozenset({"vision"}))
    assert caught.value.kind == "capability"
    with pytest.raises(NoPool) as caught:
        decide(fleet=fleet, needs=frozenset({"tools", "structured_outputs"}))
    assert caught.value.kind == "unready"


# -- wishes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "wish", "chosen", "expected"),
    [
        (HARD, "cheap", "small", "the cheapest pool"),
        (EASY, "best", "large", "the highest predicted quality"),
        (EASY, "quality=0.98", "moe", "to keep 98% of the best"),
        (HARD, "quality=0.2", "large", "to keep 20% of the best"),
        (HARD, "cheap,quality=0.2", "moe", "the cheapest pool"),
        (HARD, "cost=0.0004", "moe", "a cost of at most 0.0004"),
        (HARD, "best,cost=0.0004", "moe", "the highest predicted quality"),
        (HARD, "quality=1", "large", "to keep 100% of the best"),
        (HARD, "cost=0", "small", "no pool is expected to cost at most 0"),
        (
            HARD,
            "quality=0.9,cost=0.0004",
            "moe",
            "no pool keeps 90% of the best",
        ),
    ],
)
def test_wishes_are_heeded_and_named(model, wish, chosen, expected):
    decision = decide(model, wish=wish)
    assert decision.pool == chosen
    assert any(expected in reason for reason in decision.reasons)


# -- load ------------------------------------------------------------------------------------------------------------


def test_the_less_loaded_of_equal_pools_is_chosen_and_the_other_is_next():
    decision = decide(HARD, fleet=state(large=9))
    assert (decision.pool, decision.alternatives[0]) == ("large-b", "large")
    assert decide(name="large-b", fleet=state(large=9)).pool == "large-b"


FAST = RoutingState(tokens_per_s={f"{name}-0": 100.0 for name in POOLS})


@pytest.mark.parametrize(
    ("waiting", "routing", "share", "chosen"),
    [
        ({"small": 9}, {}, 0.0, "small"),  # 10 answers of 100 tokens at 100 per second: 10 s
        ({"small": 10}, {}, 0.0, "moe"),
        ({"small": 10, "moe": 10}, {}, 0.0, "large"),
        ({"small": 10}, {"max_wait_s": 60}, 0.0, "small"),
        ({"small": 10}, {}, 0.5, "small"),  # enough has been sent to dearer pools
        ({"small": 10}, {"max_spill_share": 1}, 1.0, "moe"),
        ({"small": 10}, {"max_spill_share": 0}, 0.0, "small"),
        (dict.fromkeys(POOLS, 10), {}, 0.0, "small"),  # nowhere to go
    ],
)
def test_a_queue_that_is_too_long_spills_up_within_bounds(waiting, routing, share, chosen):
    learned = RoutingState(tokens_per_s=FAST.tokens_per_s, spill_share=share)
    decision = decide(EASY, fleet=state(waiting=waiting), learned=learned, routing=routing)
    assert decision.pool == chosen
    assert decision.spilled_up is (chosen != "small")
    assert any("spilled to" in reason for reason in decision.reasons) is (chosen != "small")


@pytest.mark.parametrize(("model", "chosen"), [(Fixed(0.1, 0.65, 0.9), "moe"), (Fixed(0.1, 0.55, 0.9), "large")])
def test_spilling_down_loses_only_so_much_quality(model, chosen):
    decision = decide(model, fleet=state(waiting={"large": 10, "large-b": 10}), learned=FAST)
    assert decision.pool == chosen
    assert not decision.spilled_up


def test_a_spill_stays_within_the_wishes():
    fleet = state(waiting={"large": 10, "large-b": 10})
    assert decide(HARD, fleet=fleet, learned=FAST, wish="quality=0.8").pool == "large"
    assert decide(EASY, fleet=state(waiting={"small": 10}), learned=FAST, wish="cost=0.0002").pool == "small"


@pytest.mark.parametrize("as_of_s", [NOW_S - 10, NOW_S])
def test_a_stale_report_or_an_unknown_rate_counts_as_busy(as_of_s):
    fleet = state() | {"small": state(as_of_s=as_of_s, waiting={"small": 1})["small"]}
    decision = decide(EASY, fleet=fleet)
    assert decision.pool == "moe"
    assert math.isinf(decision.appraisals["small"].wait_s)
    assert any("has no known wait" in reason for reason in decision.reasons)


def test_measured_answers_say_how_long_a_queue_lasts():
    learned = RoutingState(tokens_per_s=FAST.tokens_per_s, answer_tokens={"small": 10.0})
    assert decide(EASY, fleet=state(waiting={"small": 10}), learned=learned).pool == "small"


@pytest.mark.parametrize("model", [EASY, HARD])
def test_without_the_board_routing_goes_on(model):
    decision = Router(spec(), model).decide(RoutingRequest("text"), None, NOW_S)
    assert decision.skipped == {}
    assert all(appraisal.wait_s == 0 for appraisal in decision.appraisals.values())


@pytest.mark.parametrize(
    ("last_pool", "chosen"), [(None, "small"), ("moe", "moe"), ("large", "small"), ("gone", "small")]
)
def test_a_conversation_stays_unless_the_gain_is_greater(last_pool, chosen):
    assert decide(EASY, last_pool=last_pool, turns=3, routing={"cost_weight": 0.1, "switch_gain": 0.02}).pool == chosen


@pytest.mark.parametrize(
    ("quality", "doubted", "chosen"),
    [
        ((0.82, 0.85, 0.95), frozenset(), "small"),
        ((0.82, 0.85, 0.95), frozenset({"small"}), "moe"),
        ((0.82, 0.85, 0.95), frozenset({"small", "moe"}), "large"),
        ((0.99, 0.99, 0.99), frozenset({"small", "moe"}), "small"),
    ],
)
def test_a_conversation_does_not_go_back_to_a_pool_whose_answer_was_dropped(quality, doubted, chosen):
    assert decide(Fixed(*quality), doubted=doubted, routing={"cost_weight": 0.2}).pool == chosen


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
    return Router(RESTING, EASY).decide(RoutingRequest("text", **request), fleet, NOW_S)


def test_a_pool_scaled_to_zero_is_woken_by_what_it_would_have_got():
    easy = resting()
    assert (easy.pool, easy.woken, easy.skipped) == ("cheap", None, {"rest": "scaled to zero"})
    hard = resting(wish=parse_wish("best"), awake=0)
    assert (hard.pool, hard.woken, hard.skipped["rest"]) == ("cheap", "rest", "scaled to zero")
    assert "would have gone to rest, which is at zero replicas; it starts" in hard.reasons
    assert not {"rest"} & {*hard.alternatives, *hard.appraisals}


def test_where_all_are_asleep_the_cheapest_is_woken_and_waited_for():
    sleeping = FleetSpec.model_validate(
        {"pools": {tier: pool(tier, replicas={"min": 0, "max": 1}) for tier in ("large", "small", "moe")}}
    )
    for wish in ("", "best"):
        decision = Router(sleeping, HARD).decide(RoutingRequest("text", wish=parse_wish(wish)), {}, NOW_S)
        assert (decision.pool, decision.woken, decision.alternatives) == ("small", "small", ())
        assert "every pool that may answer is at zero replicas: small, the cheapest, starts" in decision.reasons


def test_a_pool_scaled_to_zero_is_started_by_its_name():
    assert resting(model="rest").pool == "rest"
    assert resting(model="rest").woken is None
    assert resting(model="large").pool == "awake"
    assert resting(model="large", awake=0).pool == "rest"


@pytest.mark.parametrize(("max_tokens", "chosen"), [(None, "cheap"), (900, "cheap"), (901, "awake"), (9_999, "cheap")])
def test_an_answer_goes_where_it_has_room_if_it_has_any(max_tokens, chosen):
    assert resting(prompt_tokens=100, max_tokens=max_tokens).pool == chosen


# -- always ----------------------------------------------------------------------------------------------------------

loads = st.fixed_dictionaries({name: st.none() | st.integers(0, 50) for name in POOLS})
shares = st.floats(0, 1)
wishes = st.builds(
    Wish, st.sampled_from([None, "cheap", "best"]), st.none() | shares, st.none() | st.floats(0, 1e-2), st.none()
)


@given(waiting=loads, quality=st.tuples(shares, shares, shares), wish=wishes, share=shares, price=st.floats(-1e6, 1e6))
def test_equal_input_gives_equal_decisions_among_pools_that_may_answer(waiting, quality, wish, share, price):
    ready = {name: 1 if n is not None else None for name, n in waiting.items()}
    fleet = state(waiting={name: n for name, n in waiting.items() if n}, **ready)
    learned = RoutingState(price, share, FAST.tokens_per_s)
    request = RoutingRequest("text", wish=wish)
    router = Router(spec(), Fixed(*quality))
    try:
        first = router.decide(request, fleet, NOW_S, learned)
    except NoPool:
        assert not fleet
        return
    assert first == router.decide(request, fleet, NOW_S, learned)
    assert {first.pool, *first.alternatives} == set(fleet)
    assert first.pool not in first.alternatives
    assert all(reason.isprintable() for reason in first.reasons)


HOSTILE = ["", " ", "x", "\x00\x01\x1b[31m", "\ud800", "\U0001f9ff" * 500, "1 " * 50_000, "a" * 100_000, "\n" * 100_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_prompt_breaks_a_decision(text):
    decision = Router(spec()).decide(RoutingRequest(text, system=text), state(), NOW_S)
    assert decision.pool in POOLS
    assert 0 <= decision.score <= 1


@given(text=st.text(st.characters(codec=None), max_size=500), system=st.text(max_size=50), turns=st.integers(1, 99))
def test_any_text_gets_a_decision(text, system, turns):
    decision = Router(spec()).decide(RoutingRequest(text, system=system, turns=turns), None, NOW_S)
    assert all(0 <= quality <= 1 for quality in decision.prediction.quality.values())
