"""What goes into the router and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RoutingRequest:
    """A query as far as routing looks at it."""

    text: str
    """The last user turn."""
    system: str = ""
    """System prompts, joined."""
    turns: int = 1
    """Messages of the conversation."""
    prompt_tokens: int = 0
    """Estimate over the whole conversation."""
    max_tokens: int | None = None
    """Requested length of the answer."""
    needs: frozenset[str] = frozenset()
    """Capabilities the answer takes: `tools`, `vision`, `structured_outputs`."""
    model: str = "auto"
    """As the client wrote it."""


@dataclass(frozen=True)
class RoutingDecision:
    """Where a query goes and why."""

    pool: str
    tier: str
    score: float
    """Complexity, 0..1."""
    reasons: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Pools that were filtered out, with the reason."""
    alternatives: tuple[str, ...] = ()
    """Other pools that could answer, best first."""


class BadRequest(Exception):
    """The body cannot be answered by any pool; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class NoPool(Exception):
    """No pool may answer this request; status and code are those of the HTTP error."""

    def __init__(self, status: int, code: str, message: str, param: str | None = "model") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
