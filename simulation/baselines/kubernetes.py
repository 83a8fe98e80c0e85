"""How a Kubernetes HorizontalPodAutoscaler turns what a metric recommends into replicas.

Sources: Kubernetes documentation "Horizontal Pod Autoscaling" (autoscaling/v2: algorithm details, configurable scaling
behavior, default behavior), and pkg/controller/podautoscaler/horizontal.go of kubernetes/kubernetes at 0006726,
where the documents leave details open. Defaults: one look every 15 s, tolerance 0.1, scaling up at once by at most the
greater of 100% and 4 pods in 15 s, scaling down to the greatest recommendation of the last 300 s.
"""

from __future__ import annotations

import math

from simulation.baselines.per_pool import Bounds
from simulation.baselines.windows import Window

SYNC_PERIOD_S = 15.0
"""How often the controller looks (`--horizontal-pod-autoscaler-sync-period`)."""
TOLERANCE_RATIO = 0.1
"""A metric this close to its target moves nothing (`--horizontal-pod-autoscaler-tolerance`)."""
UP_PERIOD_S = 15.0
UP_PODS = 4
UP_PERCENT = 100.0


def within_tolerance(usage_ratio: float, tolerance_ratio: float = TOLERANCE_RATIO) -> bool:
    """Whether metric over target is so close to 1 that nothing is to be done."""
    return abs(1.0 - usage_ratio) <= tolerance_ratio + 1e-9


class Behavior:
    """The default scaling behavior of one autoscaler; remembers recommendations and what it changed."""

    def __init__(self, bounds: Bounds, down_window_s: float) -> None:
        """
        Args:
            down_window_s: stabilization window of scaling down, `scaleDown.stabilizationWindowSeconds`.
        """
        self._bounds = bounds
        self._recommended = Window(down_window_s)
        self._changes: list[tuple[float, int]] = []

    def settle(self, current: int, recommended: float, now_s: float) -> int:
        """Replicas to have now.

        Args:
            current: replicas last asked for.
            recommended: what the metric recommends.
        """
        if not self._recommended.values():
            # The controller begins with what it finds, so that it does not scale down before it has seen a window.
            self._recommended.add(now_s, current)
        self._recommended.add(now_s, recommended)
        stable = recommended if recommended > current else min(current, self._recommended.max())
        settled = self._bounds.clamp(min(stable, self._up_limit(current, now_s)))
        if settled != current:
            self._changes.append((now_s, settled - current))
        return settled

    def _up_limit(self, current: int, now_s: float) -> float:
        """Most replicas that the scale-up policies allow: counted from where the period began."""
        self._changes = [change for change in self._changes if now_s - change[0] < UP_PERIOD_S - 1e-6]
        at_start = current - sum(change for _, change in self._changes)
        return max(current, at_start + UP_PODS, math.ceil(at_start * (1 + UP_PERCENT / 100)))
