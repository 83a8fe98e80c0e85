"""AIBrix's KPA: Knative's autoscaler on an engine metric, with a stable window and a short window for panic.

    wanted = ceil(total usage in the window / target), within [floor(ready / down rate), ceil(ready x up rate)]
    panic begins when the short window wants panic_threshold times the ready replicas, and ends one stable window after
    the last time it did; in panic, the larger of both windows counts, and there is no scale-down
    desired = the maximum of wanted over the last scale_down_delay_s

Source: vllm-project/aibrix, pkg/controller/podautoscaler at 00ceea5: scaler/kpa.go (rates 2 and 2, panic threshold 2),
metrics/client.go (totals over replicas, windows of 60 s and 10 s); samples/autoscaling/kpa.yaml (KV cache usage, target
0.5, scale-down delay 3 min). It follows knative/serving, pkg/autoscaler/scaling/autoscaler.go at 00a4a55. Later
versions of AIBrix use the mean per replica in the same formula, which then cannot request more than 1 / target
replicas. This baseline is the version that works.
"""

from __future__ import annotations

import math

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.aibrix_apa import RESYNC_S
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Proposal, whole
from simulation.baselines.windows import Every, Window


class KpaParameters(Part):
    """Parameters of the PodAutoscaler object."""

    kv_target_ratio: float = Field(default=0.5, ge=0.01, le=1)
    """Target for the KV cache usage of one replica, 0..1."""
    stable_window_s: float = Field(default=60.0, gt=0)
    """Window of the mean that normally counts, in seconds."""
    panic_window_s: float = Field(default=10.0, gt=0)
    """Window of the mean that detects a burst, in seconds."""
    panic_threshold: float = Field(default=2.0, gt=1)
    """Replicas wanted by the short window, divided by the ready replicas, at which panic begins."""
    max_up_rate: float = Field(default=2.0, gt=1)
    """Maximum factor of one scale-up, relative to the ready replicas."""
    max_down_rate: float = Field(default=2.0, gt=1)
    """Maximum divisor of one scale-down, relative to the ready replicas."""
    scale_down_delay_s: float = Field(default=180.0, ge=0)
    """Seconds that fewer replicas must be wanted before a scale-down."""


GRID: list[Point] = [
    {"kv_target_ratio": target, "scale_down_delay_s": delay}
    for target in (0.1, 0.2, 0.35, 0.5)
    for delay in (60, 180, 600)
]


def aibrix_kpa(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
    """
    chosen = read_parameters(KpaParameters, "aibrix-kpa", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: KpaRule(chosen), floor=1)


class KpaRule:
    """One pool's PodAutoscaler."""

    def __init__(self, parameters: KpaParameters) -> None:
        self._parameters = parameters
        self._stable = Window(parameters.stable_window_s)
        self._panic = Window(parameters.panic_window_s)
        self._wanted = Window(parameters.scale_down_delay_s)
        self._panic_s: float | None = None
        self._panic_maximum = 0
        self._resync = Every(RESYNC_S)
        self._started = False

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        if not signals.replicas:
            return None
        usage = sum(replica.kv_usage_ratio for replica in signals.replicas)
        self._stable.add(now_s, usage)
        self._panic.add(now_s, usage)
        if not self._resync.due(now_s):
            return None
        if not self._started:
            self._start(signals.ready, now_s)
        wanted = self._wanted_replicas(signals.ready, now_s)
        self._wanted.add(now_s, wanted)
        mode = "stable" if self._panic_s is None else "panic"
        totals = f"total KV cache usage {self._stable.mean():.2f}, recently {self._panic.mean():.2f}"
        return Proposal(self._wanted.max(), f"{totals}, target {self._parameters.kv_target_ratio:.2f} each ({mode})")

    def _start(self, ready: int, now_s: float) -> None:
        """Start in panic if there are several replicas, so that it scales down only after it has observed a window."""
        self._started = True
        if ready > 1:
            self._panic_s, self._panic_maximum = now_s, ready

    def _wanted_replicas(self, ready: int, now_s: float) -> int:
        """Replicas that the two windows want, with regard to panic."""
        stable = self._limited(self._stable.mean(), ready)
        sudden = self._limited(self._panic.mean(), ready)
        demanded = whole(self._panic.mean() / self._parameters.kv_target_ratio)
        if demanded / ready >= self._parameters.panic_threshold:
            self._panic_s = now_s
        elif self._panic_s is not None and now_s - self._panic_s > self._parameters.stable_window_s:
            self._panic_s, self._panic_maximum = None, 0
        if self._panic_s is None:
            return stable
        self._panic_maximum = max(self._panic_maximum, stable, sudden)
        return self._panic_maximum

    def _limited(self, usage: float, ready: int) -> int:
        """Replicas for a total usage, within the maximum step."""
        lowest = math.floor(ready / self._parameters.max_down_rate)
        highest = math.ceil(self._parameters.max_up_rate * ready)
        return min(highest, max(lowest, whole(usage / self._parameters.kv_target_ratio)))
