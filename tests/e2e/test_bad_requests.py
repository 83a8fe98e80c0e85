"""Whatever a client sends, it gets a 4xx with a JSON error, and the server goes on."""

from __future__ import annotations

import json

import httpx
import pytest
from bad_requests import BAD_REQUESTS, CHAT, COMPLETION, GOOD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.fleet

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["messages", "prompt", "model", "max_tokens", "temperature", "stop", "logit_bias", "response_format", "tools",
     "tool_choice", "stream", "stream_options", "logprobs", "n", "seed", "user", "metadata", "priority"]
)  # fmt: skip
GENERATIVE = {"max_tokens": 2, "n": 1, "stream": False}


@pytest.fixture(scope="module")
def http(fleet):
    with httpx.Client(base_url=fleet.url, timeout=60) as client:
        yield client


def refused(answer):
    assert 400 <= answer.status_code < 500, f"{answer.status_code}: {answer.text[:500]}"
    error = answer.json()["error"]
    assert error["message"]
    assert error["type"]
    assert "Traceback" not in answer.text


def test_the_table_is_long_and_each_row_stands_once():
    assert len({name for name, *_ in BAD_REQUESTS}) == len(BAD_REQUESTS) >= 200


def test_the_good_bodies_the_table_breaks_are_good(http):
    for path, body in GOOD.items():
        assert http.post(path, json=body).status_code == 200, path


@pytest.mark.parametrize(
    ("method", "path", "body"), [row[1:] for row in BAD_REQUESTS], ids=[r[0] for r in BAD_REQUESTS]
)
def test_refused_with_a_json_error(http, method, path, body):
    refused(http.request(method, path, content=body))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([CHAT, COMPLETION]), wrong=st.dictionaries(FIELDS, JSON, min_size=1, max_size=3))
def test_made_up_fields_never_break_the_server(http, path, wrong):
    body = json.dumps({**GOOD[path], **GENERATIVE, **wrong, "max_tokens": wrong.get("max_tokens", 2)})
    answer = http.post(path, content=body.encode("utf-8", "surrogatepass"))
    if answer.status_code != 200:
        refused(answer)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
def test_made_up_bytes_are_refused(http, raw):
    refused(http.post(CHAT, content=raw))


def test_the_server_still_answers_correctly_after_all_that(fleet):
    answer = fleet.chat("What is 7 + 5?")
    assert "12" in answer.json()["choices"][0]["message"]["content"]
