"""Collects graded answers from a running fleet's pools, with the log-probabilities of their tokens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from demo.tasks import Task, grade

CONCURRENCY = 16
MAX_TOKENS = 200


@dataclass(frozen=True)
class Answered:
    """The answer to one task, with its tokens."""

    task: Task
    text: str
    correct: bool
    prompt_tokens: int
    logprobs: tuple[float, ...]
    margins: tuple[float, ...]
    """Margin of each log-probability over the best other token's."""


def ask_all(url: str, pool: str, tasks: Sequence[Task]) -> list[Answered]:
    """Greedy answers of one pool, in the order of the tasks.

    Raises:
        httpx.HTTPError: the fleet does not respond, or responds with an error.
    """
    return asyncio.run(_ask_all(url, pool, tasks))


async def _ask_all(url: str, pool: str, tasks: Sequence[Task]) -> list[Answered]:
    slots = asyncio.Semaphore(CONCURRENCY)
    async with httpx.AsyncClient(base_url=url, timeout=300) as client:

        async def ask(task: Task) -> Answered:
            async with slots:
                response = await client.post("/v1/chat/completions", json=_body(pool, task))
            response.raise_for_status()
            return _answered(task, response.json())

        return await asyncio.gather(*map(ask, tasks))


def _body(pool: str, task: Task) -> dict[str, Any]:
    messages = [{"role": "user", "content": task.prompt}]
    likelihood = {"logprobs": True, "top_logprobs": 2}
    return {"model": pool, "messages": messages, "temperature": 0, "max_tokens": MAX_TOKENS, **likelihood}


def _answered(task: Task, body: dict[str, Any]) -> Answered:
    choice, prompt_tokens = body["choices"][0], body["usage"]["prompt_tokens"]
    text = choice["message"]["content"] or ""
    tokens = choice["logprobs"]["content"]
    # Greedy decoding picks the most likely token, so the second entry is the best other token.
    tops = [sorted((top["logprob"] for top in token["top_logprobs"]), reverse=True) for token in tokens]
    logprobs = tuple(token["logprob"] for token in tokens)
    margins = tuple(first - second for first, second in tops)
    return Answered(task, text, grade(task, text), prompt_tokens, logprobs, margins)
