"""Requests that every correct server refuses with a 4xx, as (id, method, path, body)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

CHAT, COMPLETION, GENERATE = "/v1/chat/completions", "/v1/completions", "/generate"
TOKENIZE, DETOKENIZE = "/tokenize", "/detokenize"
FEEDBACK, ROUTER, ROLLBACK = "/v1/feedback", "/v1/router", "/v1/router/rollback"
POSTS = (CHAT, COMPLETION, GENERATE, TOKENIZE, DETOKENIZE)
GETS = ("/v1/models", "/v1/fleet", "/health", "/ready", "/metrics")
USER = {"role": "user", "content": "hi"}
GOOD: dict[str, dict[str, Any]] = {
    CHAT: {"model": "small", "messages": [USER], "max_tokens": 2},
    COMPLETION: {"model": "small", "prompt": "hi", "max_tokens": 2},
    GENERATE: {"prompt": "hi", "max_tokens": 2},
    TOKENIZE: {"model": "small", "prompt": "hi"},
    DETOKENIZE: {"model": "small", "tokens": [5]},
}

BROKEN_BODIES = {
    "empty": b"",
    "open brace": b"{",
    "text": b"hello",
    "list": b"[]",
    "number": b"3",
    "null": b"null",
    "nan": b'{"model": NaN}',
    "not utf-8": b'{"model": "\xff\xfe"}',
    "deep": b'{"messages": ' + b"[" * 20_000,
    "single quotes": b"{'model': 'small'}",
    "trailing": b'{"model": "small"} x',
}
NO_INTEGER_ABOVE_ZERO = (0, -1, 1.5, "5", [], {}, True, 2**70)
WRONG_FIELDS: dict[str, tuple[Any, ...]] = {
    "max_tokens": (*NO_INTEGER_ABOVE_ZERO, 5_000),
    "n": (0, -1, "2", 1.5, 1_000_000),
    "temperature": (-0.1, 2.5, "hot", [], {}),
    "top_p": (-0.1, 1.1, "x", []),
    "presence_penalty": (-3, 3, "x"),
    "frequency_penalty": (-3, 3, "x"),
    "seed": ("x", 1.5, 2**70),
    "stop": (5, {}, [1], [None]),
    "stream": ("yes", 3, []),
    "model": ("gpt-9", "", 7, [], {}, "small ", "../small"),
    "tools": ("x", [1], {}),
    "logit_bias": ("x", [1]),
}
WRONG_MESSAGES: tuple[Any, ...] = (
    None,
    [],
    {},
    "hi",
    7,
    [None],
    ["hi"],
    [[]],
    [{}],
    [{"content": "hi"}],
    [{"role": "user"}],
    [{"role": "user", "content": None}],
    [{"role": "user", "content": 7}],
    [{"role": "user", "content": {}}],
    [{"role": "user", "content": []}],
    [{"role": "user", "content": [7]}],
    [{"role": "user", "content": [{}]}],
    [{"role": "user", "content": [{"type": "text"}]}],
    [{"role": "user", "content": [{"type": "text", "text": 7}]}],
    [{"role": "wizard", "content": "hi"}],
    [{"role": 7, "content": "hi"}],
    [{"role": None, "content": "hi"}],
    [USER, {"role": "robot", "content": "hi"}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}],
    [{"role": "user", "content": "long " * 4_000}],
)
WRONG_PROMPTS: tuple[Any, ...] = (
    None, "", [], {}, 7, True, [None], [{}], [""], [-1], [1.5], ["a", 1], [[]], "long " * 4_000, [5] * 2_000,
)  # fmt: skip
CHAT_ONLY: dict[str, Any] = {
    "max_completion_tokens": 0,
    "top_logprobs": 99,
    "response_format": {"type": "json_schema"},
    "tool_choice": {"type": "function", "function": {"name": "absent"}},
    "logprobs": "many",
}
WRONG_GENERATE: tuple[dict[str, Any], ...] = (
    {},
    {"prompt": ""},
    {"prompt": None},
    {"prompt": 7},
    {"prompt": ["hi"]},
    {"prompt": "hi", "system_prompt": 7},
    {"prompt": "hi", "system_prompt": None},
    {"prompt": "hi", "temperature": 1},
    {"prompt": "hi", "messages": []},
    {"prompt": "hi", "model": "gpt-9"},
    {"prompt": "hi", "model": 7},
    {"prompt": "long " * 4_000},
    *({"prompt": "hi", "max_tokens": wrong} for wrong in NO_INTEGER_ABOVE_ZERO),
)
WRONG_TOKENIZE: tuple[dict[str, Any], ...] = (
    {}, {"prompt": 7}, {"prompt": None}, {"messages": "x"}, {"messages": [7]}, {"prompt": "hi", "model": "gpt-9"},
    {"prompt": "hi", "model": 7},
)  # fmt: skip
WRONG_DETOKENIZE: tuple[dict[str, Any], ...] = (
    {}, {"tokens": "x"}, {"tokens": [-1]}, {"tokens": ["x"]}, {"tokens": [1.5]}, {"tokens": None},
    {"tokens": [5], "model": "gpt-9"},
)  # fmt: skip
UNKNOWN_PATHS = ("/", "/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/v2/models", "/admin", "/../etc", "/%00")


def bad_requests() -> Iterator[tuple[str, str, str, bytes]]:
    """All rows."""
    for path in POSTS:
        for name, raw in BROKEN_BODIES.items():
            yield f"{path} {name}", "POST", path, raw
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            yield f"{method} {path}", method, path, b""
    for path in GETS:
        yield f"POST {path}", "POST", path, b"{}"
    for name, raw in BROKEN_BODIES.items():
        yield f"{FEEDBACK} {name}", "POST", FEEDBACK, raw
        yield f"{ROUTER} {name}", "PUT", ROUTER, raw
    for method, path in (("GET", FEEDBACK), ("POST", ROUTER), ("DELETE", ROUTER), ("GET", ROLLBACK)):
        yield f"{method} {path}", method, path, b""
    for path in UNKNOWN_PATHS:
        yield f"unknown {path}", "POST", path, b"{}"
    yield "too large", "POST", CHAT, json.dumps({**GOOD[CHAT], "x": "y" * 4_000_001}).encode()
    yield from _objects()


def _objects() -> Iterator[tuple[str, str, str, bytes]]:
    """Rows whose body is a JSON object with one thing wrong."""
    for path in (CHAT, COMPLETION):
        for field, values in WRONG_FIELDS.items():
            if path == COMPLETION and field == "tools":
                continue  # that endpoint has no tools, and ignores fields it does not know
            for number, value in enumerate(values):
                yield _row(path, f"{field} {number}", {**GOOD[path], field: value})
    for number, messages in enumerate(WRONG_MESSAGES):
        yield _row(CHAT, f"messages {number}", {**GOOD[CHAT], "messages": messages})
    for field, value in CHAT_ONLY.items():
        yield _row(CHAT, field, {**GOOD[CHAT], field: value})
    for number, prompt in enumerate(WRONG_PROMPTS):
        yield _row(COMPLETION, f"prompt {number}", {**GOOD[COMPLETION], "prompt": prompt})
    rest = ((GENERATE, WRONG_GENERATE), (TOKENIZE, WRONG_TOKENIZE), (DETOKENIZE, WRONG_DETOKENIZE))
    for path, bodies in rest:
        for number, body in enumerate(bodies):
            yield _row(path, str(number), body)


def _row(path: str, name: str, body: dict[str, Any]) -> tuple[str, str, str, bytes]:
    return f"{path} {name}", "POST", path, json.dumps(body).encode()


BAD_REQUESTS = tuple(bad_requests())
