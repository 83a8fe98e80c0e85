"""The messages between the fleet board and the processes that call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from autoscaling.types import PoolDemand
from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.records import Decided, Limits, Recent, Totals
from router.budget.controller import Account
from router.confidence.calibration import Curve


@dataclass(frozen=True)
class Booked:
    """What a gateway replica booked on the budget since its last report."""

    budget: Mapping[str, Any]
    """The spec's `routing.budget`, JSON-ready: the account belongs to it."""
    account: Account


class SharedAccount(NamedTuple):
    """The budget's account of all gateway replicas."""

    account: Account
    sharers: int
    """Gateway replicas that share it."""


@dataclass(frozen=True)
class AnsweredRequests:
    """Requests that a gateway replica answered: their feedback may arrive at another one."""

    limits: Limits
    requests: Sequence[Recent]


@dataclass(frozen=True)
class GatewayReport:
    """What a gateway replica tells the board in one exchange."""

    gateway: str
    """Random id of the gateway replica's process."""
    demand: Mapping[str, PoolDemand]
    totals: Totals
    """Cumulative, so that a lost report loses nothing."""
    booked: Booked | None = None
    """None without a budget."""
    answered: AnsweredRequests | None = None
    """Only new ones, and not many at a time; None if there are none."""
    labels: Sequence[Mapping[str, Any]] = ()
    """New labels (`router.labels.as_line`), not many at a time."""


@dataclass(frozen=True)
class ArtifactVersion:
    """One artifact that was put in use."""

    version: str
    """Its number in the order of use and the beginning of its SHA-256."""
    since_s: float
    """Unix time when it was put in use."""
    bytes: int


@dataclass(frozen=True)
class ArtifactState:
    """Which artifact decides."""

    version: str | None = None
    """None: the spec's own."""
    since_s: float | None = None
    """Unix time of the last change; None without one."""
    previous: tuple[ArtifactVersion, ...] = ()
    """What a rollback returns to, newest first; after the last one, the spec's own."""


@dataclass(frozen=True)
class LearningState:
    """What the fleet has learned from its own traffic."""

    labels: Mapping[str, int]
    """Labels by source."""
    frozen: bool
    """Whether labels are only collected."""
    running: bool
    """Whether a candidate is being trained."""
    version: str | None
    """The artifact in use, if it was learned."""
    verdict: Mapping[str, Any] | None
    """The newest verdict on a candidate, from `training.relearn`; None before the first one."""
    verdict_at_s: float | None
    """Unix time of the verdict."""
    problem: str | None
    """Why nothing is learned now."""
    confidence: Mapping[str, Curve] = field(default_factory=dict)
    """Calibration of confidence by pool; pools with few labels have none."""


@dataclass(frozen=True)
class ArtifactChange:
    """The result of putting an artifact in use, or of a rollback."""

    changed: bool
    """False if there was nothing to roll back to."""
    state: ArtifactState


@dataclass(frozen=True)
class BoardView:
    """What the board tells a gateway replica in one exchange."""

    reports: Sequence[ReplicaState] | None
    """The newest report of every replica; None from a board that has just started and may not know all of them."""
    scaling: Mapping[str, Decided]
    """The newest scaling decisions by pool."""
    totals: Totals
    """Of all gateway replicas since the board started."""
    artifact: ArtifactState
    budget: SharedAccount | None = None
    """None without a budget."""
    learning: LearningState | None = None
    """None in a fleet that does not learn from its traffic."""
    has_spec: bool = True
    """False from a board that has just started: it drops labels until a gateway replica tells it the spec."""


@dataclass(frozen=True)
class ScalingView:
    """What the board tells the scaling policy in one exchange."""

    reports: Sequence[ReplicaState] | None
    """As in BoardView."""
    demand: Mapping[str, PoolDemand]
    """Of all gateway replicas, by pool."""
    spec: FleetSpec | None
    """The applied spec; None from a board that has just started."""


@dataclass(frozen=True)
class ScalingLog:
    """Scaling decisions, for people."""

    current: Mapping[str, Decided]
    """The newest by pool."""
    log: Sequence[Decided]
    """Those that changed something or met a problem, newest first."""
