"""The body of `POST /v1/route`: a chat completion's, or a plain text."""

from __future__ import annotations

from typing import Any

from deployments.gateway.errors import HttpError
from router.checks import shown


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """A chat body; `{"input": text}` is short for one with a single user message.

    Raises:
        HttpError: 400 for an input that is no text, or that stands beside messages.
    """
    if "input" not in body:
        return body
    text = body["input"]
    if not isinstance(text, str):
        raise HttpError(400, f"input is {shown(text)}: write a text, or messages instead", param="input")
    if "messages" in body:
        raise HttpError(400, "input and messages both stand in the body: write one of them.", param="input")
    others = {name: value for name, value in body.items() if name != "input"}
    return {**others, "messages": [{"role": "user", "content": text}]}
