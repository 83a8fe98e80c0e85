"""How a fleet starts, read from Serve's status: which pools serve, which fail and why."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

GATEWAY = "gateway"
ENDS = ("ready", "failing")
POLL_S = 0.5
FAILED = ("A replica failed to start", "The deployment failed to start")
"""How Serve's messages about failed starts begin. It has other messages, such as about replicas that wait for room."""


class FleetFailed(Exception):
    """The fleet cannot serve; the message says why and where the logs are."""


@dataclass(frozen=True)
class PartState:
    """A pool or the gateway."""

    state: Literal["loading", "waiting", "ready", "failing"]
    """`waiting`: no node has room for its next replica. `failing`: no replica runs, and the newest start failed."""
    problem: str = ""
    """Why the newest start failed, and its log; empty if none did."""

    def says_as(self, other: PartState | None) -> bool:
        """Whether people learn nothing new: each start has another log."""
        return other is not None and (self.state, self._why) == (other.state, other._why)

    @property
    def _why(self) -> str:
        return self.problem.partition("\nlog: ")[0]


def application_status(name: str) -> Any:
    """Serve's ApplicationStatusOverview of an application; None while there is none.

    Raises:
        FleetFailed: Serve's controller does not answer.
    """
    from ray import serve

    try:
        return serve.status().applications.get(name)
    except Exception as error:  # Ray and Serve raise many kinds
        raise FleetFailed(f"Ray Serve does not answer ({type(error).__name__}): {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def part_state(deployment: Any) -> PartState:
    """The state of a deployment, from Serve's DeploymentStatusOverview."""
    status, message = deployment.status.value, deployment.message or ""
    running = deployment.replica_states.get("RUNNING", 0)
    failed = status in ("DEPLOY_FAILED", "UNHEALTHY") or message.startswith(FAILED)
    problem = reason_in(message) if failed else ""
    if running or status in ("HEALTHY", "UPSCALING", "DOWNSCALING"):
        return PartState("ready", problem)
    if failed:
        return PartState("failing", problem)
    return PartState("waiting" if "to be scheduled" in message else "loading")


def states_after(before: Mapping[str, PartState], app: Any) -> dict[str, PartState]:
    """The state of each part, from Serve's ApplicationStatusOverview. A part that has failed is failing until it is
    ready: while it is tried again, Serve's message is that its start is slow."""
    now = {name: part_state(each) for name, each in app.deployments.items()} if app else {}
    failed = {name for name, part in before.items() if part.state == "failing"}
    return {name: part if part.state in ENDS or name not in failed else before[name] for name, part in now.items()}


def reason_in(message: str) -> str:
    """The reason in Serve's message about a failed start, without Serve's introduction and Python's traceback."""
    introduction, _, reason = message.partition("Error:\n")
    return without_traceback(reason or introduction).removeprefix("deployments.wire.errors.StartFailed: ").strip()


def without_traceback(message: str) -> str:
    """Serve's message with each Python traceback cut down to the error it ends with."""
    kept: list[str] = []
    inside = False
    for line in message.splitlines():
        if "Traceback (most recent call last)" in line or re.match(r"\S*ray::", line):
            inside = True
        elif inside and re.match(r"[\w.]+: |[\w.]+$", line):
            inside = False
        if not inside and not line.lstrip().startswith("For further information visit"):
            kept.append(line)
    return "\n".join(kept)


def watch_start(read: Callable[[], Any], timeout_s: float, logs: str) -> Iterator[Mapping[str, PartState]]:
    """Yield the state of each part about twice a second, until the gateway runs and every pool is ready or failing.

    After `timeout_s` a fleet with a pool that serves is left as it is: the other pools may still come.

    Args:
        read: Serve's ApplicationStatusOverview of the fleet; None while there is none.
        logs: where the log files are, for messages.

    Raises:
        FleetFailed: no pool can serve, or none did within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    parts: dict[str, PartState] = {}
    while True:
        app = read()
        parts = states_after(parts, app)
        yield parts
        _require_hope(app, parts, logs)
        if parts and _settled(parts):
            return
        if time.monotonic() > deadline:
            if not _serves(parts):
                states = ", ".join(f"{name} {part.state}" for name, part in parts.items()) or "nothing deployed"
                raise FleetFailed(f"no pool was ready after {timeout_s:.0f} s ({states})\nlogs: {logs}")
            return
        time.sleep(POLL_S)


def _require_hope(app: Any, parts: Mapping[str, PartState], logs: str) -> None:
    """Check that a pool serves or can still come.

    Raises:
        FleetFailed: the application cannot be built, its gateway fails, or every pool has failed.
    """
    failing = {name: part.problem for name, part in parts.items() if part.state == "failing"}
    pools = parts.keys() - {GATEWAY}
    if GATEWAY in failing or (pools and pools <= failing.keys()):
        raise FleetFailed("\n".join([*(f"{name}: {text}" for name, text in failing.items()), f"logs: {logs}"]))
    if app and not parts and app.status.value == "DEPLOY_FAILED":
        raise FleetFailed(f"{reason_in(app.message)}\nlogs: {logs}")


def _settled(parts: Mapping[str, PartState]) -> bool:
    return parts[GATEWAY].state == "ready" and all(part.state in ENDS for part in parts.values())


def _serves(parts: Mapping[str, PartState]) -> bool:
    ready = {name for name, part in parts.items() if part.state == "ready"}
    return GATEWAY in ready and len(ready) > 1
