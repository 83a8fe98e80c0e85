"""What goes into the router and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.wish import Wish


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
    tools: int = 0
    """Tool definitions that came with the request."""
    wish: Wish = field(default_factory=Wish)
    """How it wants to be routed; the model name's own words are in it."""
    conversation: bytes | None = None
    """What the turns of its conversation have in common, as `router.conversations.conversation_key`."""
    last_pool: str | None = None
    """The pool that answered this conversation's last turn, where the gateway knows."""
    generates: bool = True
    """Whether a pool is to generate an answer; False for bodies to tokenize."""
    several: str | None = None
    """The field that asks for more than one answer; None where one is asked for."""


Contributions = tuple[tuple[str, float], ...]
"""Features that mattered with what each added, greatest first."""


@dataclass(frozen=True)
class Prediction:
    """What the quality model expects of every tier."""

    quality: Mapping[str, float]
    """P(the answer is good) by tier, 0..1; every tier is there."""
    output_tokens: Mapping[str, float]
    """Expected length of the answer by tier."""
    fallback: str | None = None
    """Where the learned model had no say: which part of this is no prediction of its, and why."""


@dataclass(frozen=True)
class CalibrationSample:
    """Predictions for queries like those a model was trained on, made out of fold: what lambda starts from."""

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
    """Expected cost of the request in the prices' currency."""
    wait_s: float
    """Predicted wait in the queue, seconds; inf when the pool cannot say."""
    utility: float
    """quality - lambda x cost, plus the bonus for staying; the greatest wins."""


@dataclass(frozen=True)
class RoutingDecision:
    """Where a query goes and why."""

    pool: str
    tier: str
    score: float
    """Complexity, 0..1: how likely the small tier is to fail, by the prediction."""
    reasons: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Pools that were filtered out, with the reason."""
    alternatives: tuple[str, ...] = ()
    """Other pools that could answer, best first."""
    appraisals: Mapping[str, Appraisal] = field(default_factory=dict)
    """Every pool that was weighed."""
    prediction: Prediction | None = None
    """What the quality model said; None when the request pins a pool."""
    cost_lambda: float = 0.0
    """Quality given up per unit of the prices' currency."""
    spilled_from: str | None = None
    """The pool that was better but too busy; None when load changed nothing."""
    woken: str | None = None
    """The pool that would have been chosen and is scaled to zero; `pool` itself where all sleep that may answer."""

    @property
    def demanded(self) -> tuple[str, ...]:
        """Pools whose demand the request is. One that only helps out with its room is no larger for it: the one that
        had none is to grow. A pool that wakes is to grow as well as the one that answers meanwhile."""
        answering = self.spilled_from or self.pool
        return (answering,) if self.woken in (None, answering) else (self.woken, answering)

    @property
    def spilled_up(self) -> bool:
        """Whether load sent the request to a dearer pool."""
        return self.spilled_from is not None and (
            self.appraisals[self.pool].cost > self.appraisals[self.spilled_from].cost
        )


@dataclass(frozen=True)
class RoutingState:
    """What a gateway has learned of its own traffic; a decision is a function of this, too."""

    cost_lambda: float | None = None
    """The budget's price of cost; None: `cost_weight` alone decides."""
    spill_share: float = 0.0
    """Share of recent requests that load sent to a dearer pool, 0..1."""
    tokens_per_s: Mapping[str, float] = field(default_factory=dict)
    """Tokens that a replica generates for all its requests together, by replica id."""
    answer_tokens: Mapping[str, float] = field(default_factory=dict)
    """Mean length of recent answers by pool; the prediction stands in for a pool without any."""


class BadRequest(Exception):
    """The body cannot be answered by any pool; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


NoPoolKind = Literal["unknown_model", "unready", "context", "capability"]
"""Why no pool may answer: no pool has the name, or the filter of `router.filters` that decided."""


class NoPool(Exception):
    """No pool may answer this request; `param` names the field that could be changed, if there is one."""

    def __init__(self, kind: NoPoolKind, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.kind: NoPoolKind = kind
        self.message = message
        self.param = param
