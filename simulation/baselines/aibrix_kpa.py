"""AIBrix's KPA, which is Knative's autoscaler on a metric of the engines: a stable window, and a short one for panic.

    wanted = ceil(total usage of the window / target), within [floor(ready / down rate), ceil(ready x up rate)]
    panic begins where the short window wants panic_threshold times the ready replicas, and ends a stable window after
    it last did; in it the greater of both windows counts, and nothing goes down
    desired = the greatest of the last scale_down_delay_s

Source: vllm-project/aibrix, pkg/controller/podautoscaler at 00ceea5: scaler/kpa.go (rates 2 and 2, panic threshold 2),
metrics/client.go (totals over replicas, windows of 60 s and 10 s); samples/autoscaling/kpa.yaml (KV cache usage, target
0.5, scale-down delay 3 min). It follows knative/serving, pkg/autoscaler/scaling/autoscaler.go at 00a4a55. Later
versions of AIBrix put a mean per replica into the same formula, which then cannot ask for more than 1 / target
replicas; the form that works is the baseline here.
"""

from __future__ import annotations

import math

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.pool import Part
from cluster.spec import FleetSpec
from simulation.baselines.aibrix_apa import RESYNC_S
from simulation.baselines.knowledge import NOTHING, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Wish, whole
from simulation.baselines.windows import Every, Window


class KpaParameters(Part):
    """Parameters of the PodAutoscaler object."""

    kv_target_ratio: float = Field(default=0.5, ge=0.01, le=1)
    """KV cache usage of one replica to keep."""
    stable_window_s: float = Field(default=60.0, gt=0)
    """Window of the mean that usually counts."""
    panic_window_s: float = Field(default=10.0, gt=0)
    """Window of the mean that notices a burst."""
    panic_threshold: float = Field(default=2.0, gt=1)
    """Replicas wanted by the short window, over those ready, at which panic begins."""
    max_up_rate: float = Field(default=2.0, gt=1)
    """Most replicas after one look, over those ready."""
    max_down_rate: float = Field(default=2.0, gt=1)
    """Ready replicas over the fewest after one look."""
    scale_down_delay_s: float = Field(default=180.0, ge=0)
    """How long less must be wanted before it is asked for."""


GRID: list[Point] = [
    {"kv_target_ratio": target, "scale_down_delay_s": delay}
    for target in (0.1, 0.2, 0.35, 0.5)
    for delay in (60, 180, 600)
]


def aibrix_kpa(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NOTHING) -> PerPoolPolicy:
    """The policy; it reads no knowledge.

    Raises:
        ValueError: a parameter is wrong.
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
        self._most_in_panic = 0
        self._resync = Every(RESYNC_S)
        self._begun = False

    def __call__(self, signals: PoolSignals, now_s: float) -> Wish | None:
        if not signals.replicas:
            return None
        usage = sum(replica.kv_usage_ratio for replica in signals.replicas)
        self._stable.add(now_s, usage)
        self._panic.add(now_s, usage)
        if not self._resync.due(now_s):
            return None
        if not self._begun:
            self._begin(signals.ready, now_s)
        wanted = self._look(signals.ready, now_s)
        self._wanted.add(now_s, wanted)
        mode = "stable" if self._panic_s is None else "panic"
        totals = f"KV cache usage in all {self._stable.mean():.2f}, lately {self._panic.mean():.2f}"
        return Wish(self._wanted.max(), f"{totals}, target {self._parameters.kv_target_ratio:.2f} each ({mode})")

    def _begin(self, ready: int, now_s: float) -> None:
        """Where several replicas are found, it begins in panic, so as not to shrink before it has seen a window."""
        self._begun = True
        if ready > 1:
            self._panic_s, self._most_in_panic = now_s, ready

    def _look(self, ready: int, now_s: float) -> int:
        """Replicas that the two windows want, panic considered."""
        stable = self._limited(self._stable.mean(), ready)
        sudden = self._limited(self._panic.mean(), ready)
        demanded = whole(self._panic.mean() / self._parameters.kv_target_ratio)
        if demanded / ready >= self._parameters.panic_threshold:
            self._panic_s = now_s
        elif self._panic_s is not None and now_s - self._panic_s > self._parameters.stable_window_s:
            self._panic_s, self._most_in_panic = None, 0
        if self._panic_s is None:
            return stable
        self._most_in_panic = max(self._most_in_panic, stable, sudden)
        return self._most_in_panic

    def _limited(self, usage: float, ready: int) -> int:
        """Replicas for a total usage, within one look's greatest step."""
        fewest = math.floor(ready / self._parameters.max_down_rate)
        most = math.ceil(self._parameters.max_up_rate * ready)
        return min(most, max(fewest, whole(usage / self._parameters.kv_target_ratio)))
