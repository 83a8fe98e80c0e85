"""Prometheus and Alertmanager without a fleet: their files, and the errors when they cannot start."""

from __future__ import annotations

import socket
import subprocess
import time

import httpx
import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.local import prometheus
from deployments.local.ports import free_port
from deployments.local.programs import find
from deployments.local.prometheus import Monitor, MonitorFailed, Ports, PortTaken, prometheus_config
from k8s.alerts import rule_groups

RULES = rule_groups(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml"))
NOBODY = "http://127.0.0.1:1"
needs_prometheus = pytest.mark.skipif(find("prometheus") is None, reason="Prometheus is not installed")


@pytest.fixture
def monitor():
    made = Monitor(RULES, NOBODY, free_port(), webhook=f"{NOBODY}/hook")
    yield made
    made.stop()


def found(monitor, path, key):
    """What Prometheus has found by its configuration, which takes it some seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if there := httpx.get(f"{monitor.url}/api/v1/{path}").json()["data"][key]:
            return there
        time.sleep(0.2)
    pytest.fail(f"Prometheus found no {path}")


@needs_prometheus
def test_starts_with_the_rules_and_leaves_nothing_behind(monitor):
    monitor.start()
    groups = httpx.get(f"{monitor.url}/api/v1/rules").json()["data"]["groups"]
    assert [group["name"] for group in groups] == ["signalbox-alerts", "signalbox-records"]
    (target,) = found(monitor, "targets", "activeTargets")
    assert target["scrapeUrl"] == f"{NOBODY}/metrics"
    (alertmanager,) = found(monitor, "alertmanagers", "activeAlertmanagers")
    assert alertmanager["url"] == f"http://127.0.0.1:{monitor.ports.alertmanager}/api/v2/alerts"
    assert monitor.ended() is None
    monitor.stop()
    assert not monitor.folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(monitor.url)


@needs_prometheus
def test_a_program_that_dies_is_noticed(monitor):
    monitor.start()
    monitor._started["prometheus"].kill()
    monitor._started["prometheus"].wait()
    assert monitor.ended() == "prometheus"


def test_a_taken_port_is_said(monitor):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", monitor.ports.prometheus))
        sock.listen()
        monitor.webhook = None
        with pytest.raises(PortTaken, match="is taken: stop what listens there, or use another port"):
            monitor.start()


def test_a_missing_program_is_said(monitor, monkeypatch):
    monkeypatch.setattr(prometheus, "find", lambda name: None)
    with pytest.raises(MonitorFailed, match="alertmanager is not installed"):
        monitor.start()


@needs_prometheus
def test_what_a_program_says_before_it_ends_is_said(monitor, monkeypatch):
    monkeypatch.setattr(prometheus, "alertmanager_config", lambda webhook: {"route": "wrong"})
    with pytest.raises(MonitorFailed, match=r"alertmanager did not start: (.*\n)*.*unmarshal"):
        monitor.start()


@pytest.mark.skipif(find("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:8000", "https://models.example/signalbox/"])
def test_promtool_takes_the_configuration(endpoint, tmp_path):
    config = prometheus_config(endpoint, Ports(9090, 9093), alerting=True)
    assert config["scrape_configs"][0]["metrics_path"].endswith(("/metrics", "/signalbox/metrics"))
    made = Monitor(RULES, endpoint, 9090)
    made._write("prometheus.yaml", config)
    made._write("rules.yaml", {"groups": []})
    command = [find("promtool"), "check", "config", made.folder / "prometheus.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    made.stop()
    assert done.returncode == 0, done.stdout + done.stderr
