"""Second opinions over scripted pools: what is held, judged, dropped, passed on, and accounted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import fake_pools as fakes
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.spec import FleetSpec
from cluster.usage import Usage
from cluster.wish import Wish
from deployments.gateway.pool_client import PoolFailed
from deployments.gateway.second_opinions import Dropped, judged_frames
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened, Progress
from router.attempts import Attempts
from router.confidence.judge import ConfidenceModel, Logistic
from router.confidence.pools import PoolConfidence
from router.requests import from_chat, from_completion
from router.types import Appraisal, RoutingDecision, RoutingRequest

MODEL = ConfidenceModel({tier: Logistic({"mean_logprob": 3.0}, 3.0) for tier in ("small", "moe")})
SURE, UNSURE = -0.01, -2.0
DECISION = RoutingDecision(
    pool="small", tier="small", score=0.5, reasons=(), alternatives=("moe", "large"),
    appraisals={"small": Appraisal(0.5, 1, 0, 0), "moe": Appraisal(0.8, 3, 0, 0), "large": Appraisal(0.9, 10, 0, 0)},
    cost_lambda=0.02,
)  # fmt: skip


PREDICTED_GOOD = replace(DECISION, appraisals=DECISION.appraisals | {"small": Appraisal(0.9, 1, 0, 0)})


def progress(tokens, logprob):
    return Progress(Usage(5, tokens), (logprob,), (1.0,))


def stream(*logprobs):
    """Tokens one by one; each is reported on before its bytes."""
    frames = [Opened(200, streams=True)]
    for place, logprob in enumerate(logprobs, start=1):
        frames += [progress(place, logprob), Chunk(b"%d " % place, (place,))]
    return [*frames, Closed(Usage(5, len(logprobs)), "stop")]


def whole(*logprobs):
    """A unary answer: reported on while it grows, opened when it is complete."""
    reports = [progress(place, logprob) for place, logprob in enumerate(logprobs, start=1)]
    return [*reports, Opened(200), Chunk(b"{}", tuple(range(len(logprobs)))), Closed(Usage(5, len(logprobs)), "stop")]


def make(pools=None, request=None, decision=DECISION, body=None, model=MODEL, engine="vllm", **rule):
    spec = fakes.SPEC.model_dump(mode="json")
    for pool in spec["pools"].values():
        pool["engine"] = {"kind": engine}
    spec["routing"]["escalation"] = {"hold_tokens": 3, "hold_s": 60, **rule}
    given = {name: fakes.FakePool() for name in spec["pools"]} | (pools or {})
    fleet = FleetSpec.model_validate(spec)
    body = body or {}
    read = from_completion if "prompt" in body else from_chat
    request = request or read({"messages": [{"role": "user", "content": "hi"}], **body})
    return FakeTicket(given, Attempts(fleet, request, decision, PoolConfidence(model)))


class FakeTicket:
    """A request whose answers are judged, and what they cost."""

    def __init__(self, pools, attempts):
        self.pools = pools
        self.attempts = attempts
        self.usages = []

    def engine_request(self, pool, judged_tokens=0):
        """As GatewayTicket.engine_request."""
        return EngineRequest("chat", {"model": pool}, "r", judged_tokens=judged_tokens)

    def spent(self, pool, usage, *, late=False):
        """As GatewayTicket.spent."""
        self.usages.append((pool, usage))

    def frames(self, pool="small"):
        """The pool's frames, judged."""
        return judged_frames(self.pools, self, pool)


def frames_of(asked, pool="small"):
    async def run():
        async with asked.frames(pool) as frames:
            return [frame async for frame in frames]

    return asyncio.run(run())


def without_progress(frames):
    return [frame for frame in frames if not isinstance(frame, Progress)]


# -- confidence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [stream(SURE, SURE, SURE, UNSURE), whole(SURE, SURE, SURE, UNSURE), stream(SURE)])
def test_a_confident_answer_passes_unchanged(script):
    pool = fakes.FakePool(script)
    ticket = make({"small": pool})
    assert frames_of(ticket) == without_progress(script)
    assert pool.requests[0].judged_tokens == 3
    assert ticket.usages == []
    assert "kept" in ticket.attempts.reasons[0]


@pytest.mark.parametrize("logprob", [SURE, UNSURE])
def test_a_slow_answer_is_judged_by_the_tokens_that_are_there(logprob):
    async def slowly():
        await asyncio.sleep(0.05)

    frames = stream(*[logprob] * 9)
    pool = fakes.FakePool([step for frame in frames for step in (frame, slowly)])
    ticket = make({"small": pool}, hold_tokens=9, hold_s=0.01)
    if logprob == UNSURE:
        with pytest.raises(Dropped):
            frames_of(ticket)
        assert ticket.usages[0][1].completion_tokens < 4
    else:
        assert frames_of(ticket) == without_progress(frames)
    assert "after 9 tokens" not in ticket.attempts.reasons[0]


