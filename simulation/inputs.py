"""From a spec, a trace and choices about the load to a scenario."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster.loading import SpecError, load_spec
from cluster.problems import Problems
from router.loading import BadQualityModel, load_quality
from router.types import RoutingRequest
from simulation.launching import ColdStart
from simulation.scenario import Scenario, make_scenario
from simulation.shapes import NotSimulated
from simulation.shaping import scale, window, with_bursts, with_lead_in
from simulation.trace_files import TraceError, read_trace
from simulation.workload import Workload

MOST_REQUESTS = 20_000_000
"""More requests do not fit into the memory of a usual machine."""


class WrongInput(Exception):
    """A file cannot be used; the message says what to use instead."""


@dataclass(frozen=True)
class Choice:
    """What is simulated on a fleet."""

    trace: Path
    scale: float = 1.0
    """Factor of the request rate; > 0."""
    bursts: bool = False
    """Four times the load for 60 s in every 10 minutes."""
    start_minutes: float = 0.0
    """Minutes of the trace to skip."""
    minutes: float | None = None
    """Minutes to measure; None: to the end of the trace."""
    lead_in_minutes: float = 10.0
    """Minutes that are simulated before, and not measured."""
    cold_start: ColdStart = field(default_factory=ColdStart)
    seed: int = 0


def scenario_from(spec: Path, choice: Choice, queries: Sequence[RoutingRequest]) -> Scenario:
    """What is simulated.

    Args:
        queries: requests of the trace draw their texts from these.

    Raises:
        Problems: a field of the choice cannot be used.
        WrongInput: a file cannot be used, or the spec cannot be simulated.
    """
    try:
        fleet = load_spec(spec)
        workload = _workload(choice)
        return make_scenario(fleet, workload, queries, load_quality(fleet), choice.cold_start, choice.seed)
    except (SpecError, TraceError, NotSimulated, BadQualityModel) as error:
        raise WrongInput(str(error)) from error


def _workload(choice: Choice) -> Workload:
    if not (math.isfinite(choice.scale) and choice.scale > 0):
        raise Problems(scale=f"invalid value {choice.scale:g}, use a number > 0, such as 10")
    if choice.minutes is not None and not choice.minutes > 0:
        raise Problems(minutes=f"invalid value {choice.minutes:g}, use a number > 0")
    load = read_trace(choice.trace)
    minutes = None if choice.minutes is None else 60 * choice.minutes
    chosen = window(load, 60 * choice.start_minutes, minutes)
    if len(chosen) * choice.scale > MOST_REQUESTS:
        raise Problems(scale=f"makes {len(chosen) * choice.scale:.3g} requests, use a smaller number")
    chosen = scale(chosen, choice.scale, choice.seed)
    if not len(chosen):
        size = f"{len(load):,} requests in {load.duration_s / 60:.1f} minutes"
        raise Problems(minutes=f"no request of {choice.trace} is left, use other minutes or a larger scale ({size})")
    if choice.bursts:
        chosen = with_bursts(chosen, choice.seed)
    return with_lead_in(chosen, 60 * choice.lead_in_minutes, choice.seed) if choice.lead_in_minutes else chosen
