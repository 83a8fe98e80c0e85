"""Options of `signalbox simulate`, and what they mean for a simulation.

Raises in every function:
    Problems: the value of an option cannot be used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.problems import Problems, did_you_mean

if TYPE_CHECKING:
    from router.types import RoutingRequest
    from simulation.inputs import Choice
    from simulation.launching import ColdStart

ALL = "all"


@dataclass(frozen=True)
class Policies:
    """Which scaling policies are simulated."""

    policy: Annotated[str, typer.Option(help="The scaling policy; `all` compares all of them.")] = "signalbox"
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=NUMBER, a parameter of a baseline (repeatable).")
    ] = None


@dataclass(frozen=True)
class Load:
    """Which requests arrive."""

    trace: Annotated[Path, typer.Option(help="An Azure trace (CSV) or a Mooncake trace (JSON lines).")]
    scale: Annotated[float, typer.Option(help="Multiply the request rate (0.5 keeps half).")] = 1
    bursts: Annotated[bool, typer.Option("--bursts", help="Four times the load for 60 s in every 10 minutes.")] = False
    start: Annotated[float, typer.Option(min=0, help="Minutes to skip at the start of the trace.")] = 0
    minutes: Annotated[float | None, typer.Option(help="Minutes to measure. Default: to the end of the trace.")] = None
    lead_in: Annotated[
        float, typer.Option("--lead-in-minutes", min=0, help="Minutes that are simulated before, and not measured.")
    ] = 10
    queries: Annotated[
        Path | None, typer.Option(help="An outcome file with the queries of the requests. Default: demo tasks.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0


@dataclass(frozen=True)
class Starts:
    """How long replicas take to start."""

    cold_start_s: Annotated[
        str, typer.Option(help="Seconds from launch to ready: a number, or bounds such as 60-180.")
    ] = "60-180"
    node_start_s: Annotated[float, typer.Option(min=0, help="Additional seconds if a new node is needed.")] = 0


def policies_of(given: Policies) -> tuple[Sequence[str], dict[str, float]]:
    """The policies to simulate, and parameters of the baseline."""
    from simulation.policies import NAMES

    if given.policy == ALL:
        if given.set_:
            raise Problems(set_="applies to one policy: use --policy NAME instead of all")
        return NAMES, {}
    if given.policy not in NAMES:
        raise Problems(policy=f"invalid value '{given.policy}', {did_you_mean(given.policy, [*NAMES, ALL])}")
    return [given.policy], dict(_parameter(text) for text in given.set_ or ())


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not math.isfinite(number):
        raise Problems(set_=f"invalid value '{text}', use NAME=NUMBER")
    return name, number


def _cold_start(given: Starts) -> ColdStart:
    from simulation.launching import ColdStart

    try:
        bounds = [float(part) for part in given.cold_start_s.split("-")]
    except ValueError:
        bounds = []
    if len(bounds) not in (1, 2) or not all(0 <= bound < math.inf for bound in bounds) or bounds != sorted(bounds):
        raise Problems(cold_start_s=f"invalid value '{given.cold_start_s}', use seconds such as 120, or 60-180")
    return ColdStart(bounds[0], bounds[-1], given.node_start_s)


def choice_of(load: Load, starts: Starts) -> Choice:
    """What is simulated on the fleet."""
    from simulation.inputs import Choice

    cold_start = _cold_start(starts)
    return Choice(load.trace, load.scale, load.bursts, load.start, load.minutes, load.lead_in, cold_start, load.seed)


def queries_of(load: Load) -> Sequence[RoutingRequest]:
    """The queries that requests of the trace draw from.

    Raises:
        BadFile: the file of queries cannot be used.
    """
    from demo.queries import demo_queries
    from training.outcome_files import read_file

    if load.queries is None:
        return demo_queries(load.seed)
    return [outcome.request for outcome in read_file(load.queries, {}, least_tiers=1).outcomes]
