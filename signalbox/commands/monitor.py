"""`signalbox monitor`: a real Prometheus beside a running fleet, with its rules, and an Alertmanager if asked."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml
from rich.console import Console

from cluster.spec import FleetSpec
from deployments.local.fleet import free_port
from k8s.alerts import rule_groups
from signalbox.tools import find

SCRAPE_S = 10
"""Also how long the endpoint may take to ask all nodes, which on a busy laptop is seconds."""
HOST = "127.0.0.1"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
RETENTION = "7d"
"""Longer than the longest window of the rules."""


class MonitorFailed(Exception):
    """Prometheus or Alertmanager is missing, does not start or has ended; the message says what to do."""


@dataclass(frozen=True)
class Ports:
    """Where the two listen, on loopback."""

    prometheus: int
    alertmanager: int


class Monitor:
    """Prometheus, and Alertmanager where alerts go to a webhook, with files of their own that end with them."""

    def __init__(self, spec: FleetSpec, endpoint: str, port: int, webhook: str | None = None) -> None:
        """Nothing is started yet.

        Args:
            endpoint: URL of the fleet. Its /metrics joins all nodes, so every series is there exactly once.
            port: of Prometheus.
            webhook: URL that alerts are posted to; None: Prometheus' own page shows them.
        """
        self.spec = spec
        self.endpoint = endpoint
        self.webhook = webhook
        self.ports = Ports(port, free_port())
        self.folder = Path(tempfile.mkdtemp(prefix="signalbox-monitor-"))
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Prometheus' page and API."""
        return f"http://{HOST}:{self.ports.prometheus}"

    def start(self) -> None:
        """Start, and wait until they answer.

        Raises:
            MonitorFailed: a program is missing or does not start.
        """
        self._write("rules.yaml", {"groups": rule_groups(self.spec)})
        self._write("prometheus.yaml", prometheus_config(self.endpoint, self.ports, bool(self.webhook)))
        if self.webhook:
            self._write("alertmanager.yaml", alertmanager_config(self.webhook))
            self._run(
                "alertmanager",
                self.ports.alertmanager,
                ["--cluster.listen-address=", f"--storage.path={self.folder}/alerts"],
            )
        storage = [f"--storage.tsdb.path={self.folder}/samples", f"--storage.tsdb.retention.time={RETENTION}"]
        self._run("prometheus", self.ports.prometheus, storage)

    def ended(self) -> str | None:
        """Name of a program that has ended by itself; None as long as all run."""
        return next((name for name, process in self._started.items() if process.poll() is not None), None)

    def said(self, name: str) -> str:
        """The last lines of a program's log."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-3:])

    def stop(self) -> None:
        """End what was started and remove its files."""
        for process in self._started.values():
            process.terminate()
        for process in self._started.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False))

    def _run(self, name: str, port: int, arguments: Sequence[str]) -> None:
        program = find(name)
        if program is None:
            raise MonitorFailed(f"{name} is not installed: `make setup` unpacks it on Debian; elsewhere put it on PATH")
        _require_port(name, port)
        listen = [f"--config.file={self.folder}/{name}.yaml", f"--web.listen-address={HOST}:{port}"]
        with (self.folder / f"{name}.log").open("wb") as log:
            # In a session of its own: Ctrl-C is for us, and we end it in order.
            self._started[name] = subprocess.Popen(
                [program, *listen, *arguments], stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_ready(name, f"http://{HOST}:{port}/-/ready")

    def _wait_until_ready(self, name: str, url: str) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.ended() == name:
                raise MonitorFailed(f"{name} did not start: {self.said(name)}")
            try:
                if httpx.get(url, timeout=2.0).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise MonitorFailed(f"{name} was not ready after {READY_TIMEOUT_S:.0f} s: {self.said(name)}")


def is_http_url(text: str) -> bool:
    """Whether alerts can be posted there."""
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _require_port(name: str, port: int) -> None:
    """Another Prometheus there would answer in place of ours.

    Raises:
        MonitorFailed: something listens there.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError as error:
            raise MonitorFailed(f"port {port} for {name} is taken: write another with --port") from error


def prometheus_config(endpoint: str, ports: Ports, alerting: bool) -> dict[str, Any]:
    """Scrape the endpoint, evaluate our rules, send alerts to the Alertmanager if there is one."""
    parts = urlsplit(endpoint)
    scrape = {
        "job_name": "signalbox",
        "scheme": parts.scheme,
        "metrics_path": f"{parts.path.rstrip('/')}/metrics",
        "static_configs": [{"targets": [parts.netloc]}],
    }
    alertmanagers = [{"static_configs": [{"targets": [f"{HOST}:{ports.alertmanager}"]}]}] if alerting else []
    return {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": alertmanagers},
        "scrape_configs": [scrape],
    }


def alertmanager_config(webhook: str) -> dict[str, Any]:
    """All alerts to one webhook, those of one kind together."""
    route = {"receiver": "webhook", "group_by": ["alertname"], "group_wait": "5s", "group_interval": "1m"}
    return {"route": route, "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook}]}]}


def monitor_until_stopped(monitor: Monitor, out: Console, err: Console) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit status."""
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda signum, frame: stop.set())
    try:
        monitor.start()
        _introduce(monitor, out)
        while not stop.wait(1.0):
            if name := monitor.ended():
                raise MonitorFailed(f"{name} has ended: {monitor.said(name)}")
    except MonitorFailed as error:
        err.print(str(error), style="red", markup=False)
        return 1
    finally:
        monitor.stop()
    out.print("stopped")
    return 0


def _introduce(monitor: Monitor, out: Console) -> None:
    out.print(f"watching    {monitor.endpoint}", highlight=False, soft_wrap=True)
    out.print(f"Prometheus  {monitor.url}/graph", highlight=False)
    out.print(f"alerts      {monitor.url}/alerts", highlight=False)
    if monitor.webhook:
        out.print(f"            and to {monitor.webhook}", highlight=False, soft_wrap=True)
    out.print(f"samples     {monitor.folder}, until this command ends", highlight=False, soft_wrap=True)
    out.print("\nCtrl-C stops it.")