@pytest.mark.parametrize("shape", [stream, whole])
def test_a_doubtful_answer_is_dropped_and_cancelled_after_the_held_tokens(shape):
    read = []

    async def seen():
        read.append("more")

    script = shape(*[UNSURE] * 9)
    after = next(place for place, frame in enumerate(script) if frame == progress(3, UNSURE))
    pool = fakes.FakePool([*script[: after + 1], seen, *script[after + 1 :]])
    ticket = make({"small": pool})
    with pytest.raises(Dropped) as dropped:
        frames_of(ticket)
    assert (read, pool.closed) == ([], 1)  # nothing was read beyond the third token, and the call is cancelled
    assert dropped.value.next_pool == "moe"  # .8 - .02 x 3 is more than .9 - .02 x 10
    assert ticket.usages == [("small", Usage(5, 3))]
    assert "confidence 0.05 after 3 tokens, moe would add 0.69: escalated" in ticket.attempts.reasons[0]


def test_a_doubtful_answer_that_ends_early_is_judged_whole():
    ticket = make({"small": fakes.FakePool(stream(UNSURE))})
    with pytest.raises(Dropped):
        frames_of(ticket)
    assert ticket.usages == [("small", Usage(5, 1))]


def test_the_judgement_does_not_depend_on_how_tokens_are_grouped():
    together = [Opened(200, streams=True), Progress(Usage(5, 5), (SURE, SURE, SURE, UNSURE, UNSURE), (1.0,) * 5)]
    single, grouped = (
        make({"small": fakes.FakePool(stream(SURE, SURE, SURE))}),
        make({"small": fakes.FakePool(together)}),
    )
    frames_of(single)
    frames_of(grouped)
    assert single.attempts.reasons == grouped.attempts.reasons


def test_the_answer_to_an_escalation_is_judged_too_and_each_pool_once():
    doubtful = fakes.FakePool(stream(UNSURE, UNSURE, UNSURE))
    ticket = make({"small": doubtful, "moe": doubtful, "large": doubtful})
    for pool, following in (("small", "moe"), ("moe", "large")):
        with pytest.raises(Dropped) as dropped:
            frames_of(ticket, pool)
        assert dropped.value.next_pool == following
    for pool in ("large", "small"):  # the highest one, and a second try
        assert frames_of(ticket, pool)[-1] == Closed(Usage(5, 3), "stop")
    assert [request.judged_tokens for request in doubtful.requests] == [3, 3, 0, 0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"request": RoutingRequest("hi", model="small")}, None),
        ({"request": RoutingRequest("hi", wish=Wish(escalate=False))}, None),
        ({"request": RoutingRequest("hi", model="auto:no-escalation", wish=Wish(escalate=False))}, None),
        ({"request": RoutingRequest("hi", wish=Wish(max_cost=2.0))}, None),
        ({"request": RoutingRequest("", generates=False)}, None),
        ({"from_tiers": ["moe"]}, None),
        ({"decision": RoutingDecision("small", "small", 0.5, ())}, None),
        ({"body": {"n": 2}}, "n asks for several answers"),
        ({"body": {"prompt": ["a", "b"]}}, "prompt asks for several answers"),
        ({"body": {"best_of": 2, "prompt": "a"}}, "best_of asks for several answers"),
        ({"body": {"use_beam_search": True}}, "use_beam_search asks for several answers"),
        ({"engine": "simulated", "decision": PREDICTED_GOOD}, "its engine (simulated) reports no log-probabilities"),
    ],
)
def test_what_is_not_judged_passes_unchanged(changes, said):
    pool = fakes.FakePool(fakes.STREAM)
    ticket = make({"small": pool}, **changes)
    assert frames_of(ticket) == list(fakes.STREAM)
    assert pool.requests[0].judged_tokens == 0
    assert [said in reason for reason in ticket.attempts.reasons] == ([True] if said else [])


@pytest.mark.parametrize("body", [{"n": 1}, {"n": None}, {"prompt": [1, 2]}, {"prompt": ["one"]}, {"tools": [{}]}])
def test_one_answer_is_judged(body):
    ticket = make({"small": fakes.FakePool(stream(UNSURE))}, body=body)
    with pytest.raises(Dropped):
        frames_of(ticket)


@pytest.mark.parametrize(
    "script",
    [
        [Opened(200, streams=True), Chunk(b"a", (1,)), Chunk(b"b", (2,)), Closed(Usage(5, 2), "stop")],
        [Opened(200), Chunk(b"{}"), Closed(Usage(5, 0), "stop")],
    ],
)
def test_an_answer_without_logprobs_goes_on_and_says_so(script):
    ticket = make({"small": fakes.FakePool(script)})
    assert frames_of(ticket) == script
    assert "gave no log-probabilities" in ticket.attempts.reasons[0]


def test_an_engine_without_logprobs_is_not_held_back():
    async def not_read():
        raise AssertionError("the second token was waited for")

    first = [Opened(200, streams=True), Chunk(b"role"), Chunk(b"a", (1,))]
    ticket = make({"small": fakes.FakePool([*first, not_read])})

    async def run():
        async with ticket.frames() as frames:
            return [await anext(frames) for _ in first]

    assert asyncio.run(run()) == first


def test_a_refusal_passes_at_once():
    refusal = [Opened(400), Chunk(b'{"error": {}}')]
    ticket = make({"small": fakes.FakePool(refusal)})
    assert frames_of(ticket) == refusal
    assert ticket.attempts.reasons == []


