"""Which pool is tried next: after a failure, a full pool, a doubtful answer."""

from __future__ import annotations

import pytest

from cluster.spec import FleetSpec
from cluster.wish import Wish
from router.attempts import MAX_DROPS, MAX_TRIES, Attempts
from router.confidence.judge import ConfidenceModel, Evidence, Logistic
from router.confidence.pools import PoolConfidence
from router.types import Appraisal, RoutingDecision, RoutingRequest

APPRAISALS = {
    "small": Appraisal(0.5, 1, 0, 0),
    "moe": Appraisal(0.8, 3, 0, 0),
    "large": Appraisal(0.9, 10, 0, 0),
}
CONFIDENCE = PoolConfidence(ConfidenceModel({tier: Logistic({"mean_logprob": 3.0}, 3.0) for tier in ("small", "moe")}))
UNSURE, SURE = Evidence((-2.0,) * 3, (1.0,) * 3), Evidence((-0.01,) * 3, (1.0,) * 3)


def attempts(pool="small", model="auto", wish=None, contexts=(), generates=True, drops=0, **rule):
    pools = {tier: {"tier": tier, "model": f"org/{tier}", "engine": {"kind": "vllm"}} for tier in APPRAISALS}
    for tier, tokens in zip(APPRAISALS, contexts, strict=False):
        pools[tier]["engine"]["options"] = {"max_model_len": tokens}
    routing = {"escalation": {"hold_tokens": 3, **rule} if rule else None}
    spec = FleetSpec.model_validate({"pools": pools, "routing": routing})
    others = tuple(each for each in APPRAISALS if each != pool)
    decision = RoutingDecision(pool, pool, 0.5, (), alternatives=others, appraisals=APPRAISALS, cost_lambda=0.02)
    request = RoutingRequest("hi", model=model, wish=wish or Wish(), generates=generates, drops=drops)
    return Attempts(spec, request, decision, CONFIDENCE)


@pytest.mark.parametrize(
    ("model", "order"),
    [("auto", ["small", "small", "moe"]), ("small", ["small", "small"])],
)
def test_the_chosen_pool_is_tried_twice_and_then_its_alternatives_if_the_choice_is_ours(model, order):
    tries = attempts(model=model)
    tried = []
    for pool in tries:
        tried.append(pool)
        tries.failed(pool)
    assert tried == order
    assert len(tried) <= MAX_TRIES
    assert tries.reasons[0] == "small failed"


@pytest.mark.parametrize(("drops", "judged"), [(0, True), (MAX_DROPS - 1, True), (MAX_DROPS, False)])
def test_a_conversation_drops_only_so_many_answers(drops, judged):
    tries = attempts(drops=drops, kind="confidence")
    assert tries.judging("small") == ("confidence" if judged else None)
    assert any("answers of this conversation were dropped already" in reason for reason in tries.reasons) is not judged


def test_nothing_is_tried_after_an_answer():
    tries = attempts()
    assert next(tries) == "small"
    assert tries.more
    tries.stop()
    assert list(tries) == []


@pytest.mark.parametrize(
    ("before", "order"),
    [
        (["small"], ["moe", "moe", "small"]),
        (["small", "small", "moe"], ["moe", "moe", "small"]),
    ],
)
def test_after_a_doubt_higher_pools_come_first_and_the_doubtful_one_last(before, order):
    tries = attempts(kind="confidence")
    for expected in before:
        assert next(tries) == expected
    tries.doubted("small", "moe")
    assert list(tries) == order
    assert tries.dropped == ["small"]


def test_a_doubt_keeps_the_higher_alternatives_that_are_left():
    tries = attempts(kind="confidence")
    next(tries)
    tries.doubted("small", "large")
    assert list(tries) == ["large", "large", "moe", "small"]


def test_a_doubtful_answer_names_the_pool_that_adds_most_and_each_pool_is_judged_once():
    tries = attempts(kind="confidence")
    assert tries.judging("small")
    assert tries.judge("small", UNSURE) == "moe"  # .8 - .02 x 3 is more than .9 - .02 x 10
    assert not tries.judging("small")
    assert tries.judge("moe", SURE) is None
    assert [reason.split(":")[0] for reason in tries.reasons] == ["small", "moe"]


def test_whoever_limits_cost_or_wants_no_escalation_is_not_judged():
    assert not attempts(kind="confidence", wish=Wish(max_cost=2.0)).judging("small")
    assert not attempts(kind="confidence", wish=Wish(escalate=False)).judging("small")
    assert not attempts(kind="confidence", model="small").judging("small")
    assert not attempts().judging("small")


def test_agreement_begins_with_the_cheaper_pool_even_if_the_decision_did_not():
    assert list(attempts("moe", kind="agreement"))[:3] == ["small", "moe", "moe"]
    assert list(attempts("moe", kind="confidence"))[:2] == ["moe", "moe"]


def test_two_cheap_answers_that_differ_go_above_both():
    tries = attempts(kind="agreement")
    assert tries.partner("small") == "moe"
    assert tries.compare("small", "moe", agree=False, reason="12 and 13") == "large"
    assert tries.reasons == ["small and moe disagree: 12 and 13"]
    assert not tries.judging("small")


# -- contexts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contexts", "first", "order"),
    [
        ((1_000, 2_000, 4_000), "small", ["small", "moe", "large"]),
        ((1_000, 4_000, 2_000), "small", ["small", "moe"]),
        ((1_000, 1_000, 2_000), "small", ["small", "large"]),
        ((4_000, 2_000, 1_000), "large", ["large", "small"]),
    ],
)
def test_a_refused_request_is_tried_at_larger_contexts_only(contexts, first, order):
    tries, asked = attempts(first, contexts=contexts), []
    while not asked or tries.too_long(asked[-1]):
        asked.append(next(tries))
    assert asked == order
    assert tries.reasons == [f"the request does not fit {pool}'s context" for pool in order[:-1]]


def test_a_name_of_several_pools_is_tried_at_the_larger_one():
    tries = attempts(model="small", contexts=(1_000, 2_000, 1_000))
    assert tries.too_long(next(tries))
    assert list(tries) == ["moe"]


@pytest.mark.parametrize(
    "known", [{}, {"contexts": (2_000, 1_000, 1_000)}, {"contexts": (1_000, 2_000, 2_000), "generates": False}]
)
def test_without_a_larger_context_the_refusal_stands(known):
    tries = attempts(**known)
    assert not tries.too_long(next(tries))
    assert tries.reasons == []
