"""A Prometheus that watches a local fleet with the rules it is given, and an Alertmanager if alerts go to a webhook."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from deployments.local.ports import free_port
from deployments.local.programs import find

SCRAPE_S = 10
"""Also the scrape timeout: the endpoint asks all nodes, which takes seconds on a busy laptop."""
HOST = "127.0.0.1"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
RETENTION = "7d"
"""Longer than the longest window of the rules."""


class MonitorFailed(Exception):
    """Prometheus or Alertmanager is missing, does not start or has ended; the message says what to do."""


class PortTaken(MonitorFailed):
    """Another process listens on the port that Prometheus was to use."""


@dataclass(frozen=True)
class Ports:
    """Where the two programs listen, on loopback."""

    prometheus: int
    alertmanager: int


class Monitor:
    """Prometheus, and Alertmanager if there is a webhook. Their files are temporary and removed at the end."""

    def __init__(
        self, rules: Sequence[Mapping[str, Any]], endpoint: str, port: int, webhook: str | None = None
    ) -> None:
        """Prepare; `start` starts the programs.

        Args:
            rules: groups of recording and alerting rules, as in a Prometheus rule file.
            endpoint: URL of the fleet. Its /metrics joins all nodes, so every series is in it exactly once.
            port: port of Prometheus.
            webhook: URL that alerts are posted to. None: only Prometheus' own page shows them.
        """
        self.rules = rules
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
        """Start the programs and wait until they are ready.

        Raises:
            PortTaken: another process listens on the port of Prometheus.
            MonitorFailed: a program is missing or does not start.
        """
        self._write("rules.yaml", {"groups": list(self.rules)})
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
        """Name of a program that has ended by itself; None while all run."""
        return next((name for name, process in self._started.items() if process.poll() is not None), None)

    def last_lines(self, name: str) -> str:
        """The last lines of a program's log."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-3:])

    def stop(self) -> None:
        """End the programs and remove their files."""
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
            # A separate session: Ctrl-C reaches this process alone, which then ends the program in order.
            self._started[name] = subprocess.Popen(
                [program, *listen, *arguments], stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_ready(name, f"http://{HOST}:{port}/-/ready")

    def _wait_until_ready(self, name: str, url: str) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.ended() == name:
                raise MonitorFailed(f"{name} did not start: {self.last_lines(name)}")
            try:
                if httpx.get(url, timeout=2.0).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise MonitorFailed(f"{name} was not ready after {READY_TIMEOUT_S:.0f} s: {self.last_lines(name)}")


def _require_port(name: str, port: int) -> None:
    """Check that a port is free: another Prometheus there would answer instead of ours.

    Raises:
        PortTaken: another process listens there.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError as error:
            raise PortTaken(f"port {port} for {name} is taken: stop what listens there, or use another port") from error


def prometheus_config(endpoint: str, ports: Ports, alerting: bool) -> dict[str, Any]:
    """Scrape the endpoint, evaluate the rules, and send alerts to the Alertmanager if there is one."""
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
    """Send all alerts to one webhook, grouped by name."""
    route = {"receiver": "webhook", "group_by": ["alertname"], "group_wait": "5s", "group_interval": "1m"}
    return {"route": route, "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook}]}]}
