"""How a Kubernetes HorizontalPodAutoscaler turns a metric's recommendation into replicas.

Sources: Kubernetes documentation "Horizontal Pod Autoscaling" (autoscaling/v2: algorithm details, configurable scaling
behavior, default behavior), and for details pkg/controller/podautoscaler/horizontal.go of kubernetes/kubernetes at
0006726. Defaults: one decision every 15 s, tolerance 0.1, immediate scale-up by at most 100% or 4 pods (whichever is
more) in 15 s, and scale-down to the largest recommendation in the last 300 s.
"""

from __future__ import annotations

import math

from simulation.baselines.per_pool import Bounds
from simulation.baselines.windows import Window

SYNC_PERIOD_S = 15.0
"""Seconds between decisions of the controller (`--horizontal-pod-autoscaler-sync-period`)."""
TOLERANCE_RATIO = 0.1
"""Relative distance from the target that causes no change (`--horizontal-pod-autoscaler-tolerance`)."""
UP_PERIOD_S = 15.0
UP_PODS = 4
UP_PERCENT = 100.0


def within_tolerance(usage_ratio: float, tolerance_ratio: float = TOLERANCE_RATIO) -> bool:
    """Whether the ratio of metric and target is so close to 1 that nothing changes."""
    return abs(1.0 - usage_ratio) <= tolerance_ratio + 1e-9


class Behavior:
    """The default scaling behavior of one autoscaler. It remembers recommendations and changes."""

    def __init__(self, bounds: Bounds, down_window_s: float) -> None:
        """
        Args:
            bounds: minimum and maximum replicas.
            down_window_s: stabilization window for scale-down, `scaleDown.stabilizationWindowSeconds`.
        """
        self._bounds = bounds
        self._recommended = Window(down_window_s)
        self._changes: list[tuple[float, int]] = []

    def settle(self, current: int, recommended: float, now_s: float) -> int:
        """The desired number of replicas.

        Args:
            current: replicas last requested.
            recommended: replicas that the metric recommends.
            now_s: Unix time.
        """
        if not self._recommended.values():
            # The controller starts with the current replicas, so that it scales down only after a whole window.
            self._recommended.add(now_s, current)
        self._recommended.add(now_s, recommended)
        stable = recommended if recommended > current else min(current, self._recommended.max())
        settled = self._bounds.clamp(min(stable, self._up_limit(current, now_s)))
        if settled != current:
            self._changes.append((now_s, settled - current))
        return settled

    def _up_limit(self, current: int, now_s: float) -> float:
        """Maximum replicas that the scale-up policies allow, relative to the start of the period."""
        self._changes = [change for change in self._changes if now_s - change[0] < UP_PERIOD_S - 1e-6]
        at_start = current - sum(change for _, change in self._changes)
        return max(current, at_start + UP_PODS, math.ceil(at_start * (1 + UP_PERCENT / 100)))
