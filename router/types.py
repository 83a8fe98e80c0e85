"""Inputs and outputs of the router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.wish import Wish


@dataclass(frozen=True)
class RoutingRequest:
    """The parts of a request that routing reads."""

    text: str
    """The task: what the request asks for, from `router.task`. For most requests it is the last user message."""
    system: str = ""
    """System prompts, joined."""
    turns: int = 1
    """Number of messages in the conversation."""
    prompt_tokens: int = 0
    """Estimated tokens of everything that the template renders; of several prompts, those of the longest."""
    max_tokens: int | None = None
    """Maximum tokens of the answer; None if the request sets no limit."""
    needs: frozenset[str] = frozenset()
    """Capabilities that the answer needs: `tools`, `vision`, `structured_outputs`."""
    model: str = "auto"
    """The model name as the client sent it."""
    tools: int = 0
    """Number of tool definitions in the request."""
    wish: Wish = field(default_factory=Wish)
    """The request's preferences, including those in its model name."""
    conversation: bytes | None = None
    """Key of the conversation, from `router.conversations.conversation_key`."""
    last_pool: str | None = None
    """The pool that answered this conversation's last turn; None if the gateway does not know."""
    generates: bool = True
    """Whether a pool generates an answer; False for bodies to tokenize."""
    several: str | None = None
    """The field that asks for more than one answer; None if the request asks for one."""
    context_characters: int = 0
    """Characters of documents, code or quotes that came with the task and are not part of the text."""
    prompt_error: float = 0.0
    """Relative error of prompt_tokens: the true number is within a factor of 1 + error; 0 if it is exact."""
    other_prompt_tokens: int = 0
    """Estimated tokens of the other prompts of a list: they cost, but do not share a context."""
    sequences: int = 1
    """Number of sequences to generate for all prompts together."""
    doubted: frozenset[str] = frozenset()
    """Pools whose answers in this conversation were dropped."""
    drops: int = 0
    """Answers that were dropped in this conversation so far."""


Contributions = tuple[tuple[str, float], ...]
"""Features that mattered, with what each added; largest first."""


@dataclass(frozen=True)
class Prediction:
    """What the quality model expects from every tier."""

    quality: Mapping[str, float]
    """P(the answer is good) for every tier, 0..1."""
    output_tokens: Mapping[str, float]
    """Expected tokens of the answer, by tier."""
    fallback: str | None = None
    """Which part of this is not from the learned model, and why; None if all of it is."""


@dataclass(frozen=True)
class CalibrationSample:
    """Out-of-fold predictions for queries like those a model was trained on. They set the first lambda."""

    quality: NDArray[np.float64]
    """P(good), shape (queries, 3), tiers in the order of `cluster.pool.TIERS`."""
    output_tokens: NDArray[np.float64]
    """Expected answer tokens, same shape."""
    prompt_tokens: NDArray[np.float64]
    """Estimated prompt tokens, shape (queries,)."""


@dataclass(frozen=True)
class Appraisal:
    """One pool as a candidate for one request."""

    quality: float
    """Predicted P(the answer is good), 0..1."""
    cost: float
    """Expected cost of the request, in the prices' currency."""
    wait_s: float
    """Predicted wait in the queue, seconds; inf if unknown."""
    utility: float
    """quality - lambda x cost, plus the bonus for the conversation's last pool. The largest utility wins."""


@dataclass(frozen=True)
class RoutingDecision:
    """The pool for a request, and why."""

    pool: str
    tier: str
    score: float
    """Complexity, 0..1: the predicted probability that the small tier fails."""
    reasons: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Pools that a filter excluded, with the reason."""
    alternatives: tuple[str, ...] = ()
    """Other pools that could answer, best first."""
    appraisals: Mapping[str, Appraisal] = field(default_factory=dict)
    """Every candidate pool."""
    prediction: Prediction | None = None
    """The quality model's prediction; None for a pinned request."""
    cost_lambda: float = 0.0
    """Quality given up per unit of the prices' currency."""
    spilled_from: str | None = None
    """The pool that was better but too busy; None if load did not change the choice."""
    woken: str | None = None
    """The pool at zero replicas that would have been chosen; it is `pool` if all pools that may answer are at zero."""

    @property
    def demanded(self) -> tuple[str, ...]:
        """Pools for which the request counts as demand.

        A spilled request counts for the pool it spilled from, not for the one that absorbed it. If a pool starts from
        zero replicas, the request counts both for that pool and for the one that answers meanwhile.
        """
        answering = self.spilled_from or self.pool
        return (answering,) if self.woken in (None, answering) else (self.woken, answering)

    @property
    def spilled_up(self) -> bool:
        """Whether load sent the request to a more expensive pool."""
        return self.spilled_from is not None and (
            self.appraisals[self.pool].cost > self.appraisals[self.spilled_from].cost
        )


@dataclass(frozen=True)
class RoutingState:
    """What a gateway has learned from its own traffic. A decision depends on it as well."""

    cost_lambda: float | None = None
    """Quality given up per unit of cost, as the budget sets it; None: `cost_weight` alone decides."""
    spill_share: float = 0.0
    """Share of recent requests that load sent to a more expensive pool, 0..1."""
    tokens_per_s: Mapping[str, float] = field(default_factory=dict)
    """Tokens per second that a replica generates for all its requests together, by replica id."""
    answer_tokens: Mapping[str, float] = field(default_factory=dict)
    """Mean tokens of recent answers, by pool; a pool without recent answers uses the prediction."""


class BadRequest(Exception):
    """No pool can answer the body because it is invalid; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


NoPoolKind = Literal["unknown_model", "unready", "context", "capability"]
"""Why no pool may answer: an unknown model name, or the decisive filter of `router.filters`."""


class NoPool(Exception):
    """No pool may answer this request; `param` names the field to change, or is None if no change would help."""

    def __init__(self, kind: NoPoolKind, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.kind: NoPoolKind = kind
        self.message = message
        self.param = param
