"""Whose answers are compared, what a comparison says, and how much it may cost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import fake_pools as fakes
import pytest

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from deployments.gateway.errors import HttpError
from deployments.gateway.learning.comparison import Comparisons
from deployments.gateway.learning.quiet_ask import Answered
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from router.confidence.calibration import Graded
from router.quality import RuleQuality
from router.types import Appraisal, RoutingDecision, RoutingRequest

REQUEST = RoutingRequest(text="7 + 5?", model="auto")
FLEET = {name: PoolState(name, (ReplicaState(name, name, "n", as_of_s=0.0),)) for name in fakes.SPEC.pools}
COSTS = {"small": 1.0, "moe": 3.0, "large": 10.0}


def ticket(tier="small", paid=1_000.0, request=REQUEST, fleet=FLEET, confidence=None):
    appraisals = {name: Appraisal(0.5, cost, 0.0, 0.0) for name, cost in COSTS.items()}
    others = tuple(name for name in COSTS if name != tier)
    decision = RoutingDecision(tier, tier, 0.5, (), alternatives=others, appraisals=appraisals)
    desk = SimpleNamespace(fleet=fleet, cost=lambda pool, usage: COSTS[pool])
    routed = request.generates and request.model.startswith("auto")
    attempts = SimpleNamespace(confidence=confidence or {})
    return SimpleNamespace(
        request=request, decision=decision, desk=desk, attempts=attempts, paid=[(tier, paid)], is_routed=routed
    )


@pytest.fixture
def make():
    def make(large=None, moe=None, **learn):
        routing = {"learn": {"share": 1.0, **learn}}
        spec = FleetSpec.model_validate(fakes.SPEC.model_dump(mode="json") | {"routing": routing})
        pools = {name: fakes.FakePool(fakes.answer("The answer is 12")) for name in spec.pools}
        pools |= {name: pool for name, pool in (("large", large), ("moe", moe)) if pool}
        labels = []
        made = Comparisons(spec, pools, RuleQuality(), fakes.SilentMetrics(), labels.append)
        made.labels = labels
        made.pools = pools
        made.results = lambda: [tags["result"] for name, _, tags in made._metrics.seen if name == "comparisons"]
        return made

    return make


def compare(comparisons, text="12", tier="small", times=1, **changes):
    """Answer requests, and wait for the comparisons."""
    given = ticket(tier, **changes)

    async def run():
        for number in range(times):
            comparisons.paid(given)
            answered = Answered(f"r{number}", given.request, "chat", {"messages": [], "stream": True}, tier, text, 4)
            comparisons.begin(answered, given)
        while comparisons._tasks:
            await asyncio.sleep(0.01)

    asyncio.run(run())
    return comparisons.results()


@pytest.mark.parametrize(("text", "good"), [("7 + 5 = 12", 1.0), ("It is 13", 0.0)])
def test_the_highest_tier_says_what_is_right(make, text, good):
    comparisons = make()
    assert compare(comparisons, text) == ["labelled"]
    (label,) = comparisons.labels
    assert label.quality == {"small": good, "large": 1.0}
    assert label.output_tokens == {"small": 4.0, "large": 2.0}
    assert label.expected == RuleQuality().predict(REQUEST).quality
    assert (label.source, label.owner) == ("comparison", None)


@pytest.mark.parametrize("tier", ["small", "large"])  # its answer was kept, or dropped for large's and asked for again
def test_a_label_keeps_the_confidence_of_the_lower_tiers_answer(make, tier):
    comparisons = make(max_ongoing=100)
    compare(comparisons, "It is 13", tier=tier, times=20, confidence={"small": 0.7})
    judged = {label.judged for label in comparisons.labels if "small" in label.quality}
    assert judged == {Graded("small", 0.7, 0.0)}
    assert all(label.judged is None for label in comparisons.labels if "small" not in label.quality)


def test_where_the_highest_tier_has_answered_lower_ones_are_asked(make):
    comparisons = make(max_ongoing=100)
    compare(comparisons, tier="large", times=40)
    asked = {tier for label in comparisons.labels for tier in label.quality}
    assert asked == {"small", "moe", "large"}
    assert {label.quality["large"] for label in comparisons.labels} == {1.0}


@pytest.mark.parametrize("text", ["A long text without any end that could be compared with another one", ""])
def test_prose_costs_nothing(make, text):
    comparisons = make()
    compare(comparisons, text)
    assert comparisons.labels == []
    assert comparisons.pools["large"].requests == []


def test_an_answer_in_prose_from_the_other_pool_gives_no_label(make):
    assert compare(make(fakes.FakePool(fakes.answer(PROSE)))) == ["abstained"]


PROSE = "That depends on what you want, and on many things besides"


@pytest.mark.parametrize(
    ("replies", "result", "quality"),
    [
        (("first", "second"), "labelled", 1.0),  # better in both orders
        (("equal", "equal"), "labelled", 1.0),
        (("second", "first"), "labelled", 0.0),
        (("first", "first"), "abstained", None),  # it prefers what it reads first
        (("well", "second"), "abstained", None),
    ],
)
def test_a_judge_compares_prose_in_both_orders(make, replies, result, quality):
    judge = fakes.FakePool(*map(fakes.answer, replies))
    comparisons = make(fakes.FakePool(fakes.answer(PROSE)), judge, judge="moe")
    assert compare(comparisons, PROSE) == [result]
    assert [label.quality["small"] for label in comparisons.labels] == ([] if quality is None else [quality])
    first, second = (request.body["messages"][0]["content"] for request in judge.requests)
    assert first != second or PROSE in first
    assert comparisons._extra == COSTS["large"] + 2 * COSTS["moe"]


def test_a_judge_that_fails_gives_no_label(make):
    comparisons = make(fakes.FakePool(fakes.answer(PROSE)), fakes.FakePool((PoolFailed("died"),)), judge="moe")
    assert compare(comparisons, PROSE) == ["failed"]
    assert comparisons._extra == COSTS["large"]  # what was paid before


def test_a_judge_is_not_asked_about_final_answers(make):
    judge = fakes.FakePool()
    assert compare(make(moe=judge, judge="moe")) == ["labelled"]
    assert judge.requests == []


def test_what_it_costs_is_bounded(make):
    comparisons = make(max_extra_cost=0.05, max_ongoing=1_000)
    results = compare(comparisons, times=1_000, paid=1.0)
    assert results.count("labelled") * COSTS["large"] <= 0.05 * 1_000
    assert results.count("labelled") >= 4
    assert "too_expensive" in results


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ((PoolFailed("died"),), "failed"),
        ((PoolBusy("full"),), "dropped"),
        ((fakes.Opened(400),), "failed"),
        ((HttpError(500, "too large"),), "failed"),
    ],
)
def test_failures_are_only_counted(make, script, result):
    comparisons = make(fakes.FakePool(script))
    assert compare(comparisons) == [result]
    assert comparisons.labels == []


@pytest.mark.parametrize("fleet", [None, {}, {"large": PoolState("large", ())}])
def test_a_pool_that_is_not_idle_is_not_asked(make, fleet):
    assert compare(make(), fleet=fleet) == ["dropped"]


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (REQUEST, True),
        (RoutingRequest("hi", model="auto:cheap"), True),
        (RoutingRequest("hi", model="small"), False),
        (RoutingRequest("hi", model="auto", generates=False), False),
        (RoutingRequest("hi", model="auto", several="n"), False),
    ],
)
def test_whose_answers_are_compared(make, request_, wanted):
    assert make().wants("r1", ticket(request=request_)) is wanted


def test_the_client_s_stream_is_no_part_of_what_is_asked(make):
    comparisons = make()
    compare(comparisons)
    (request,) = comparisons.pools["large"].requests
    assert "stream" not in request.body
    assert request.body["model"] == "org/large"
