"""One HTTP exchange: limits of a body, numbers of a query, header values, clients that leave."""

from __future__ import annotations

import asyncio
import json

import pytest

from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Copy, Exchange


def exchange(*parts, query=b"", headers=()):
    """An exchange that receives a body in parts and then, if the last part is None, a disconnect."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts if part is not None]
    if None in parts:
        messages.append({"type": "http.disconnect"})
    elif messages:
        messages[-1]["more_body"] = False
    sent = []

    async def receive():
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query, "headers": list(headers)}
    return Exchange(scope, receive, send), sent


def test_a_body_comes_in_parts():
    made, _ = exchange(b'{"a"', b": 1}")
    assert asyncio.run(made.read_json(8)) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b'{"a": 12}', 413, "larger than 8 bytes"),
        (b"[]", 400, "not a JSON object"),
        (b"{", 400, "not valid JSON"),
        (b'{"a":NaN', 400, "NaN is not a JSON number"),
        (b"\xff", 400, "not valid JSON"),
    ],
)
def test_what_is_no_small_json_object_is_refused(body, status, text):
    made, _ = exchange(body)
    with pytest.raises(HttpError, match=text) as refused:
        asyncio.run(made.read_json(8))
    assert refused.value.status == status


def test_a_deeply_nested_body_is_refused():
    made, _ = exchange(b"[" * 100_000)
    with pytest.raises(HttpError, match="nested too deeply"):
        asyncio.run(made.read_json(200_000))


def test_a_client_that_leaves_in_its_body_ends_the_exchange():
    made, _ = exchange(b"{", None)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(made.read_json(8))
    assert made.disconnected


@pytest.mark.parametrize("query", [b"newest=x", b"newest=nan", b"newest=inf", b"newest="])
def test_a_query_takes_finite_numbers_only(query):
    with pytest.raises(HttpError, match="use a number"):
        exchange(query=query)[0].query_number("newest", 3)
    assert exchange()[0].query_number("newest", 3) == 3
    assert exchange(query=b"newest=2.5")[0].query_number("newest", 3) == 2.5


def test_header_values_are_one_line_of_printable_ascii():
    made, sent = exchange()
    made.response_headers["x-signalbox-reason"] = "a\r\nset-cookie: b " + "é" * 2_000
    asyncio.run(made.reply_json({"ok": True}))
    headers = dict(sent[0]["headers"])
    reason = headers[b"x-signalbox-reason"]
    assert reason.startswith(b"a??set-cookie: b ??")
    assert len(reason) == 1_000
    assert headers[b"content-length"] == str(len(sent[1]["body"])).encode()
    assert json.loads(sent[1]["body"]) == {"ok": True}


def test_a_request_id_is_the_clients_up_to_a_length():
    assert exchange(headers=[(b"x-request-id", b"r" * 200)])[0].request_id == "r" * 100
    assert len(exchange()[0].request_id) == 32


async def _work(made, answer_first):
    try:
        async with made.within(5.0):
            if answer_first:
                await made.reply(200, b"done")
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return "cancelled"
    return "finished"


@pytest.mark.parametrize(("answer_first", "end"), [(False, "cancelled"), (True, "finished")])
def test_a_client_that_leaves_cancels_the_work_unless_it_has_its_answer(answer_first, end):
    made, _ = exchange(None)
    assert asyncio.run(_work(made, answer_first)) == end
    assert made.disconnected == (not answer_first)


def test_work_has_a_time_limit():
    async def work():
        async with exchange()[0].within(0.01):
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        asyncio.run(work())


def test_a_copy_that_does_not_fit_is_not_whole():
    copy = Copy(4)
    copy.add(b"abc")
    assert (bytes(copy.data), copy.whole) == (b"abc", True)
    copy.add(b"de")
    copy.add(b"f")
    assert (bytes(copy.data), copy.whole) == (b"abc", False)
