"""What gateway and replica exchange: one request goes in, typed frames come out.

The replica reads its engine's outputs, so nothing downstream parses server-sent events. The gateway forwards `data`
unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from cluster.usage import Usage

MAX_CHUNK_BYTES = 2**20
"""Ray's messages between processes have a greatest size, so no frame may grow with the answer."""

Kind = Literal["chat", "completion", "tokenize", "detokenize"]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """A request as the gateway sends it to a replica."""

    kind: Kind
    body: dict[str, Any]
    """The client's JSON body, validated at the gateway as far as routing needs it."""
    request_id: str
    priority: int = 0
    """Lower numbers are served first."""
    judged_tokens: int = 0
    """The number of first tokens that Progress frames report on, for a gateway that holds the answer back until it has
    judged them. Only for requests for one answer; the client's bytes do not change."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The first frame: the HTTP status."""

    status: int
    streams: bool = False
    """Whether the following chunks are server-sent events; otherwise they are parts of one JSON body."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes for the client, and the tokens in them."""

    data: bytes
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """Log-probability of each token id; empty if the request did not ask for them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an answer that is being judged. It has no bytes. It may come before Opened, because an answer
    that is not streamed opens when it is complete."""

    usage: Usage
    """Tokens so far."""
    logprobs: tuple[float, ...]
    """Log-probability of each new token."""
    margins: tuple[float, ...]
    """How far that is above the log-probability of the best other token."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The last frame of an answer that was not cancelled."""

    usage: Usage = field(default_factory=Usage)
    reason: str | None = None
    """The engine's finish reason (`stop`, `length`, `abort`); None for errors and for calls that generate nothing."""


Frame = Opened | Progress | Chunk | Closed


def in_parts(chunk: Chunk) -> Iterator[Chunk]:
    """Chunks of at most MAX_CHUNK_BYTES with the same bytes; the tokens are those of the first one."""
    yield Chunk(chunk.data[:MAX_CHUNK_BYTES], chunk.token_ids, chunk.logprobs)
    for begin in range(MAX_CHUNK_BYTES, len(chunk.data), MAX_CHUNK_BYTES):
        yield Chunk(chunk.data[begin : begin + MAX_CHUNK_BYTES])
