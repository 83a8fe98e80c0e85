"""Answers and errors whose size is no ordinary one."""

from __future__ import annotations

import httpx
import pytest
from fleet_process import RunningFleet

pytestmark = pytest.mark.fleet
RAYS_LARGEST_MESSAGE = 4 * 2**20
"""By default; answers and requests of any size have to pass."""


def test_an_answer_larger_than_a_message_of_ray_arrives_whole(fleet: RunningFleet) -> None:
    many = {"n": 7, "max_tokens": 500, "min_tokens": 500, "logprobs": True, "top_logprobs": 20}
    answer = fleet.chat("What is 7 + 5?", model="small", temperature=1, **many)
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.content) > RAYS_LARGEST_MESSAGE
    assert len(answer.content) == int(answer.headers["content-length"])
    body = answer.json()
    assert len(body["choices"]) == 7
    assert body["usage"]["completion_tokens"] == 7 * 500


def test_an_error_does_not_repeat_what_the_client_sent(fleet: RunningFleet) -> None:
    unknown = {str(number): 1 for number in range(10_000, 100_000)}
    answer = fleet.chat("What is 7 + 5?", model="small", logit_bias=unknown)
    assert answer.status_code == 400
    assert len(answer.content) < 5_000
    assert answer.json()["error"]["message"]


def test_a_large_request_arrives_whole(fleet: RunningFleet) -> None:
    """Below the gateway's limit of 4,000,000 bytes, the pickled request is larger than the JSON text."""
    floats = [0.5] * 900_000
    body = {"model": "small", "messages": [{"role": "user", "content": "hi"}], "metadata": {"floats": floats}}
    answer = httpx.post(f"{fleet.url}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code in (200, 400), answer.text[:500]
    assert "replica_failed" not in answer.text
