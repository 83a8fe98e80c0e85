"""`POST /generate`: a simple form of a chat, {prompt, system_prompt, max_tokens} -> {text, usage}."""

from __future__ import annotations

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from deployments.gateway.fields import read_fields


class PlainRequest(BaseModel):
    """The body of POST /generate."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prompt: str = Field(min_length=1)
    system_prompt: str = "You are a helpful assistant."
    max_tokens: int = Field(default=512, gt=0)
    model: str = "auto"

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """Check a body.

        Raises:
            HttpError: 400 that names the field.
        """
        return read_fields(cls, body)

    def as_chat(self) -> dict[str, Any]:
        """Return the same question as a chat completion body."""
        messages = [
            {"role": "system", "content": self.system_prompt},
            {"role": "user", "content": self.prompt},
        ]
        return {"model": self.model, "messages": messages, "max_tokens": self.max_tokens}


def plain_answer(chat: bytes) -> bytes:
    """Return a chat completion's body as {text, usage}."""
    body = json.loads(chat)
    usage = {key: body["usage"][key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
    return json.dumps({"text": body["choices"][0]["message"]["content"] or "", "usage": usage}).encode()