def test_a_failure_while_holding_is_the_pools_failure_and_its_next_try_is_judged():
    ticket = make({"small": fakes.FakePool([*stream(SURE)[:2], PoolFailed("died")], stream(UNSURE))})
    with pytest.raises(PoolFailed):
        frames_of(ticket)
    with pytest.raises(Dropped):
        frames_of(ticket)


def test_a_client_that_goes_away_while_tokens_are_held_ends_the_call():
    async def forever():
        await asyncio.sleep(60)

    pool = fakes.FakePool([*stream(SURE)[:3], forever])
    ticket = make({"small": pool})

    async def run():
        reading = asyncio.create_task(_read(ticket))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(run())
    assert pool.closed == 1


async def _read(ticket):
    async with ticket.frames() as frames:
        return [frame async for frame in frames]


def test_coefficients_judge():
    always_good = ConfidenceModel({"small": Logistic({}, 9.0)})
    script = stream(UNSURE, UNSURE, UNSURE)
    assert frames_of(make({"small": fakes.FakePool(script)}, model=always_good)) == without_progress(script)


# -- agreement -------------------------------------------------------------------------------------------------------


def agreeing(small, moe, **changes):
    pools = {"small": fakes.FakePool(small), "moe": fakes.FakePool(moe)}
    return make(pools, **{"kind": "agreement", "engine": "simulated", **changes}), pools


def test_a_pool_without_logprobs_is_compared_if_that_may_pay():
    ticket, pools = agreeing(fakes.answer("12"), fakes.answer("13"), kind="confidence")
    with pytest.raises(Dropped):
        frames_of(ticket)
    assert [len(pool.requests) for pool in pools.values()] == [1, 1]


def test_the_first_answers_of_a_pool_say_only_what_is_typical():
    ticket = make({"small": fakes.FakePool(stream(UNSURE, UNSURE, UNSURE))}, model=ConfidenceModel())
    assert frames_of(ticket) == without_progress(stream(UNSURE, UNSURE, UNSURE))
    assert ticket.attempts.reasons == ["small not judged: fewer than 30 of its answers were seen"]


def test_equal_final_answers_send_the_cheaper_ones_bytes():
    script = fakes.answer("7 + 5 = 12")
    ticket, pools = agreeing(script, fakes.answer("It is 12."))
    assert frames_of(ticket) == script
    assert [len(pool.requests) for pool in pools.values()] == [1, 1]
    assert ticket.usages == [("moe", fakes.USAGE)]


def test_different_final_answers_ask_the_next_tier_and_cost_both():
    ticket, _ = agreeing(fakes.answer("12"), fakes.answer("13"))
    with pytest.raises(Dropped) as dropped:
        frames_of(ticket)
    assert dropped.value.next_pool == "large"
    assert sorted(ticket.usages) == [("moe", fakes.USAGE), ("small", fakes.USAGE)]
    assert "small and moe disagree: final answers '12' and '13'" in ticket.attempts.reasons[0]


def test_a_cheap_pool_that_fails_agrees_with_nobody():
    ticket, _ = agreeing(fakes.answer("12"), [PoolFailed("died")])
    with pytest.raises(Dropped) as dropped:
        frames_of(ticket)
    assert dropped.value.next_pool == "large"


def test_without_a_second_cheap_pool_nothing_is_compared():
    decision = RoutingDecision("small", "small", 0.5, (), alternatives=("large",), appraisals=DECISION.appraisals)
    ticket, pools = agreeing(fakes.answer("12"), fakes.answer("13"), decision=decision)
    assert frames_of(ticket) == fakes.answer("12")
    assert not pools["moe"].requests


@settings(deadline=None)
@given(
    logprobs=st.lists(st.sampled_from([SURE, UNSURE]), min_size=1, max_size=8),
    cuts=st.lists(st.integers(1, 8), max_size=4),
)
def test_however_tokens_are_grouped_the_judgement_and_the_bytes_are_the_same(logprobs, cuts):
    outcomes = []
    for grouping in ([], cuts):
        ticket = make({"small": fakes.FakePool(grouped(logprobs, grouping))})
        try:
            data = b"".join(frame.data for frame in frames_of(ticket) if isinstance(frame, Chunk))
        except Dropped as dropped:
            data = dropped.next_pool
        outcomes.append((data, ticket.attempts.reasons))
    assert outcomes[0] == outcomes[1]


def grouped(logprobs, cuts):
    """A stream whose tokens come in groups that end at some places."""
    ends = (
        sorted({*(cut for cut in cuts if cut < len(logprobs)), len(logprobs)}) if cuts else range(1, len(logprobs) + 1)
    )
    frames, start = [Opened(200, streams=True)], 0
    for end in ends:
        group = tuple(logprobs[start:end])
        text = b"".join(b"%d " % place for place in range(start, end))
        frames += [Progress(Usage(5, end), group, (1.0,) * len(group)), Chunk(text, tuple(range(start, end)))]
        start = end
    return [*frames, Closed(Usage(5, len(logprobs)), "stop")]
