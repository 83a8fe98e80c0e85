"""The error body that every error over HTTP has."""

from __future__ import annotations

import json

import pytest

from deployments.wire.errors import MAX_CHARACTERS, error_body, is_context_refusal


def test_error_bodies_survive_any_text():
    body = json.loads(error_body(400, "lone \ud800 surrogate", param="x"))
    assert body["error"]["type"] == "invalid_request_error"


def test_an_error_does_not_repeat_a_whole_request():
    text = "".join(f"{number}, " for number in range(100_000))
    error = json.loads(error_body(400, f"unknown ids: {text}", param=text))["error"]
    assert error["message"].startswith("unknown ids: 0, 1, 2")
    assert error["message"].endswith(f"... ({len('unknown ids: ') + len(text) - MAX_CHARACTERS} more characters)")
    assert len(error["message"]) + len(error["param"]) < 2 * MAX_CHARACTERS + 100


def test_a_short_message_is_kept_whole():
    assert json.loads(error_body(400, "x" * MAX_CHARACTERS))["error"]["message"] == "x" * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("status", "message", "refused"),
    [
        (400, "This model's maximum context length is 64 tokens. However, your prompt contains 90 input tokens", True),
        (400, "Input length (90) exceeds model's maximum context length (64).", True),
        (400, "The decoder prompt (length 90) is longer than the maximum model length of 64.", True),
        (400, "the request exceeds the available context size, try increasing it", True),
        (413, "The prompt does not fit the context window", True),
        (400, "temperature is 9: use a number from 0 to 2", False),
        (500, "This model's maximum context length is 64 tokens", False),
        (200, "This model's maximum context length is 64 tokens", False),
    ],
)
def test_refusals_for_the_context_are_recognised(status, message, refused):
    assert is_context_refusal(status, error_body(status, message)) is refused


def test_an_error_code_tells_a_refusal_for_the_context():
    assert is_context_refusal(400, error_body(400, "too long", code="context_length_exceeded"))
