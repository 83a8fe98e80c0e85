"""Builds OpenAI responses from tokens for engines without a serving layer: text, stops, log-probabilities, events."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from cluster.usage import Usage
from deployments.engines.batch.openai_body import GenerationParameters

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class TokenOut:
    """A generated token of one choice. The last one has the finish reason."""

    choice: int
    token_id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    reason: str | None = None


@dataclass
class Choice:
    """One answer in generation: turns tokens into text that may be sent."""

    index: int
    tokenizer: Tokenizer
    parameters: GenerationParameters
    prompt_ids: tuple[int, ...]
    reason: str | None = None
    completion_tokens: int = 0
    unsent: str = ""
    """Text that waits to be sent or may be the start of a stop string."""
    text_sent: int = 0
    tokens: list[TokenOut] = field(default_factory=list)
    """Tokens that have not been sent."""

    def __post_init__(self) -> None:
        # The decoder needs the prompt's end, because a tokenizer decodes the first token of a text differently.
        skip = self.parameters.skip_special_tokens
        self.decoder = DecodeStream(ids=list(self.prompt_ids[-8:]), skip_special_tokens=skip)

    def take(self, token: TokenOut) -> None:
        """Add a token. The answer ends before a stop string. Later tokens are ignored."""
        if self.reason:
            return
        self.completion_tokens += 1
        self.tokens.append(token)
        is_end = token.reason == "stop"
        if not (is_end and self.parameters.skip_special_tokens):
            self.unsent += self.decoder.step(self.tokenizer, token.token_id) or ""
        stops = [place for stop in self.parameters.stop if (place := self.unsent.find(stop)) >= 0]
        if stops:
            self.unsent, self.reason = self.unsent[: min(stops)], "stop"
        else:
            self.reason = token.reason

    def ready_text(self) -> str:
        """Text to send now, without an end that may become a stop string."""
        held = 0 if self.reason else max((_overlap(self.unsent, stop) for stop in self.parameters.stop), default=0)
        cut = len(self.unsent) - held
        text, self.unsent = self.unsent[:cut], self.unsent[cut:]
        self.text_sent += len(text)
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest suffix of the text that is a prefix of the stop string."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


class Writer:
    """Writes one request's response in OpenAI's format."""

    def __init__(
        self, kind: str, request_id: str, model: str, tokenizer: Tokenizer, parameters: GenerationParameters
    ) -> None:
        self.is_chat = kind == "chat"
        self.tokenizer, self.parameters = tokenizer, parameters
        prefix = "chatcmpl-" if self.is_chat else "cmpl-"
        self.head = {"id": f"{prefix}{request_id}", "created": int(time.time()), "model": model}

    def opening_events(self, choices: list[Choice]) -> bytes:
        """The events with the role that open a chat stream."""
        if not self.is_chat:
            return b""
        delta = {"role": "assistant", "content": ""}
        return b"".join(self._event([self._streamed(choice, delta, None)]) for choice in choices)

    def event(self, choice: Choice) -> bytes:
        """The event with a choice's new text and tokens."""
        tokens, choice.tokens = choice.tokens, []
        offset, text = choice.text_sent, choice.ready_text()
        logprobs = self._logprobs(tokens, offset)
        delta = {"content": text} if self.is_chat else {"text": text}
        return self._event([self._streamed(choice, delta, logprobs)])

    def closing_events(self, usage: Usage) -> bytes:
        """The events that close a stream."""
        counts = b""
        if self.parameters.includes_usage:
            counts = _sse(self.head | {"object": self._object(), "choices": [], "usage": usage.as_openai()})
        return counts + DONE

    def body(self, choices: list[Choice], usage: Usage) -> bytes:
        """The body of a response without streaming."""
        written = []
        for choice in choices:
            logprobs, text = self._logprobs(choice.tokens, 0), choice.ready_text()
            content = {"message": {"role": "assistant", "content": text}} if self.is_chat else {"text": text}
            written.append({"index": choice.index, **content, "logprobs": logprobs, "finish_reason": choice.reason})
        kind = "chat.completion" if self.is_chat else "text_completion"
        return json.dumps(self.head | {"object": kind, "choices": written, "usage": usage.as_openai()}).encode()

    def _object(self) -> str:
        return "chat.completion.chunk" if self.is_chat else "text_completion"

    def _streamed(self, choice: Choice, delta: dict[str, Any], logprobs: Any) -> dict[str, Any]:
        content = {"delta": delta} if self.is_chat else delta
        return {"index": choice.index, **content, "logprobs": logprobs, "finish_reason": choice.reason}

    def _event(self, choices: list[dict[str, Any]]) -> bytes:
        return _sse(self.head | {"object": self._object(), "choices": choices})

    def _logprobs(self, tokens: list[TokenOut], offset: int) -> dict[str, Any] | None:
        if self.parameters.logprobs is None:
            return None
        if self.is_chat:
            return {"content": [self._entry(t.token_id, t.logprob) | {"top_logprobs": self._top(t)} for t in tokens]}
        texts = [self._text(token.token_id) for token in tokens]
        return {
            "tokens": texts,
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [{self._text(token_id): value for token_id, value in self._shown(t)} for t in tokens],
            "text_offset": [offset + sum(map(len, texts[:i])) for i in range(len(texts))],
        }

    def _top(self, token: TokenOut) -> list[dict[str, Any]]:
        return [self._entry(token_id, logprob) for token_id, logprob in self._shown(token)]

    def _shown(self, token: TokenOut) -> tuple[tuple[int, float], ...]:
        """The requested number of most likely tokens. A judged request samples with more."""
        return token.top[: self.parameters.logprobs]

    def _entry(self, token_id: int, logprob: float | None) -> dict[str, Any]:
        text = self._text(token_id)
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    def _text(self, token_id: int) -> str:
        return self.tokenizer.decode([token_id], skip_special_tokens=False)


def _sse(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()
