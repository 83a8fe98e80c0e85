"""An SLA planner after NVIDIA Dynamo's. It expects the next interval to be like the last, and sizes the pool with a
profile of the engine.

    replica time per request = prompt tokens / prompt rate + answer tokens / answer rate at the TPOT of the SLO
    desired = ceil(requests/s of the last interval x replica time per request), at least 1
    correction = observed TPOT / expected TPOT; the answer rate is then the one at TPOT of the SLO / correction

Source: ai-dynamo/dynamo: docs/planner/sla_planner.md and components/planner/src/dynamo/planner/utils/planner_core.py at
0761925 (constant predictor, decode correction factor), components/src/dynamo/planner/core/throughput_scaling.py at
0c9050c (replicas with prefill and decode: one rate of requests; at least one replica) and config/defaults.py (180 s
between adjustments). Dynamo interpolates measured profiles. Here the profile is a line, TPOT = unloaded + slope x
batch, through the two points of `Capacity`, and the observed TPOT is requests in the batch divided by tokens per
second. The utilization parameter is our addition for tuning: Dynamo's users change the SLA instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.load import generation_rate
from cluster.part import Part
from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from simulation.baselines.knowledge import NO_KNOWLEDGE, Capacity, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Proposal
from simulation.baselines.windows import Every


class SlaParameters(Part):
    """Parameters of the planner."""

    interval_s: float = Field(default=180.0, gt=0)
    """Seconds between adjustments, and window of the observed load."""
    utilization_ratio: float = Field(default=1.0, ge=0.01, le=1)
    """Share of the profiled rates to plan for, 0..1."""
    correction: float = Field(default=1.0, ge=0, le=1)
    """1 corrects the profile with the observed TPOT, 0 does not (`--no-correction`)."""


GRID: list[Point] = [
    {"interval_s": interval, "utilization_ratio": share}
    for interval in (60, 180)
    for share in (0.3, 0.45, 0.6, 0.8, 1.0)
]


def sla_planner(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs `capacity`.

    Raises:
        ValueError: a parameter is invalid, or a pool's capacity is missing.
    """
    chosen = read_parameters(SlaParameters, "sla-planner", parameters)
    capacity = {pool: knowledge.capacity_of("sla-planner", pool) for pool in spec.pools}
    return PerPoolPolicy(spec, lambda pool, bounds: SlaRule(capacity[pool], chosen), floor=1)


@dataclass(frozen=True)
class Traffic:
    """Load of a pool in one interval."""

    requests_per_s: float
    prompt_tokens: float
    """Mean prompt length; 0 without requests."""
    answer_tokens: float
    """Mean answer length; 0 without requests."""


class SlaRule:
    """One pool's planner."""

    def __init__(self, capacity: Capacity, parameters: SlaParameters) -> None:
        self._capacity = capacity
        self._parameters = parameters
        self._interval = Every(parameters.interval_s)
        self._traffic: list[Traffic] = []
        self._batches: list[float] = []
        self._earlier: dict[str, ReplicaState] | None = None

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        demand = signals.demand
        if now_s - signals.demand_as_of_s <= self._parameters.interval_s:
            self._traffic.append(Traffic(demand.arrivals_per_s, demand.prompt_tokens, demand.answer_tokens))
        if signals.replicas:
            self._batches.append(sum(replica.running for replica in signals.replicas) / signals.ready)
        if not self._interval.due(now_s):
            return None
        earlier, self._earlier = self._earlier, {replica.replica_id: replica for replica in signals.replicas}
        traffic, self._traffic = self._traffic, []
        batches, self._batches = self._batches, []
        if earlier is None or not traffic:  # the first call only starts the first interval
            return None
        return self._plan(signals, interval_traffic(traffic), observed_tpot(earlier, signals.replicas, batches))

    def _plan(self, signals: PoolSignals, traffic: Traffic, observed: tuple[float, float] | None) -> Proposal:
        """Replicas for an interval like the last one."""
        tpot_s = self._capacity.slo_tpot_s
        if observed and self._parameters.correction:
            tpot_s /= self._correction(signals.ready, traffic, *observed)
        busy_s = request_time_s(self._capacity, traffic, tpot_s) / self._parameters.utilization_ratio
        reason = f"{traffic.requests_per_s:.2f} requests/s expected, {busy_s:.2f} s of a replica each"
        return Proposal(max(1, traffic.requests_per_s * busy_s), reason)

    def _correction(self, ready: int, traffic: Traffic, tpot_s: float, batch: float) -> float:
        """Observed TPOT divided by expected TPOT, without the share of time that prompts take."""
        share = traffic.requests_per_s * traffic.prompt_tokens / ready / self._capacity.prompt_tokens_per_s
        return tpot_s / expected_tpot_s(self._capacity, batch) * (1 - min(0.9, share))


def observed_tpot(
    earlier: Mapping[str, ReplicaState], replicas: Iterable[ReplicaState], batches: Sequence[float]
) -> tuple[float, float] | None:
    """(TPOT in seconds, mean requests in a batch) over an interval; None if nothing was generated.

    Args:
        earlier: reports from the interval's start, by replica.
        replicas: reports from its end.
        batches: mean requests in a replica's batch, sampled evenly over the interval.
    """
    pairs = [(earlier.get(replica.replica_id), replica) for replica in replicas]
    rates = [rate for before, after in pairs if before and (rate := generation_rate(before, after))]
    batch = sum(batches) / len(batches) if batches else 0.0
    return (batch * len(rates) / sum(rates), batch) if rates and batch else None


def interval_traffic(samples: list[Traffic]) -> Traffic:
    """Mean over evenly spaced samples. Lengths are means over requests."""
    arrivals = sum(sample.requests_per_s for sample in samples)
    if not arrivals:
        return Traffic(0.0, 0.0, 0.0)
    prompts = sum(sample.requests_per_s * sample.prompt_tokens for sample in samples) / arrivals
    answers = sum(sample.requests_per_s * sample.answer_tokens for sample in samples) / arrivals
    return Traffic(arrivals / len(samples), prompts, answers)


def request_time_s(capacity: Capacity, traffic: Traffic, tpot_s: float) -> float:
    """Seconds of replica time that a request takes at a TPOT. Unknown lengths count as one token."""
    prompt_s = max(1.0, traffic.prompt_tokens) / capacity.prompt_tokens_per_s
    return prompt_s + max(1.0, traffic.answer_tokens) / answer_rate(capacity, tpot_s)


def expected_tpot_s(capacity: Capacity, batch: float) -> float:
    """Expected TPOT at a batch size, on the profile's line through an empty batch and the batch at the SLO."""
    full_batch = capacity.answer_tokens_per_s * capacity.slo_tpot_s
    return capacity.unloaded_tpot_s + (capacity.slo_tpot_s - capacity.unloaded_tpot_s) * batch / full_batch


def answer_rate(capacity: Capacity, tpot_s: float) -> float:
    """Tokens per second of a replica with the largest batch that a TPOT allows, at least one request."""
    slope_s = expected_tpot_s(capacity, 1) - capacity.unloaded_tpot_s
    batch = max(1.0, (tpot_s - capacity.unloaded_tpot_s) / slope_s)
    return batch / expected_tpot_s(capacity, batch)
