"""The spec's `routing` section: how `model: auto` chooses a pool, what it may cost, and when it escalates."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cluster.part import Name, Part, Text
from cluster.pool import Tier
from cluster.problems import Problems
from cluster.wish import parse_wish


def _is_wish(value: str) -> str:
    parse_wish(value)
    return value


Wishes = Annotated[str, AfterValidator(_is_wish)]


class BudgetSpec(Part):
    """What `auto` requests may cost on average. A controller adjusts lambda to hold it."""

    mean_cost: float | None = Field(default=None, gt=0)
    """Mean cost of a request, in the currency of the pools' prices."""
    large_share: float | None = Field(default=None, ge=0, le=1)
    """Share of requests that the large tier should answer."""
    ceiling: bool = False
    """True: the router spends less than the budget if no more expensive pool is predicted to be better. False: it
    spends the whole budget, because predictions rank requests more reliably than they show a gain above 0."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.mean_cost is None) == (self.large_share is None):
            raise Problems(mean_cost="a budget is one number: set either mean_cost or large_share")
        return self


class EscalationSpec(Part):
    """Asks a higher tier if a cheaper tier's answer is judged to be bad, before the client has received a byte."""

    kind: Literal["confidence", "agreement"] = "confidence"
    """`confidence` judges the first tokens of the cheap answer. `agreement` asks two cheap pools for whole answers and
    accepts them if their final answers are equal (for tasks with comparable answers: numbers, choices). `confidence`
    falls back to agreement for a pool whose engine reports no log-probabilities, if that may pay."""
    from_tiers: tuple[Literal["small", "moe"], ...] = Field(default=("small", "moe"), strict=False, min_length=1)
    """Tiers whose answers are judged."""
    hold_tokens: int = Field(default=24, ge=1, le=1_000)
    """Tokens that the gateway collects before it judges them; a shorter answer is judged whole."""
    hold_s: float = Field(default=0.3, gt=0, le=600)
    """Seconds from the first token after which the answer is judged by the tokens that are there, so that a client of a
    slow pool does not wait longer."""
    model: Text | None = None
    """Coefficients of confidence for exactly the fleet's models: a file like `demo/confidence.json`, relative to the
    spec file or to the working directory. None: an answer is doubtful if its tokens are unusually unlikely for its
    pool. With `learn`, the fleet's labels calibrate both."""
    min_gain: float = Field(default=0.1, ge=0, le=1)
    """Minimum expected gain (0..1), in quality - lambda x the higher tier's cost, for which an answer is dropped."""


class ShadowSpec(Part):
    """Sends a copy of some answered requests to another pool, for learning. Its answers never reach a client.

    The gateway writes queries and both answers to `state_folder`.
    """

    pool: Name
    """The pool that receives the copy if another tier answered."""
    share: float = Field(gt=0, le=1)
    """Share of `auto` requests that are copied."""
    max_ongoing: int = Field(default=4, ge=1)
    """Concurrent shadow requests of one gateway replica; no more are sent above this limit."""


class LearnSpec(Part):
    """Learns from the fleet's own traffic, and improves the router by itself.

    A share of the answered `auto` requests is also sent to another tier while it is idle. If both final answers can be
    compared, the result becomes a label. Feedback becomes labels, too. Labels contain no text. The router changes only
    if labels that it has not seen show that this is better.
    """

    share: float = Field(default=0.1, gt=0, le=1)
    """Share of `auto` requests that another tier answers as well, as far as `max_extra_cost` allows."""
    max_extra_cost: float = Field(default=0.05, gt=0, le=1)
    """Bound on what these answers cost, as a share of the cost of all answers to `auto` requests."""
    max_ongoing: int = Field(default=2, ge=1)
    """Concurrent requests of this kind of one gateway replica."""
    judge: Name | None = None
    """The pool that compares two answers in prose, in both orders. Its requests count as extra cost. None: only final
    answers are compared, and prose gives no label."""
    keep_labels: int = Field(default=5_000, ge=100, le=100_000)
    """Labels to keep; the oldest are dropped."""
    keep_days: float = Field(default=30.0, gt=0, le=3_650)
    """Age of a label after which it no longer counts."""
    frozen: bool = False
    """True: labels are collected, but the router does not change."""


class FeedbackSpec(Part):
    """Keeps the scores that clients send for answers (`POST /v1/feedback`), with the text of the query."""

    keep_requests: int = Field(default=10_000, ge=1, le=1_000_000)
    """Answered requests that a gateway replica remembers; feedback for an older one fails with 404."""
    keep_mib: int = Field(default=64, ge=1, le=4_096)
    """Memory for the texts of those requests, in MiB; the oldest are forgotten earlier if it is full."""


class RoutingSpec(Part):
    """How `model: auto` chooses a pool: by predicted quality minus cost, within a budget, and by load."""

    artifact: Text | None = None
    """The learned quality model: a file from `signalbox router train OUTCOMES`, relative to the spec file or to the
    working directory. None: the built-in difficulty score with `ladder`. `rules`: hand-written rules only."""
    ladder: dict[Tier, Annotated[float, Field(ge=0, le=2)]] | None = None
    """Difficulty (0..1) at which a tier's answer is as likely good as bad, by tier. Tiers that are not named get it
    from public benchmarks of their models, or the default if a model is unknown (`signalbox check` shows them)."""
    cost_weight: float = Field(default=0.2, ge=0, le=10)
    """Predicted quality (0..1) to give up for saving what a request costs in the most expensive pool that may answer
    it. With a budget, it is only the controller's starting point until the first measurements."""
    default: Wishes = "auto"
    """Preferences of requests that use plain `auto`, such as `auto:quality=0.8` (docs/routing.md)."""
    budget: BudgetSpec | None = None
    """The mean spend to hold. None: `cost_weight` alone decides."""
    escalation: EscalationSpec | None = EscalationSpec()
    """Second opinions. `null`: the client always receives the first pool's answer."""
    shadow: ShadowSpec | None = None
    """Shadow requests for learning. None: no request is copied."""
    learn: LearnSpec | None = None
    """Learning from own traffic. None: the router does not change by itself. `{}`: with the defaults."""
    feedback: FeedbackSpec | None = None
    """Scores from clients. None: requests are not remembered and scores are rejected. `{}`: with the defaults."""
    max_wait_s: float = Field(default=10.0, gt=0)
    """Longest predicted wait in a pool's queue; a request that would wait longer spills to the next best pool."""
    max_spill_share: float = Field(default=0.5, ge=0, le=1)
    """Bound on spilling up: the share of recent requests that may spill to a more expensive pool."""
    max_quality_loss: float = Field(default=0.3, ge=0, le=1)
    """Bound on spilling down: predicted quality (0..1) that a request may lose."""
    switch_gain: float = Field(default=0.05, ge=0, le=1)
    """Gain in quality minus lambda x cost for which a conversation leaves its last pool, whose KV cache holds its
    prefix."""
    state_folder: Text | None = None
    """Folder for what must survive a restart: the budget's account, feedback and the artifact in use. None: a folder
    named after the fleet in the user's cache. On Kubernetes it is on a volume that the head and the gateways share."""
