"""A real Prometheus beside a real fleet: every query of every dashboard and rule has data, and an alert arrives.

The tests are one story and run in this order.
"""

from __future__ import annotations

import math
import re
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime

import httpx
import psutil
import pytest
from every_signal import Traffic, spec_text
from fleet_process import ROOT, SIGNALBOX, RunningFleet, start_fleet, stop_fleet
from prometheus_client.parser import text_string_to_metric_families
from webhook import Webhook, listening

from cluster.loading import load_spec
from deployments.local.ports import free_port
from deployments.local.programs import find
from k8s.alerts import rule_groups
from k8s.dashboards import boards
from k8s.dashboards.panels import without_grafana

pytestmark = [
    pytest.mark.slow,
    pytest.mark.proof,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (find("prometheus") and find("alertmanager")), reason="Prometheus is not installed"),
]
PATIENCE_S = 500.0
"""For a query's data, and for an alert: engines of a busy machine take minutes to start anew."""
WINDOW, SPAN = "2m", "15m"


@pytest.fixture(scope="module")
def hook():
    with listening() as server:
        yield server


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    home = tmp_path_factory.mktemp("monitored")
    (home / "state").mkdir()
    spec = home / "spec.yaml"
    spec.write_text(spec_text(home / "state"))
    running = start_fleet(spec, home / "serve.log")
    yield running
    stop_fleet(running)


class Watching:
    """`signalbox monitor` as a user runs it."""

    def __init__(self, fleet: RunningFleet, hook: Webhook) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = fleet.spec.parent / "monitor.log"
        words = ["monitor", str(fleet.spec), "--url", fleet.url, "--port", str(port), "--webhook", hook.url]
        with self.log.open("w") as output:
            self.process = subprocess.Popen([*SIGNALBOX, *words], stdout=output, stderr=output, cwd=ROOT)
        wait_for("signalbox monitor", lambda: "Ctrl-C stops it" in self.log.read_text())

    def get(self, path, **params):
        return httpx.get(f"{self.url}/api/v1/{path}", params=params, timeout=60).json()["data"]

    def has_data(self, expr):
        """Whether a query gives at least one number now."""
        found = self.get("query", query=without_grafana(expr, WINDOW, SPAN))["result"]
        return any(math.isfinite(float(series["value"][1])) for series in found)


@pytest.fixture(scope="module")
def watching(fleet, hook):
    started = Watching(fleet, hook)
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(timeout=60)


def wait_for(what, found):
    """Until `found()` is true; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(1)
    pytest.fail(f"{what}: not within {PATIENCE_S} s")


def queries(spec):
    """Every query of every panel and recording rule, and every series that an alert looks at, by where it stands."""
    found = {
        f"{board.title}: {panel.title}: {query.legend}": query.expr
        for board in boards(spec)
        for panel in board.panels
        for query in panel.queries
    }
    for rule in (rule for group in rule_groups(spec) for rule in group["rules"]):
        if "record" in rule:
            found[f"{rule['record']} {rule.get('labels', '')}"] = rule["expr"]
        else:
            for selector in re.findall(r"(?:ray_|signalbox:)[\w:]+(?:\{[^}]*\})?", rule["expr"]):
                found[f"{rule['alert']}: {selector}"] = selector
    return found


def break_a_stream(fleet, watching, traffic):
    """Kill the only replica of a pool that answers: streams that have begun break, whole answers are tried again."""
    whole = threading.Thread(
        target=lambda: traffic.ask("list", model="large", max_tokens=900, ignore_eos=True, stream=False)
    )
    whole.start()
    wait_for("answers", lambda: watching.has_data('ray_signalbox_engine_running{pool="large"} > 2'))
    fleet.replica_process("large").kill()
    return whole


def test_every_query_of_every_panel_and_rule_has_data(fleet, watching, record_property):
    asked = queries(load_spec(fleet.spec))
    missing = dict(asked)
    asleep = 'ray_signalbox_replicas{pool="moe",state="ready"} == 0'
    wait_for("a pool that sleeps", lambda: watching.has_data(asleep))
    with Traffic(fleet.url) as traffic:
        whole = break_a_stream(fleet, watching, traffic)

        def all_there():
            for name in [name for name, expr in missing.items() if watching.has_data(expr)]:
                del missing[name]
            return not missing

        deadline = time.monotonic() + PATIENCE_S
        while not all_there() and time.monotonic() < deadline:
            time.sleep(5)
        whole.join()
    assert not missing
    record_property("queries", len(asked))


def test_every_series_is_scraped_once(fleet, watching):
    page = httpx.get(f"{fleet.url}/metrics", timeout=60).text
    samples = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]
    assert len(samples) == len(set(samples))
    (target,) = watching.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_choices_of_dashboards_are_there(watching):
    assert set(watching.get("label/pool/values")) >= {"small", "moe", "large"}
    assert set(watching.get("label/tenant/values")) >= {"team-a", "team-b"}


def test_rules_are_healthy(watching):
    rules = [rule for group in watching.get("rules")["groups"] for rule in group["rules"]]
    assert rules
    assert {rule["health"] for rule in rules} == {"ok"}


def test_the_alert_of_a_fleet_that_is_down_arrives(fleet, watching, hook):
    stop_fleet(fleet)
    stopped = datetime.now(UTC)
    alert = wait_for("the alert", lambda: hook.fired("SignalboxEndpointDown", stopped))
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["runbook_url"].startswith("docs/alerts.md#")


def test_ctrl_c_ends_everything(watching):
    started = psutil.Process(watching.process.pid).children(recursive=True)
    assert {each.name() for each in started} >= {"prometheus", "alertmanager"}
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(timeout=60) == 0
    assert not psutil.wait_procs(started, timeout=10)[1]
    assert "stopped" in watching.log.read_text()
