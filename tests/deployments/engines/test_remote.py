"""The remote engine against scripted remotes: what passes through, what is translated, what stays here."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from cluster.engine_kinds import REMOTE_OPTIONS
from cluster.problems import Problems
from cluster.spec import FleetSpec
from deployments.engines.base import make_engine
from deployments.wire.errors import EngineDead
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened

URL = "http://remote.test/v1"
CHAT = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"model": "their-7b", "choices": [{"message": {"content": "hello"}}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2}}  # fmt: skip
EVENTS = (
    ": keep alive\n\n"
    'data: {"choices": [{"delta": {"content": "hel"}}]}\n\n'
    'data: {"choices": [{"delta": {"content": "lo"}}]}\n\n'
    'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n'
    "data: [DONE]\n\n"
)


def engine(answer, **options):
    """An engine whose remote is the function `answer`."""
    pool = {"tier": "small", "model": "mine", "engine": {"kind": "remote", "options": {"base_url": URL, **options}}}
    made = make_engine(FleetSpec.model_validate({"pools": {"p": pool}}), "p")
    transport, headers = httpx.MockTransport(answer), made.client.headers
    made.client = httpx.AsyncClient(base_url=URL, transport=transport, headers=headers)
    return made


async def collect(made, body=CHAT, kind="chat"):
    return [frame async for frame in made.generate(EngineRequest(kind, body, "r"))]


def ask(answer, body=CHAT, kind="chat", **options):
    return asyncio.run(collect(engine(answer, **options), body, kind))


def test_a_body_passes_with_the_remotes_model_name_and_without_fields_it_refuses():
    seen = []

    def remote(request):
        seen.append((str(request.url), json.loads(request.content)))
        return httpx.Response(200, json=ANSWER)

    body = CHAT | {"temperature": 0, "seed": 1}
    frames = ask(remote, body, model="their-7b", drop_fields=["seed"])
    assert seen == [(f"{URL}/chat/completions", {**CHAT, "temperature": 0, "model": "their-7b"})]
    assert frames[0] == Opened(200)
    assert json.loads(frames[1].data) == ANSWER
    assert (frames[2].usage.prompt_tokens, frames[2].usage.completion_tokens) == (3, 2)


@pytest.mark.parametrize("asked", [False, True])
def test_a_stream_passes_and_token_counts_go_to_clients_that_asked(asked):
    def remote(request):
        assert json.loads(request.content)["stream_options"] == {"include_usage": True}
        return httpx.Response(200, text=EVENTS)

    body = CHAT | {"stream": True} | ({"stream_options": {"include_usage": True}} if asked else {})
    frames = ask(remote, body)
    assert frames[0] == Opened(200, streams=True)
    data = b"".join(frame.data for frame in frames if isinstance(frame, Chunk))
    expected = EVENTS.removeprefix(": keep alive\n\n")
    if not asked:
        expected = expected.replace(expected.split("\n\n")[2] + "\n\n", "")
    assert data.decode() == expected
    assert isinstance(frames[-1], Closed)
    assert frames[-1].usage.completion_tokens == 2


@pytest.mark.parametrize(
    ("status", "body", "seen_status", "said"),
    [
        (400, {"error": {"message": "temperature: too hot"}}, 400, "temperature: too hot"),
        (404, {"error": "no such model"}, 404, "no such model"),
        (418, {}, 400, "no message"),
        (401, {"error": {"message": "bad key sk-secret"}}, 502, "rejects this fleet's key"),
        (402, {"error": {"message": "pay"}}, 502, "rejects this fleet's key"),
        (429, {"error": {"message": "slow down"}}, 429, "slow down"),
        (500, {"error": {"message": "Traceback ..."}}, 502, "failed with status 500"),
        (503, {}, 502, "failed with status 503"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_translated(status, body, seen_status, said, stream):
    opened, chunk, _ = ask(lambda request: httpx.Response(status, json=body), CHAT | {"stream": stream})
    assert opened == Opened(seen_status)
    message = json.loads(chunk.data)["error"]["message"]
    assert said in message
    assert "secret" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("error", "status"), [(httpx.ConnectError("refused"), 502), (httpx.ReadTimeout("slow"), 504)], ids=["gone", "slow"]
)
def test_a_remote_that_is_gone_or_slow_is_an_error_response(error, status):
    def remote(request):
        raise error

    assert ask(remote)[0] == Opened(status)


def test_a_stream_that_breaks_is_a_failure_and_not_an_end():
    class Breaks(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b'data: {"choices": [{"delta": {"content": "hel"}}]}\n\n'
            raise httpx.ReadError("reset")

    with pytest.raises(ConnectionError, match="broke a stream"):
        ask(lambda request: httpx.Response(200, stream=Breaks()), CHAT | {"stream": True})


def test_what_a_remote_cannot_do_is_refused():
    opened, chunk, _ = ask(lambda request: httpx.Response(200), {"model": "p", "prompt": "x"}, "tokenize")
    assert opened == Opened(400)
    assert b"cannot tokenize" in chunk.data


def test_more_requests_than_the_limit_wait_and_a_cancelled_one_makes_room():
    async def story():
        gate = asyncio.Event()

        async def remote(request):
            await gate.wait()
            return httpx.Response(200, json=ANSWER)

        made = engine(remote, max_concurrency=2)
        tasks = [asyncio.create_task(collect(made)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert (made.stats().running, made.stats().waiting) == (2, 1)
        tasks[0].cancel()
        await asyncio.sleep(0.05)
        assert (made.stats().running, made.stats().waiting) == (2, 0)
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (made.stats().running, made.stats().generated_tokens_total) == (0, 4)

    asyncio.run(story())


# -- key and health --------------------------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment_or_a_file(monkeypatch, tmp_path):
    monkeypatch.setenv("REMOTE_KEY", "abc")
    (tmp_path / "key").write_text("def\n")
    for options, key in (({"api_key_env": "REMOTE_KEY"}, "abc"), ({"api_key_file": str(tmp_path / "key")}, "def")):
        seen = []
        ask(lambda request, seen=seen: seen.append(request.headers["authorization"]) or httpx.Response(500), **options)
        assert seen == [f"Bearer {key}"]


def test_a_key_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RuntimeError, match="api_key_env: the environment has no NO_SUCH_KEY"):
        engine(None, api_key_env="NO_SUCH_KEY")
    with pytest.raises(RuntimeError, match=r"api_key_file: .* has no key"):
        engine(None, api_key_file=str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: httpx.Response(401), "rejects the key"),
        (lambda request: httpx.Response(404), "status 404, check engine.options.base_url"),
        (lambda request: (_ for _ in ()).throw(httpx.ConnectError("no")), "does not respond"),
    ],
    ids=["key", "path", "gone"],
)
def test_a_pool_does_not_start_without_its_remote_and_says_why(answer, said):
    with pytest.raises(RuntimeError, match=said):
        asyncio.run(engine(answer).start())


def test_a_remote_that_has_nothing_to_probe_starts_unasked():
    made = engine(lambda request: httpx.Response(401), health_path=None)
    asyncio.run(made.start())


def test_a_remote_that_stays_away_makes_the_replica_unhealthy_and_one_hiccup_does_not(monkeypatch):
    monkeypatch.setattr("deployments.engines.remote.PROBE_EVERY_S", 0.01)
    statuses = [200, 500, 200, 500, 500, 500, 500, 500, 500]

    async def story():
        made = engine(lambda request: httpx.Response(statuses.pop(0) if len(statuses) > 1 else 500))
        await made.start()
        while len(statuses) > 5:
            await made.check_health()
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)
        with pytest.raises(EngineDead, match="does not respond to probes"):
            await made.check_health()
        await made.stop()

    asyncio.run(story())


# -- spec ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({}, "options.base_url", "is missing: use the remote's address"),
        ({"base_url": "remote:8000"}, "options.base_url", "use an address"),
        ({"base_url": URL, "api_key": "sk-1"}, "options.api_key", "did you mean 'api_key_env'"),
        ({"base_url": URL, "headers": {"Authorization": "x"}}, "options.headers", "must not contain secrets"),
        ({"base_url": URL, "health_path": "models"}, "options.health_path", "use a path"),
        ({"base_url": URL, "drop_fields": "seed"}, "options.drop_fields", "use a list of names"),
    ],
)
def test_wrong_options_say_what_to_use(options, field, said):
    with pytest.raises(Problems) as caught:
        REMOTE_OPTIONS.check("remote", options)
    assert said in caught.value.by_field[field]


def test_a_remote_pool_takes_no_hardware():
    engine_spec = {"kind": "remote", "options": {"base_url": URL}}
    pools = {"p": {"tier": "small", "model": "m", "engine": engine_spec}}
    spec = FleetSpec.model_validate({"pools": pools, "hardware": {"a": {}, "b": {}}})
    assert spec.pools["p"].devices == 0
    with pytest.raises(ValueError, match="uses no hardware of this fleet"):
        FleetSpec.model_validate({"pools": {"p": pools["p"] | {"hardware": "a"}}, "hardware": {"a": {}, "b": {}}})
