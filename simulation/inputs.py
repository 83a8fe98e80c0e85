"""What `signalbox simulate` is given, checked: options, trace, queries, spec."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.loading import SpecError, load_spec
from cluster.problems import did_you_mean
from demo.tasks import generate_tasks
from router.loading import BadQualityModel, load_quality
from router.types import RoutingRequest
from simulation.launching import ColdStart
from simulation.policies import NAMES
from simulation.scenario import Scenario, make_scenario
from simulation.shapes import NotSimulated
from simulation.shaping import scale, window, with_bursts, with_lead_in
from simulation.trace_files import TraceError, read_trace
from simulation.workload import Workload
from training.outcome_files import BadFile, read_file

DEMO_QUERIES = 1_000
"""Demo tasks that requests draw from where no file is given."""
MOST_REQUESTS = 20_000_000
"""More would not fit into a usual memory."""


class WrongInput(Exception):
    """Something that was given cannot be used; the message says what to write."""


@dataclass(frozen=True)
class Choice:
    """The command line's options, as they were written."""

    trace: Path
    scale: float
    bursts: bool
    start_minutes: float
    minutes: float | None
    lead_in_minutes: float
    cold_start_s: str
    node_start_s: float
    queries: Path | None
    seed: int


def policies_from(name: str, parameters: Sequence[str] | None) -> tuple[list[str], dict[str, float]]:
    """The policies to play, and parameters of the baseline.

    Raises:
        WrongInput: there is no such policy, or a parameter is not NAME=NUMBER.
    """
    if name == "all":
        if parameters:
            raise WrongInput("--set: is about one policy: write --policy NAME instead of all")
        return list(NAMES), {}
    if name not in NAMES:
        raise WrongInput(f"--policy: found '{name}': {did_you_mean(name, [*NAMES, 'all'])}")
    return [name], dict(_parameter(text) for text in parameters or ())


def scenario_from(spec: Path, choice: Choice) -> Scenario:
    """What is to be played.

    Raises:
        WrongInput: a file or an option cannot be used, or the spec cannot be simulated.
    """
    try:
        fleet = load_spec(spec)
        workload = _workload(choice)
        return make_scenario(fleet, workload, _queries(choice), load_quality(fleet), _cold_start(choice), choice.seed)
    except (SpecError, TraceError, NotSimulated, BadFile, BadQualityModel) as error:
        raise WrongInput(str(error)) from error


def _workload(choice: Choice) -> Workload:
    if not (math.isfinite(choice.scale) and choice.scale > 0):
        raise WrongInput(f"--scale: found {choice.scale:g}: write a number > 0, such as 10")
    if choice.minutes is not None and not choice.minutes > 0:
        raise WrongInput(f"--minutes: found {choice.minutes:g}: write a number > 0")
    load = read_trace(choice.trace)
    minutes = None if choice.minutes is None else 60 * choice.minutes
    chosen = window(load, 60 * choice.start_minutes, minutes)
    if len(chosen) * choice.scale > MOST_REQUESTS:
        raise WrongInput(f"--scale: makes {len(chosen) * choice.scale:.3g} requests: write a smaller number")
    chosen = scale(chosen, choice.scale, choice.seed)
    if not len(chosen):
        there = f"it has {len(load):,} in {load.duration_s / 60:.1f} minutes"
        raise WrongInput(f"--start, --minutes, --scale: leave no request of {choice.trace}: {there}")
    if choice.bursts:
        chosen = with_bursts(chosen, choice.seed)
    return with_lead_in(chosen, 60 * choice.lead_in_minutes, choice.seed) if choice.lead_in_minutes else chosen


def _queries(choice: Choice) -> list[RoutingRequest]:
    if choice.queries is None:
        return [RoutingRequest(task.prompt) for task in generate_tasks(DEMO_QUERIES, seed=choice.seed, fresh=None)]
    return [outcome.request for outcome in read_file(choice.queries, {}, least_tiers=1).outcomes]


def _cold_start(choice: Choice) -> ColdStart:
    try:
        bounds = [float(part) for part in choice.cold_start_s.split("-")]
    except ValueError:
        bounds = []
    if len(bounds) not in (1, 2) or not all(0 <= bound < math.inf for bound in bounds) or bounds != sorted(bounds):
        raise WrongInput(f"--cold-start-s: found '{choice.cold_start_s}': write seconds such as 120, or 60-180")
    return ColdStart(bounds[0], bounds[-1], choice.node_start_s)


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not math.isfinite(number):
        raise WrongInput(f"--set: found '{text}': write NAME=NUMBER")
    return name, number
