"""Scaling policies by the names that the command line takes: ours and the baselines."""

from __future__ import annotations

from autoscaling.planner import Planner
from autoscaling.types import ScalingPolicy
from cluster.problems import did_you_mean
from cluster.spec import FleetSpec
from simulation.baselines import POLICIES, Knowledge, Point

OURS = "signalbox"
NAMES = (OURS, *POLICIES)


class UnknownPolicy(Exception):
    """There is no such policy, or it cannot be made; the message says what to write."""


def make_policy(name: str, spec: FleetSpec, parameters: Point, known: Knowledge) -> ScalingPolicy:
    """A policy that remembers nothing yet.

    Args:
        parameters: of a baseline, by name; ours takes its own from the spec.
        known: what some baselines are told beyond signals.

    Raises:
        UnknownPolicy: the name or a parameter is wrong.
    """
    if name == OURS:
        if parameters:
            raise UnknownPolicy(f"policy {OURS}: takes no parameters, write them into the spec's `scaling` section")
        return Planner(spec)
    if name not in POLICIES:
        raise UnknownPolicy(f"found '{name}': {did_you_mean(name, [*NAMES, 'all'])}")
    try:
        return POLICIES[name](spec, parameters, known)
    except ValueError as error:
        raise UnknownPolicy(str(error)) from error
