"""`signalbox monitor`: a Prometheus with the spec's rules watches a running fleet until Ctrl-C."""

from __future__ import annotations

import threading
from typing import Annotated
from urllib.parse import urlsplit

import typer

from deployments.local.prometheus import Monitor, MonitorFailed, PortTaken
from signalbox.client import DEFAULT_URL, EndpointError, get_json
from signalbox.console import (
    DEFAULT_SPEC,
    FAILED,
    WRONG_INPUT,
    SpecArgument,
    UrlOption,
    exit_on,
    fail,
    load_or_exit,
    out,
)
from signalbox.main import INTERRUPTED
from signalbox.stop_signals import StopSignals


def monitor(
    spec: SpecArgument = DEFAULT_SPEC,
    url: UrlOption = DEFAULT_URL,
    port: Annotated[int, typer.Option(help="Port of Prometheus on 127.0.0.1.", min=1, max=65_535)] = 9090,
    webhook: Annotated[str | None, typer.Option(help="Start an Alertmanager that posts alerts to this URL.")] = None,
) -> None:
    """Start a Prometheus that watches a running fleet with its recording and alerting rules, until Ctrl-C."""
    from k8s.alerts import rule_groups

    fleet = load_or_exit(spec)
    if webhook and not _is_http_url(webhook):
        fail(f"--webhook: invalid value '{webhook}', use an address such as http://127.0.0.1:5001", WRONG_INPUT)
    with exit_on(EndpointError, status=FAILED):
        get_json(url, "/health")
    watching = Monitor(rule_groups(fleet), url, port, webhook)
    status = INTERRUPTED
    with StopSignals() as signals:
        try:
            with exit_on(MonitorFailed, status=FAILED), exit_on(PortTaken, status=FAILED, before="--port: "):
                watching.start()
                _introduce(watching)
                status = 0
                _watch(watching, signals.stop)
        except KeyboardInterrupt:
            pass
        finally:
            signals.stop.set()
            watching.stop()
    out.print("stopped")
    raise typer.Exit(status)


def _is_http_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _watch(monitor: Monitor, stop: threading.Event) -> None:
    """Wait until `stop` is set.

    Raises:
        MonitorFailed: a program has ended by itself.
    """
    while not stop.wait(1.0):
        if name := monitor.ended():
            raise MonitorFailed(f"{name} has ended: {monitor.last_lines(name)}")


def _introduce(monitor: Monitor) -> None:
    lines = [
        f"watching    {monitor.endpoint}",
        f"Prometheus  {monitor.url}/graph",
        f"alerts      {monitor.url}/alerts",
        *([f"            and to {monitor.webhook}"] if monitor.webhook else []),
        f"samples     {monitor.folder}, removed when this command ends",
        "\nCtrl-C stops it.",
    ]
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)
