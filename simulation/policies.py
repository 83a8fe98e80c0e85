"""Scaling policies by their names on the command line: ours and the baselines."""

from __future__ import annotations

from autoscaling.planner import Planner
from autoscaling.types import ScalingPolicy
from cluster.problems import did_you_mean
from cluster.spec import FleetSpec
from simulation.baselines import POLICIES, Knowledge, Point

OURS = "signalbox"
NAMES = (OURS, *POLICIES)


class UnknownPolicy(Exception):
    """The policy is unknown, or its parameters are invalid. The message tells what to use."""


def make_policy(name: str, spec: FleetSpec, parameters: Point, known: Knowledge) -> ScalingPolicy:
    """Create a policy without history.

    Args:
        name: one of `NAMES`.
        spec: the fleet's spec, which has the parameters of our policy.
        parameters: parameters of a baseline, by name.
        known: knowledge that some baselines need beyond signals.

    Raises:
        UnknownPolicy: the name or a parameter is invalid.
    """
    if name == OURS:
        if parameters:
            raise UnknownPolicy(f"policy {OURS}: takes no parameters, set them in the spec's `scaling` section")
        return Planner(spec)
    if name not in POLICIES:
        raise UnknownPolicy(f"invalid value '{name}', {did_you_mean(name, [*NAMES, 'all'])}")
    try:
        return POLICIES[name](spec, parameters, known)
    except ValueError as error:
        raise UnknownPolicy(str(error)) from error
