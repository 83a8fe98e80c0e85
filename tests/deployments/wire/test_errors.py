"""The error body that every error over HTTP has."""

from __future__ import annotations

import json

from deployments.wire.errors import MAX_CHARACTERS, error_body


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
