"""The error body that every error over HTTP has."""

from __future__ import annotations

import json

from deployments.wire.errors import error_body


def test_error_bodies_survive_any_text():
    body = json.loads(error_body(400, "lone \ud800 surrogate", param="x"))
    assert body["error"]["type"] == "invalid_request_error"
