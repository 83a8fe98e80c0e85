"""The transformers engine with a real demo model: joined batches give single answers, and OpenAI's API is kept."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.spec import FleetSpec
from demo.tasks import generate_tasks
from deployments.engines.base import make_engine
from deployments.wire.errors import EngineDead
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened, Progress

ASK = {"messages": [{"role": "user", "content": "What is 7 + 5?"}], "temperature": 0, "max_tokens": 24}
PROMPT = {"prompt": "What is 7 + 5?", "temperature": 0, "max_tokens": 8}


@asynccontextmanager
async def running(model="small", **options):
    """A started engine."""
    options = {"dtype": "float32", "max_model_len": 512, "kv_budget_tokens": 8192, **options}
    pool = {"tier": "small", "model": f"demo/models/{model}", "engine": {"kind": "transformers", "options": options}}
    engine = make_engine(FleetSpec.model_validate({"pools": {"p": pool}}), "p")
    engine.phases_s = await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def frames_of(engine, body, kind="chat"):
    return [frame async for frame in engine.generate(EngineRequest(kind, body, "r"))]


def ask(*bodies, kind="chat", **options):
    """Frames of each body, all asked at once."""

    async def run():
        async with running(**options) as engine:
            return await asyncio.gather(*(frames_of(engine, body, kind) for body in bodies))

    answers = asyncio.run(run())
    return answers if len(bodies) > 1 else answers[0]


def test_a_start_has_its_phases():
    async def run():
        async with running() as engine:
            return engine.phases_s

    phases_s = asyncio.run(run())
    assert phases_s.keys() == {"load", "warm_up"}
    assert all(seconds > 0 for seconds in phases_s.values())


def ids_of(frames):
    return [token for frame in frames if isinstance(frame, Chunk) for token in frame.token_ids]


def body_of(frames):
    return json.loads(b"".join(frame.data for frame in frames if isinstance(frame, Chunk)))


def events_of(frames):
    text = b"".join(frame.data for frame in frames if isinstance(frame, Chunk)).decode()
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.mark.parametrize("budget", [8192, 600], ids=["roomy", "with preemptions"])
def test_rows_that_join_and_leave_batches_get_the_answers_they_get_alone(budget):
    prompts = [task.prompt for task in generate_tasks(10, seed=5, fresh=None)]
    bodies = [
        {"messages": [{"role": "user", "content": prompt * (1 + 3 * (i % 2))}], "temperature": 0,
         "max_tokens": 10 + 9 * i, "ignore_eos": True}
        for i, prompt in enumerate(prompts)
    ]  # fmt: skip

    async def run():
        async with running(kv_budget_tokens=budget, max_num_seqs=5) as engine:
            together = await asyncio.gather(*(frames_of(engine, body) for body in bodies))
            preempted = engine.stats().preemptions_total
            alone = [await frames_of(engine, body) for body in bodies]
        return together, preempted, alone

    together, preempted, alone = asyncio.run(run())
    assert [ids_of(frames) for frames in together] == [ids_of(frames) for frames in alone]
    assert [len(ids_of(frames)) for frames in alone] == [body["max_tokens"] for body in bodies]
    assert (preempted > 0) == (budget == 600)


def test_a_chat_answer_has_openais_shape():
    frames = ask(ASK)
    answer = body_of(frames)
    choice = answer["choices"][0]
    assert frames[0] == Opened(200)
    assert (answer["object"], choice["finish_reason"]) == ("chat.completion", "stop")
    assert choice["message"]["content"].endswith("12")
    assert answer["usage"] == frames[-1].usage.as_openai()
    assert frames[-1].usage.completion_tokens == len(ids_of(frames))


@pytest.mark.parametrize("interval", [1, 4])
def test_a_stream_says_the_same_as_the_whole_answer(interval):
    streaming = ASK | {"stream": True, "stream_options": {"include_usage": True}}
    streamed, whole = ask(streaming, ASK, stream_interval=interval)
    events = events_of(streamed)
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
    assert text == body_of(whole)["choices"][0]["message"]["content"]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"] == body_of(whole)["usage"]
    assert ids_of(streamed) == ids_of(whole)
    assert len(events) == (len(ids_of(whole)) + 2 if interval == 1 else 2 + 1 + -(-(len(ids_of(whole)) - 1) // 4))


def test_completions_take_lists_of_prompts_and_token_ids():
    answers = ask(PROMPT | {"prompt": ["1 + 1 =", "2 + 2 ="]}, PROMPT | {"prompt": [20, 21, 22]}, kind="completion")
    assert [choice["index"] for choice in body_of(answers[0])["choices"]] == [0, 1]
    assert body_of(answers[1])["usage"]["prompt_tokens"] == 3


def test_a_stop_string_ends_the_text_before_it_and_is_never_streamed():
    plain, stopped, streamed = ask(ASK, ASK | {"stop": [" = "]}, ASK | {"stop": " = ", "stream": True})
    text = body_of(plain)["choices"][0]["message"]["content"]
    choice = body_of(stopped)["choices"][0]
    assert " = " in text
    assert (choice["message"]["content"], choice["finish_reason"]) == (text.split(" = ")[0], "stop")
    deltas = [event["choices"][0]["delta"].get("content", "") for event in events_of(streamed)]
    assert "".join(deltas) == choice["message"]["content"]


def test_a_seed_makes_sampling_repeatable_and_choices_differ():
    warm = {**ASK, "temperature": 1.5, "seed": 3, "n": 4, "max_tokens": 30, "ignore_eos": True}
    first, again, other = ask(warm, warm, warm | {"seed": 99})
    texts = [
        [choice["message"]["content"] for choice in body_of(frames)["choices"]] for frames in (first, again, other)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert len(set(texts[0])) > 1


def test_logprobs_are_those_of_the_model():
    chat = body_of(ask(ASK | {"logprobs": True, "top_logprobs": 3}))["choices"][0]["logprobs"]["content"]
    for entry in chat:
        assert entry["top_logprobs"][0]["logprob"] == max(top["logprob"] for top in entry["top_logprobs"])
        assert entry["logprob"] == pytest.approx(entry["top_logprobs"][0]["logprob"])  # greedy took the likeliest
        assert -20 < entry["logprob"] <= 0
        assert bytes(entry["bytes"]).decode() == entry["token"]
    completion = body_of(ask(PROMPT | {"logprobs": 2}, kind="completion"))["choices"][0]["logprobs"]
    assert len(completion["tokens"]) == len(completion["token_logprobs"]) == 8
    assert all(len(top) == 2 for top in completion["top_logprobs"])


@pytest.mark.parametrize(
    "given",
    [
        {"logit_bias": {"20": 100}},
        {"min_tokens": 20},
        {"presence_penalty": 2, "ignore_eos": True},
        {"frequency_penalty": 2, "ignore_eos": True},
        {"repetition_penalty": 3, "ignore_eos": True},
        {"stop_token_ids": list(range(6, 500))},
    ],
    ids=lambda given: next(iter(given)),
)
def test_parameters_change_what_is_generated(given):
    plain, changed = ask({**ASK, "ignore_eos": "ignore_eos" in given}, {**ASK, **given})
    assert ids_of(plain) != ids_of(changed)
    if "logit_bias" in given:
        assert set(ids_of(changed)) == {20}
    if "min_tokens" in given:
        assert len(ids_of(changed)) >= 20


@pytest.mark.parametrize("given", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}])
def test_narrow_sampling_is_greedy(given):
    plain, narrow = ask(ASK, ASK | {"temperature": 1.3} | given)
    assert ids_of(plain) == ids_of(narrow)


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"guided_regex": "a+"}, "guided_regex"),
        ({"n": 0}, "n"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"logit_bias": {"x": 1}}, "logit_bias.x.[key]"),
        ({"logit_bias": {"512": 1}}, "logit_bias"),
        ({"stop_token_ids": [-1]}, "stop_token_ids"),
        ({"response_format": "json"}, "response_format"),
        ({"chat_template_kwargs": [1]}, "chat_template_kwargs"),
        ({"logprobs": True, "top_logprobs": 21}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"min_tokens": 30}, None),
        ({"max_tokens": 4000}, "messages"),
        ({"stop": [""]}, "stop.0"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages.0.content"),
    ],
    ids=str,
)
def test_bad_fields_are_refused_by_name(small_engine, given, param):
    frames = small_engine(ASK | given)
    error = body_of(frames)["error"]
    assert (frames[0], error["param"]) == (Opened(400), param)
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) > 10


NUMBERS = st.one_of(st.floats(), st.integers(-3, 600), st.none(), st.sampled_from([1e-300, 1e300, 0.0, 2.0]))
FIELDS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty",
          "min_tokens", "max_tokens", "seed", "top_logprobs", "n")  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(FIELDS), NUMBERS),
    st.dictionaries(st.integers(-1, 520).map(str), st.floats(-120, 120), max_size=4),
    st.one_of(st.none(), st.lists(st.integers(-1, 520), max_size=3), st.just(list(range(512)))),
)
def test_no_parameters_end_the_engine(small_engine, fields, bias, stops):
    body = {**ASK, "max_tokens": 4, "logprobs": True, "n": 1, **fields, "logit_bias": bias, "stop_token_ids": stops}
    if (body["n"] or 1) > 8 or (body["max_tokens"] or 99) > 60:
        body |= {"n": 1, "max_tokens": 4}
    assert small_engine(body)[0].status in (200, 400)
    assert small_engine({**ASK, "max_tokens": 1})[0].status == 200


def test_tokens_are_counted_and_turned_back(small_engine):
    counted = body_of(small_engine({"prompt": "hello"}, "tokenize"))
    assert counted["count"] == len(counted["tokens"])
    assert body_of(small_engine({"tokens": counted["tokens"]}, "detokenize")) == {"prompt": "hello"}
    assert small_engine({"tokens": [99999]}, "detokenize")[0] == Opened(400)
    assert small_engine({"prompt": 5}, "tokenize")[0] == Opened(400)


@pytest.fixture(scope="module")
def small_engine():
    """Asks one engine that lives as long as the module."""
    loop = asyncio.new_event_loop()
    context = running()
    engine = loop.run_until_complete(context.__aenter__())
    yield lambda body, kind="chat": loop.run_until_complete(frames_of(engine, body, kind))
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.close()


def test_a_cancelled_request_frees_its_cache():
    async def run():
        async with running() as engine:
            frames = engine.generate(
                EngineRequest("chat", {**ASK, "stream": True, "max_tokens": 400, "ignore_eos": True}, "r")
            )
            async for frame in frames:
                if isinstance(frame, Chunk) and frame.token_ids:
                    break
            busy = engine.stats()
            await frames.aclose()
            deadline = time.monotonic() + 20
            while engine.stats().running and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            return busy, engine.stats()

    busy, free = asyncio.run(run())
    assert (busy.running, busy.kv_usage_ratio > 0) == (1, True)
    assert (free.running, free.waiting, free.kv_usage_ratio) == (0, 0, 0)


def test_a_failed_step_fails_requests_and_health():
    async def run():
        async with running() as engine:
            await engine.check_health()

            def broken(plan, sequences):
                raise ConnectionError("peer closed")

            engine.executor.step = broken
            with pytest.raises(EngineDead, match="peer closed"):
                await frames_of(engine, ASK)
            with pytest.raises(EngineDead):
                await engine.check_health()
            with pytest.raises(EngineDead):
                await frames_of(engine, ASK)

    asyncio.run(run())


def test_an_idle_engine_reports_now():
    async def run():
        async with running() as engine:
            await asyncio.sleep(1.5)
            return time.time() - engine.stats().as_of_s

    assert asyncio.run(run()) < 3


def test_frames_end_with_one_closed():
    frames = ask(ASK)
    assert [type(frame) for frame in frames] == [Opened, Chunk, Closed]
    assert frames[-1].reason == "stop"


@pytest.mark.parametrize("changes", [{}, {"stream": True}, {"logprobs": True, "top_logprobs": 1}, {"stop": [" = "]}])
def test_a_judged_answer_is_reported_on_and_its_bytes_stay_the_same(changes):
    async def run():
        async with running() as engine:
            return [
                [frame async for frame in engine.generate(EngineRequest("chat", ASK | changes, "r", judged_tokens=n))]
                for n in (0, 3)
            ]

    plain, judged = asyncio.run(run())
    progress = [frame for frame in judged if isinstance(frame, Progress)]
    assert [frame.usage.completion_tokens for frame in progress] == [1, 2, 3]
    assert all(frame.logprobs[0] <= 0 <= frame.margins[0] for frame in progress)
    assert not any(isinstance(frame, Progress) for frame in plain)
    assert ids_of(judged) == ids_of(plain)
    read = events_of if changes.get("stream") else body_of
    assert without_time(read(judged)) == without_time(read(plain))


def without_time(answer):
    return [event | {"created": 0} for event in answer] if isinstance(answer, list) else answer | {"created": 0}
