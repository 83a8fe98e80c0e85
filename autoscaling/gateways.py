"""How many gateway replicas to have. Gateways wait and relay, so their open requests decide."""

from __future__ import annotations

import math

from autoscaling.pacing import Pacing
from cluster.spec import FleetSpec

FILLED = 0.7
"""Target share of the requests that a gateway replica may have open."""


class GatewaySize:
    """Decides for the gateway of one spec, at the pace of its pools."""

    def __init__(self, spec: FleetSpec) -> None:
        self._bounds = spec.gateway.replicas
        self._most_open = spec.gateway.max_ongoing_per_replica
        self._scaling = spec.scaling
        self._pacing = Pacing()

    def decide(self, open_requests: float, target: int, now_s: float) -> int:
        """Replicas to have now; raises nothing.

        Args:
            open_requests: in all gateway replicas together; an invalid number keeps the target.
            target: replicas last requested.
        """
        if not 0 <= open_requests < math.inf:
            return target
        needed = max(1, math.ceil(open_requests / (FILLED * self._most_open)))
        needed = min(max(needed, self._bounds.min), self._bounds.max)
        return self._pacing.pace(needed, target, now_s, self._scaling.upscale_delay_s, self._scaling.downscale_delay_s)
