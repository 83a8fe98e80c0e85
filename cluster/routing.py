"""The spec's `routing` section: how `model: auto` finds its pool, what it may cost, and when it asks a second one."""

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
    """What `auto` requests may cost on average; a controller moves the price of quality so that it holds."""

    mean_cost: float | None = Field(default=None, gt=0)
    """Mean cost of a request, in the currency of the pools' prices."""
    large_share: float | None = Field(default=None, ge=0, le=1)
    """Share of requests that the large tier answers."""
    ceiling: bool = False
    """True: less is spent where no dearer pool is predicted to be better. False: the budget is held from both sides,
    since the order of predictions can be trusted further than their sign."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.mean_cost is None) == (self.large_share is None):
            raise Problems(mean_cost="a budget is one number: set either mean_cost or large_share")
        return self


class EscalationSpec(Part):
    """Asking a higher tier after a cheaper one has spoken, before the client has seen a byte."""

    kind: Literal["confidence", "agreement"] = "confidence"
    """`confidence` judges the first tokens of the cheap answer; `agreement` asks two cheap pools for whole answers and
    believes them when their final answers are the same (for tasks whose answer can be compared: numbers, choices)."""
    from_tiers: tuple[Literal["small", "moe"], ...] = Field(default=("small", "moe"), strict=False, min_length=1)
    """Tiers whose answers are judged."""
    hold_tokens: int = Field(default=24, ge=1, le=1_000)
    """Tokens held back before the judgement; a shorter answer is judged whole."""
    model: Text | None = None
    """Coefficients of confidence for these very models: a file like `demo/confidence.json`, relative to the spec file
    or to the working directory. None: the typical probability of a token, which is calibrated for no model."""
    min_gain: float = Field(default=0.1, ge=0, le=1)
    """Expected quality (0..1) that the higher tier must add, after the price of asking it, for the answer to be
    dropped."""


class ShadowSpec(Part):
    """A share of requests is also asked of another pool, to learn from; its answers never reach a client.

    Queries and both answers are written to `state_folder`.
    """

    pool: Name
    """The pool that is asked as well, where another tier answered."""
    share: float = Field(gt=0, le=1)
    """Share of `auto` requests."""
    max_ongoing: int = Field(default=4, ge=1)
    """Shadow requests of one gateway replica at a time; beyond them none is sent."""


class FeedbackSpec(Part):
    """Scores that clients send for answers they got (`POST /v1/feedback`), kept with the text of the query."""

    keep_requests: int = Field(default=10_000, ge=1, le=1_000_000)
    """Answered requests a gateway replica remembers; feedback for an older one is refused with 404."""
    keep_mib: int = Field(default=64, ge=1, le=4_096)
    """Memory for the texts of those requests, in MiB; beyond it the oldest are forgotten earlier."""


class RoutingSpec(Part):
    """How `model: auto` chooses a pool: predicted quality against cost, within a budget, aware of load."""

    artifact: Text | None = None
    """The learned quality model: a file that `signalbox router train OUTCOMES` wrote, relative to the spec file or to
    the working directory. None: the difficulty score that ships, and `ladder`. `rules`: hand-written rules only."""
    ladder: dict[Tier, Annotated[float, Field(ge=0, le=2)]] | None = None
    """Difficulty (0..1) at which a tier's answer is as likely good as bad, by tier; tiers that are left out keep the
    default. Raise a tier's number if its model is stronger than is usual for the tier."""
    cost_weight: float = Field(default=0.2, ge=0, le=10)
    """Predicted quality (0..1) that is given up to save what a request costs in the most expensive pool that may answer
    it. With a budget it is only where the controller starts from when nothing is known yet."""
    default: Wishes = "auto"
    """What requests that say `auto` and nothing else wish, such as `auto:quality=0.8` (docs/routing.md)."""
    budget: BudgetSpec | None = None
    """Mean spend to hold; None: `cost_weight` alone decides."""
    escalation: EscalationSpec | None = None
    """Second opinions; None: the first pool's answer is the answer."""
    shadow: ShadowSpec | None = None
    """Learning traffic; None: none."""
    feedback: FeedbackSpec | None = None
    """Scores from clients; None: no request is remembered and none is taken. `{}`: with the defaults."""
    max_wait_s: float = Field(default=10.0, gt=0)
    """A pool in whose queue a request would wait longer loses to the next best one (it spills)."""
    max_spill_share: float = Field(default=0.5, ge=0, le=1)
    """Bound on spilling up: the share of a fleet's recent requests that load may send to a dearer pool."""
    max_quality_loss: float = Field(default=0.3, ge=0, le=1)
    """Bound on spilling down: predicted quality (0..1) that load may cost a request."""
    switch_gain: float = Field(default=0.05, ge=0, le=1)
    """A conversation stays in its pool (whose KV cache knows it) unless another one is better by so much, quality and
    cost together."""
    state_folder: Text | None = None
    """Folder for what must survive a restart: the budget's account, feedback, the artifact in use. None: a folder named
    after the fleet in the user's cache. On Kubernetes a volume that the head and the gateways share."""
