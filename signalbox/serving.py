"""Runs a fleet in the foreground: its start with progress, how to use it, what changes, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from deployments.start_watch import FleetFailed, PartState, states_after
from signalbox.console import FAILED
from signalbox.main import INTERRUPTED
from signalbox.stop_signals import StopSignals

SAYS = {"loading": "loading", "waiting": "waiting for free devices", "ready": "ready", "failing": "failing, retrying"}
LOOK_EVERY_S = 2.0


class Fleet(Protocol):
    """A fleet that this process starts and ends."""

    url: str
    """The endpoint."""

    @property
    def started(self) -> bool:
        """Whether there is something to stop."""

    def start(self, said: Callable[[str], None]) -> None:
        """Submit the fleet; `said` is called with each step.

        Raises:
            FleetFailed: that is not possible.
        """

    def progress(self, timeout_s: float) -> Iterator[Mapping[str, PartState]]:
        """As `deployments.start_watch.watch_start`."""

    def status(self) -> Any:
        """Serve's ApplicationStatusOverview of the fleet; None while there is none.

        Raises:
            FleetFailed: Serve does not answer.
        """

    def about(self) -> Mapping[str, str]:
        """What to print once it serves, such as the folder of its logs, by a word for it."""

    def stop(self, keep_logs: bool) -> str:
        """End what was started. Returns what was done, in words."""


def serve_until_stopped(fleet: Fleet, ready_timeout_s: float, out: Console, err: Console) -> int:
    """Run a fleet until SIGINT or SIGTERM. Returns the exit status: INTERRUPTED if it was stopped before it served."""
    began = time.perf_counter()
    status, shown = INTERRUPTED, dict[str, PartState]()
    with StopSignals() as signals:
        try:
            shown = _start(fleet, ready_timeout_s, signals.stop, out)
            signals.listen()
            _introduce(fleet, shown, time.perf_counter() - began, out)
            status = 0
            _report_changes(fleet, shown, signals.stop, out)
        except FleetFailed as error:
            status = FAILED
            err.print(str(error), style="red", markup=False, highlight=False)
        except KeyboardInterrupt:
            pass
        finally:
            signals.stop.set()
            if fleet.started:
                out.print("stopping the fleet ...")
                keep_logs = status == FAILED or any(part.problem for part in shown.values())
                out.print(fleet.stop(keep_logs), highlight=False)
    return status


def _start(fleet: Fleet, ready_timeout_s: float, stop: Event, out: Console) -> dict[str, PartState]:
    """Bring the fleet up under a live display; in a pipe or a log, each change is a line."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[state]}"))
    parts: Mapping[str, PartState] = {}
    with Progress(*columns, TimeElapsedColumn(), console=out, disable=not out.is_terminal) as progress:
        display = _Display(progress, out)
        fleet.start(lambda step: display.show("Ray cluster", step))
        display.show("Ray cluster", "up", done=True)
        for parts in fleet.progress(ready_timeout_s):
            if stop.is_set():  # a library caught the KeyboardInterrupt
                raise KeyboardInterrupt
            for name, part in parts.items():
                display.part(name, part)
    return dict(parts)


class _Display:
    """Lines of a live display, one for each part."""

    def __init__(self, progress: Progress, out: Console) -> None:
        self._progress, self._out = progress, out
        self._tasks: dict[str, TaskID] = {}
        self._shown: dict[str, str] = {}
        self._parts: dict[str, PartState] = {}

    def part(self, name: str, part: PartState) -> None:
        """Show a part's state, and its problem as soon as it is known."""
        self.show(name, SAYS[part.state], done=part.state == "ready")
        if part.problem and not part.says_as(self._parts.get(name)):
            self._out.print(f"{name}: {part.problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        self._parts[name] = part

    def show(self, name: str, state: str, done: bool = False) -> None:
        """Show a state that has changed."""
        if self._shown.get(name) == state:
            return
        self._shown[name] = state
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=1, state=state)
        styled = f"[green]{state}" if done else state
        self._progress.update(self._tasks[name], completed=int(done), state=styled)
        if not self._out.is_terminal:
            self._out.print(f"{name}: {state}", highlight=False)


def _introduce(fleet: Fleet, parts: Mapping[str, PartState], took_s: float, out: Console) -> None:
    missing = {name: SAYS[part.state] for name, part in parts.items() if part.state != "ready"}
    question = '{"model":"auto","messages":[{"role":"user","content":"What is 7 + 5?"}]}'
    about = {"endpoint": f"{fleet.url}/v1", "page": f"{fleet.url}/", **fleet.about()}
    out.print(f"\n[bold green]ready[/] after {took_s:.0f} s" + (", without some pools" if missing else ""))
    lines = [
        *(f"{name}: {state}" for name, state in missing.items()),
        *(f"{word:<10} {text}" for word, text in about.items()),
        "\ntry",
        f"  curl {fleet.url}/v1/chat/completions -d '{question}'",
        f"  signalbox status --url {fleet.url}",
        *([f"  signalbox logs --follow --url {fleet.url}"] if Path(about.get("logs", "")).is_dir() else []),
        "\nCtrl-C stops it.",
    ]
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def _report_changes(fleet: Fleet, shown: dict[str, PartState], stop: Event, out: Console) -> None:
    """Print what changes, until `stop` is set. `shown` is kept up to date."""
    answers = True
    while not stop.wait(LOOK_EVERY_S):
        try:
            app = fleet.status()
        except FleetFailed as error:
            if answers:
                out.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            answers = False
            continue
        answers = True
        for name, part in states_after(shown, app).items():
            if not part.says_as(shown.get(name)):
                text = f": {part.problem}" if part.problem else ""
                out.print(f"{name}: {SAYS[part.state]}{text}", markup=False, highlight=False, soft_wrap=True)
            shown[name] = part
