"""What flows between gateway and replica: one request object in, typed frames out.

The replica taps its engine's outputs, so nobody downstream parses server-sent events; the gateway passes `data` on
unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from cluster.usage import Usage

Kind = Literal["chat", "completion", "tokenize", "detokenize"]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """A request as the gateway hands it to a replica."""

    kind: Kind
    body: dict[str, Any]
    """The client's JSON body, validated at the gateway as far as routing needs it."""
    request_id: str
    priority: int = 0
    """Lower is served first."""
    judged_tokens: int = 0
    """How many first tokens are reported on in Progress frames, for a gateway that holds the answer back until it has
    judged them. Only for requests of one answer; the client's bytes stay what they would be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The first frame: the HTTP status is decided."""

    status: int
    streams: bool = False
    """Whether the chunks that follow are server-sent events (else: parts of one JSON body)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes for the client, and the tokens they stand for."""

    data: bytes
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """Log-probability of each token id; empty where the engine was not asked for them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the engine has made of an answer that is being judged. Carries no bytes, and may come before Opened: a whole
    answer opens when it is complete."""

    usage: Usage
    """So far."""
    logprobs: tuple[float, ...]
    """Log-probability of each new token."""
    margins: tuple[float, ...]
    """By how much that is above the best other token's."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The last frame of an answer that ended by itself."""

    usage: Usage = field(default_factory=Usage)
    reason: str | None = None
    """The engine's finish reason (`stop`, `length`, `abort`), None for errors and unary calls."""


Frame = Opened | Progress | Chunk | Closed
