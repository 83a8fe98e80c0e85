"""Ask named pools of a running fleet for complete answers: a bounded number at a time, with retries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

TRIES = 3
FIRST_PAUSE_S = 1.0
"""Pause before the second try; doubled before each further one."""
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Answer:
    """What a pool answered."""

    text: str
    tokens: int | None
    """Generated tokens, if the engine counts them."""


class NoAnswer(Exception):
    """A pool gave no answer, even after retries; the message says why."""


class Asker:
    """Sends chats at temperature 0 to pools of one endpoint."""

    def __init__(self, client: httpx.AsyncClient, concurrency: int, pause_s: float = FIRST_PAUSE_S) -> None:
        self._client = client
        self.concurrency = concurrency
        self._gate = asyncio.Semaphore(concurrency)
        self._pause_s = pause_s

    async def ask(self, pool: str, body: dict[str, Any], max_tokens: int) -> Answer:
        """A pool's answer to a chat body; `max_tokens` is its limit unless the body has one.

        Raises:
            NoAnswer: the request was rejected, or failed TRIES times.
        """
        full = {"max_tokens": max_tokens, **body, "model": pool, "temperature": 0}
        async with self._gate:
            for attempt in range(1, TRIES + 1):
                try:
                    return await self._post(full)
                except _Passing as failure:
                    if attempt == TRIES:
                        raise NoAnswer(str(failure)) from failure
                    await asyncio.sleep(self._pause_s * 2 ** (attempt - 1))
        raise AssertionError("the last try returns or raises")

    async def _post(self, body: dict[str, Any]) -> Answer:
        headers = {"content-type": "application/json"}
        try:
            response = await self._client.post("/v1/chat/completions", content=json.dumps(body), headers=headers)
        except httpx.HTTPError as error:
            raise _Passing(f"no answer ({type(error).__name__})") from error
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise _Passing(f"returned {response.status_code}")
        if response.status_code != 200:
            raise NoAnswer(f"returned {response.status_code}: {response.text[:200]}")
        return _read(response)


class _Passing(Exception):
    """A failure that a retry may mend."""


def _read(response: httpx.Response) -> Answer:
    try:
        body = response.json()
        message = body["choices"][0]["message"]
        # A tool call is an answer too: a judge can read it.
        text = message.get("content") or (json.dumps(message["tool_calls"]) if message.get("tool_calls") else "")
        return Answer(str(text), (body.get("usage") or {}).get("completion_tokens"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoAnswer("the response is not a chat completion") from error


def client(url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """HTTP to an endpoint, with headers such as its API key and a timeout for long answers."""
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, headers=dict(headers))
