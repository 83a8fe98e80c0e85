"""The scaling policy of a fleet under test, with a bug that a test turns on."""

from __future__ import annotations

from pathlib import Path

from deployments.board.state_folder import state_folder
from deployments.scaling.policy import FleetScaling

BUG = "scaling-bug"
"""The file in the fleet's state folder that turns the bug on."""


class Buggy:
    """A `ScalingPolicy` that raises as long as a file exists, and otherwise decides as another."""

    def __init__(self, policy, bug: Path):
        self.policy = policy
        self.bug = bug

    def decide(self, signals, now_s):
        """As ScalingPolicy.decide."""
        if self.bug.exists():
            raise RuntimeError("a bug in the policy")
        return self.policy.decide(signals, now_s)


class FaultyScaling(FleetScaling):
    """What Serve calls."""

    def _use(self, spec):
        super()._use(spec)
        self.policy = Buggy(self.policy, state_folder(spec) / BUG)
