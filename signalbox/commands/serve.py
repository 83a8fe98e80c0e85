"""`signalbox serve`: start a local fleet with progress, say how to use it, end it on Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cluster.spec import FleetSpec, LogLevel
from deployments.local.environment import haproxy_available
from deployments.local.fleet import FleetFailed, LocalFleet
from deployments.preflight import model_problems, quality_problems, weights_problems
from signalbox.console import WRONG_INPUT, SpecArgument, err, fail, load_or_exit, out

SAYS = {"HEALTHY": "ready", "UPDATING": "loading", "UNHEALTHY": "failing, retrying"}


def serve(
    spec: SpecArgument,
    port: Annotated[int | None, typer.Option(help="HTTP port, instead of the spec's.")] = None,
    ready_timeout_s: Annotated[float, typer.Option(help="Seconds that the pools may take to become ready.")] = 900.0,
    log_level: Annotated[LogLevel | None, typer.Option(help="Lowest level to log, instead of the spec's.")] = None,
) -> None:
    """Start a Ray cluster with the fleet on this machine, until Ctrl-C."""
    fleet = load_or_exit(spec)
    if problems := [*model_problems(fleet), *weights_problems(fleet), *quality_problems(fleet)]:
        fail("\n".join(problems), WRONG_INPUT)
    if port is not None:
        fleet = fleet.model_copy(update={"gateway": fleet.gateway.model_copy(update={"port": port})})
    if log_level is not None:
        fleet = fleet.model_copy(update={"log_level": log_level})
    raise typer.Exit(serve_until_stopped(fleet, ready_timeout_s, out, err))


def serve_until_stopped(spec: FleetSpec, ready_timeout_s: float, out: Console, err: Console) -> int:
    """Run a fleet until SIGINT or SIGTERM. Returns the exit status."""
    stop = threading.Event()
    began = time.perf_counter()
    fleet: LocalFleet | None = None
    keep_logs = False
    try:
        _on_signals(stop)
        fleet = LocalFleet(spec)
        _start(fleet, ready_timeout_s, out)
        _introduce(fleet, time.perf_counter() - began, out)
        stop.wait()
    except FleetFailed as error:
        keep_logs = True
        err.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        pass
    finally:
        # A second Ctrl-C must not leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if fleet is not None:
            out.print("stopping the fleet ...")
            fleet.stop(keep_logs)
            out.print("stopped: every process this command started has ended")
    return 0


def _on_signals(stop: threading.Event) -> None:
    """Ctrl-C and SIGTERM interrupt the start, and end the wait once the fleet runs."""

    def interrupt(signum: int, frame: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)


def _start(fleet: LocalFleet, ready_timeout_s: float, out: Console) -> None:
    """Bring the fleet up under a live display; in a pipe or a log, each change is a line."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}
        shown: dict[str, str] = {}

        def show(name: str, state: str, done: bool = False) -> None:
            if shown.get(name) == state:
                return
            shown[name] = state
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=1, state=state)
            progress.update(tasks[name], completed=int(done), state=f"[green]{state}" if done else state)
            if not out.is_terminal:
                out.print(f"{name}: {state}", highlight=False)

        fleet.start(lambda step: show("Ray cluster", step))
        show("Ray cluster", "up", done=True)
        for states in fleet.progress(ready_timeout_s):
            for name, state in states.items():
                show(name, SAYS.get(state, state.lower()), done=state == "HEALTHY")


def _introduce(fleet: LocalFleet, took_s: float, out: Console) -> None:
    question = '{"model":"auto","messages":[{"role":"user","content":"What is 7 + 5?"}]}'
    proxy = "HAProxy" if haproxy_available() else "Serve's own proxy (HAProxy is Linux only)"
    out.print(f"\n[bold green]ready[/] after {took_s:.0f} s, {_memory_gib():.1f} GiB of memory, behind {proxy}")
    out.print(f"endpoint   {fleet.url}/v1", highlight=False)
    out.print(f"page       {fleet.url}/", highlight=False)
    out.print(f"logs       {fleet.logs}", highlight=False)
    out.print("\ntry\n  " + f"curl {fleet.url}/v1/chat/completions -d '{question}'", highlight=False, soft_wrap=True)
    out.print(f"  signalbox status --url {fleet.url}", highlight=False)
    out.print(f"  signalbox logs --follow --url {fleet.url}", highlight=False)
    out.print("\nCtrl-C stops it.")


def _memory_gib() -> float:
    """Proportional set size of this process and all it started, in GiB."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            continue
    return total / 2**30
