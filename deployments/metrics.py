"""Every metric name once. Exported through Ray on each node; `/metrics` of the endpoint joins all nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ray.util.metrics import Counter, Gauge, Histogram

from cluster.state import ReplicaState
from deployments.scaling_board import Decided

SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]


class EngineGauges:
    """What a replica's engine says, by pool and replica."""

    FIELDS: ClassVar = {
        "signalbox_engine_waiting": ("waiting", "Queue depth: requests in the engine without a batch slot."),
        "signalbox_engine_running": ("running", "Requests in the engine's batch."),
        "signalbox_engine_kv_usage_ratio": ("kv_usage_ratio", "Share of the KV cache in use, 0..1."),
        "signalbox_engine_kv_capacity_tokens": ("kv_capacity_tokens", "Tokens the KV cache holds."),
        "signalbox_engine_as_of_seconds": ("as_of_s", "Unix time of this reading."),
        "signalbox_replica_start_seconds": (
            "start_s",
            "Seconds from construction to the warm-up answer. Grows: look at the phases.",
        ),
    }

    def __init__(self, pool: str, replica_id: str) -> None:
        tags = {"pool": pool, "replica": replica_id}
        self._gauges = {}
        for name, (field, text) in self.FIELDS.items():
            gauge = Gauge(name, description=text, tag_keys=("pool", "replica"))
            gauge.set_default_tags(tags)
            self._gauges[field] = gauge
        self._phases = Gauge(
            "signalbox_cold_start_phase_seconds",
            "Seconds of a replica's start by phase. docs/cold-start.md says what makes which phase shorter.",
            tag_keys=("pool", "phase"),
        )
        self._phases.set_default_tags({"pool": pool})

    def set(self, state: ReplicaState) -> None:
        """Export a report."""
        for field, gauge in self._gauges.items():
            gauge.set(float(getattr(state, field)))
        for phase, seconds in state.start_phases_s:
            self._phases.set(seconds, tags={"phase": phase})


class ScalingGauges:
    """What the scaling policy wants of each pool, and what there is."""

    def __init__(self) -> None:
        self._replicas = Gauge(
            "signalbox_replicas",
            "Replicas by pool and state: desired, ready, starting. Desired above ready for long: nodes are missing.",
            tag_keys=("pool", "state"),
        )

    def set(self, decisions: Mapping[str, Decided]) -> None:
        """Export the newest decisions."""
        for pool, one in decisions.items():
            states = {"desired": one.desired, "ready": one.ready, "starting": max(0, one.target - one.ready)}
            for state, count in states.items():
                self._replicas.set(float(count), tags={"pool": pool, "state": state})


class GatewayMetrics:
    """What the gateway decides and sees."""

    def __init__(self) -> None:
        self.requests = Counter(
            "signalbox_requests",
            "Requests by path, pool (empty: refused before routing) and HTTP status.",
            tag_keys=("path", "pool", "status"),
        )
        self.decisions = Counter(
            "signalbox_route_decisions",
            "Routing decisions by chosen pool and mode: pinned by name, auto, cheap or best.",
            tag_keys=("pool", "mode"),
        )
        self.spills = Counter(
            "signalbox_route_spills",
            "Decisions that load changed, by the pool that was better and the one chosen. Many: a pool is too small.",
            tag_keys=("from", "to"),
        )
        self.wakes = Counter(
            "signalbox_route_wakes",
            "Decisions that wanted a pool scaled to zero, by pool. Many: it sleeps too soon, raise scaling.idle_s.",
            tag_keys=("pool",),
        )
        self.fallbacks = Counter(
            "signalbox_route_fallbacks",
            "Decisions made by rules because the learned model could not speak. Many: it was trained on other traffic.",
        )
        self.predicted_cost = Counter(
            "signalbox_predicted_cost", "Expected cost of routed requests, in the prices' currency.", tag_keys=("pool",)
        )
        self.realised_cost = Counter(
            "signalbox_realised_cost", "Cost of the tokens generated, in the prices' currency.", tag_keys=("pool",)
        )
        self.cost_lambda = Gauge(
            "signalbox_route_lambda",
            "Quality given up per unit of cost, where a budget is held. Falling: the budget allows more than is asked.",
        )
        self.retries = Counter(
            "signalbox_retries",
            "Requests sent to another replica before the first byte, by pool that failed.",
            tag_keys=("pool",),
        )
        self.escalations = Counter(
            "signalbox_escalations",
            "Answers dropped before their first byte, by pool and the pool asked instead.",
            tag_keys=("pool", "to"),
        )
        self.broken_streams = Counter(
            "signalbox_broken_streams", "Streams that broke after their first byte.", tag_keys=("pool",)
        )
        self.cancelled = Counter("signalbox_cancelled_requests", "Requests whose client went away.", tag_keys=("pool",))
        self.prompt_tokens = Counter("signalbox_prompt_tokens", "Prompt tokens.", tag_keys=("pool",))
        self.completion_tokens = Counter("signalbox_completion_tokens", "Generated tokens.", tag_keys=("pool",))
        self.shadow = Counter(
            "signalbox_shadow_requests",
            "Shadow requests by pool and result: recorded, failed, or dropped because there was too much to do.",
            tag_keys=("pool", "result"),
        )
        self.feedback = Counter("signalbox_feedback", "Scores that clients sent, by tier that answered.", ("tier",))
        self.scaling = ScalingGauges()
        self.ttft = Histogram(
            "signalbox_ttft_seconds", "Arrival of the request to the first byte sent.", SECONDS, ("pool",)
        )
        self.e2e = Histogram(
            "signalbox_e2e_latency_seconds", "Arrival of the request to the last byte sent.", SECONDS, ("pool",)
        )
