"""A fleet started the way a user starts it, for tests that talk to one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deployments.local.ports import free_port

ROOT = Path(__file__).parent.parent.parent
SIGNALBOX = (str(Path(sys.executable).parent / "signalbox"),)
READY_TIMEOUT_S = 600.0
HEAL_TIMEOUT_S = 400.0
"""An engine starts in well under a minute; a busy test machine is given more."""
SEGMENT_PATIENCE_S = 30.0


@dataclass(frozen=True)
class RunningFleet:
    """A fleet started by `signalbox serve`."""

    url: str
    process: subprocess.Popen[str] | None = None
    spec: Path = Path("examples/laptop.yaml")

    def state(self) -> dict[str, Any]:
        """GET /v1/fleet."""
        return httpx.get(f"{self.url}/v1/fleet", timeout=10).json()

    def pool(self, name: str) -> dict[str, Any]:
        """One pool of GET /v1/fleet."""
        return self.state()["pools"][name]

    def living(self, pool: str) -> dict[str, Any]:
        """The replica of a pool that spoke last; the board remembers a killed one for some seconds."""
        return max(self.pool(pool)["replicas"], key=lambda replica: replica["as_of_s"])

    def wait_replaced(self, pool: str, old: str) -> dict[str, Any]:
        """Wait until a pool has a replica that is not `old`, and return it."""
        deadline = time.monotonic() + HEAL_TIMEOUT_S
        while True:
            others = [r for r in self.pool(pool)["replicas"] if r["replica_id"] != old]
            if others:
                return others[0]
            assert time.monotonic() < deadline, f"no new replica of {pool} within {HEAL_TIMEOUT_S} s"
            time.sleep(0.5)

    def replica_process(self, pool: str) -> psutil.Process:
        """The process of a pool's only replica."""
        title = f"ray::ServeReplica:signalbox:{pool}"
        started = psutil.Process(self.process.pid).children(recursive=True) if self.process else psutil.process_iter()
        (found,) = [each for each in started if " ".join(each.cmdline()).startswith(title)]
        return found

    def processes(self, title: str) -> dict[int, psutil.Process]:
        """Ray's processes whose title begins so, by pid."""
        found = {}
        for each in psutil.Process(self.process.pid).children(recursive=True) if self.process else ():
            with suppress(psutil.Error):  # it has ended meanwhile
                if " ".join(each.cmdline()).startswith(title):
                    found[each.pid] = each
        return found

    def chat(self, content: str, **body: Any) -> httpx.Response:
        """POST a chat of one user message."""
        given = {
            "model": "auto",
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            **body,
        }
        return httpx.post(f"{self.url}/v1/chat/completions", json=given, timeout=120)


def shared_memory() -> set[str]:
    """Names of vLLM's shared-memory segments that no living process has mapped. Locks of 32 bytes are left out."""
    names = {path.name for path in Path("/dev/shm").glob("*") if any(part in path.name for part in ("psm_", "cpushm"))}
    mapped = set()
    for maps in Path("/proc").glob("[0-9]*/maps") if names else ():
        with suppress(OSError):  # a process that has ended meanwhile, or somebody else's
            mapped |= set(re.findall(r"/dev/shm/(\S+)", maps.read_text()))
    return names - mapped


def left_behind(before: set[str]) -> set[str]:
    """Segments that came since `before` and stay without an owner: another fleet maps a new one within seconds."""
    deadline = time.monotonic() + SEGMENT_PATIENCE_S
    while (left := shared_memory() - before) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def start_fleet(spec: Path, log: Path, program: Sequence[str] = SIGNALBOX, port: int | None = None) -> RunningFleet:
    """`signalbox serve SPEC`, ready, on a port or a free one; `program` may stand in for `signalbox`."""
    port = port or free_port()
    command = [*program, "serve", str(spec), "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True
        )
    fleet = RunningFleet(f"http://127.0.0.1:{port}", process, spec)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"signalbox serve ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        if "Ctrl-C stops it" in log.read_text():
            wait_until_seen(fleet)
            return fleet
        time.sleep(0.5)
    stop_fleet(fleet)
    pytest.fail(f"the fleet was not ready after {READY_TIMEOUT_S} s:\n{log.read_text()[-4000:]}")


def wait_until_seen(fleet: RunningFleet) -> None:
    """Until the gateway has heard of every pool: a young board listens for seconds before it speaks."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = httpx.get(f"{fleet.url}/ready", timeout=10)
        if all(answer.json().get("pools", {"none": 0}).values()):
            return
        time.sleep(0.5)


def stop_fleet(fleet: RunningFleet) -> None:
    """Ctrl-C."""
    if fleet.process and fleet.process.poll() is None:
        os.kill(fleet.process.pid, signal.SIGINT)
        fleet.process.wait(timeout=120)
