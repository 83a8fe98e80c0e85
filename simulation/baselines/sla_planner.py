"""A planner for an SLA, after NVIDIA Dynamo's: the next interval is expected to be like the last, and gets the replicas
that a profile of the engine says it needs.

    replica's time for a request = prompt tokens / prompt rate + answer tokens / answer rate at the TPOT of the SLO
    desired = ceil(requests/s of the last interval x replica's time for a request), at least 1
    correction = TPOT observed / TPOT expected; the answer rate is then that at TPOT of the SLO / correction

Source: ai-dynamo/dynamo: docs/planner/sla_planner.md and components/planner/src/dynamo/planner/utils/planner_core.py at
0761925 (constant predictor, decode correction factor), components/src/dynamo/planner/core/throughput_scaling.py at
0c9050c (replicas that both read and generate: one rate of requests; at least one replica) and config/defaults.py (180 s
between adjustments). Dynamo interpolates measured profiles; here the profile is a line, TPOT = unloaded + slope x
batch, through the two points of `Capacity`, and TPOT is observed as requests in the batch over tokens per second. How
much of the profiled rate is planned for is ours, for tuning: Dynamo's users move the SLA instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.load import generation_rate
from cluster.pool import Part
from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from simulation.baselines.knowledge import NOTHING, Capacity, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Wish
from simulation.baselines.windows import Every


class SlaParameters(Part):
    """Parameters of the planner."""

    interval_s: float = Field(default=180.0, gt=0)
    """Time between adjustments, and what the load is observed over."""
    utilization_ratio: float = Field(default=1.0, ge=0.01, le=1)
    """Share of the profiled rates that is planned for."""
    correction: float = Field(default=1.0, ge=0, le=1)
    """1 corrects the profile by what is observed, 0 does not (`--no-correction`)."""


GRID: list[Point] = [
    {"interval_s": interval, "utilization_ratio": share}
    for interval in (60, 180)
    for share in (0.3, 0.45, 0.6, 0.8, 1.0)
]


def sla_planner(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NOTHING) -> PerPoolPolicy:
    """The policy. Reads `capacity`.

    Raises:
        ValueError: a parameter is wrong, or a pool's capacity was not told.
    """
    chosen = read_parameters(SlaParameters, "sla-planner", parameters)
    capacity = {pool: knowledge.capacity_of("sla-planner", pool) for pool in spec.pools}
    return PerPoolPolicy(spec, lambda pool, bounds: SlaRule(capacity[pool], chosen), floor=1)


@dataclass(frozen=True)
class Traffic:
    """What one interval brought to a pool."""

    requests_per_s: float
    prompt_tokens: float
    """Mean prompt; 0 without requests."""
    answer_tokens: float
    """Mean answer; 0 without requests."""


class SlaRule:
    """One pool's planner."""

    def __init__(self, capacity: Capacity, parameters: SlaParameters) -> None:
        self._capacity = capacity
        self._parameters = parameters
        self._interval = Every(parameters.interval_s)
        self._traffic: list[Traffic] = []
        self._batches: list[float] = []
        self._earlier: dict[str, ReplicaState] | None = None

    def __call__(self, signals: PoolSignals, now_s: float) -> Wish | None:
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
        if earlier is None or not traffic:  # the first look only opens the first interval
            return None
        return self._plan(signals, interval_traffic(traffic), observed_tpot(earlier, signals.replicas, batches))

    def _plan(self, signals: PoolSignals, traffic: Traffic, observed: tuple[float, float] | None) -> Wish:
        """Replicas for an interval like the one that ends."""
        tpot_s = self._capacity.slo_tpot_s
        if observed and self._parameters.correction:
            tpot_s /= self._correction(signals.ready, traffic, *observed)
        busy_s = request_time_s(self._capacity, traffic, tpot_s) / self._parameters.utilization_ratio
        reason = f"{traffic.requests_per_s:.2f} requests/s expected, {busy_s:.2f} s of a replica each"
        return Wish(max(1, traffic.requests_per_s * busy_s), reason)

    def _correction(self, ready: int, traffic: Traffic, tpot_s: float, batch: float) -> float:
        """TPOT observed over TPOT expected, of which prompts take their share."""
        share = traffic.requests_per_s * traffic.prompt_tokens / ready / self._capacity.prompt_tokens_per_s
        return tpot_s / expected_tpot_s(self._capacity, batch) * (1 - min(0.9, share))


def observed_tpot(
    earlier: Mapping[str, ReplicaState], replicas: Iterable[ReplicaState], batches: Sequence[float]
) -> tuple[float, float] | None:
    """(TPOT in seconds, mean requests in a batch) over an interval; None where nothing was generated.

    Args:
        earlier: reports from the interval's begin, by replica.
        replicas: reports from its end.
        batches: mean requests in a replica's batch, at moments that lie evenly in it.
    """
    pairs = [(earlier.get(replica.replica_id), replica) for replica in replicas]
    rates = [rate for before, after in pairs if before and (rate := generation_rate(before, after))]
    batch = sum(batches) / len(batches) if batches else 0.0
    return (batch * len(rates) / sum(rates), batch) if rates and batch else None


def interval_traffic(moments: list[Traffic]) -> Traffic:
    """Mean over moments that lie evenly in time; lengths are means over requests."""
    arrivals = sum(moment.requests_per_s for moment in moments)
    if not arrivals:
        return Traffic(0.0, 0.0, 0.0)
    prompts = sum(moment.requests_per_s * moment.prompt_tokens for moment in moments) / arrivals
    answers = sum(moment.requests_per_s * moment.answer_tokens for moment in moments) / arrivals
    return Traffic(arrivals / len(moments), prompts, answers)


def request_time_s(capacity: Capacity, traffic: Traffic, tpot_s: float) -> float:
    """Seconds of one replica that a request takes at a TPOT; without lengths as if it had one token each."""
    prompt_s = max(1.0, traffic.prompt_tokens) / capacity.prompt_tokens_per_s
    return prompt_s + max(1.0, traffic.answer_tokens) / answer_rate(capacity, tpot_s)


def expected_tpot_s(capacity: Capacity, batch: float) -> float:
    """TPOT that the profile expects at a batch, on the line through an empty batch and that of the SLO."""
    full_batch = capacity.answer_tokens_per_s * capacity.slo_tpot_s
    return capacity.unloaded_tpot_s + (capacity.slo_tpot_s - capacity.unloaded_tpot_s) * batch / full_batch


def answer_rate(capacity: Capacity, tpot_s: float) -> float:
    """Tokens per second of a replica whose batch is as great as a TPOT allows, at least one request."""
    slope_s = expected_tpot_s(capacity, 1) - capacity.unloaded_tpot_s
    batch = max(1.0, (tpot_s - capacity.unloaded_tpot_s) / slope_s)
    return batch / expected_tpot_s(capacity, batch)
