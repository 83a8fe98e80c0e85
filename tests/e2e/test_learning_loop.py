"""The learning loop on a fleet: collect, train, use, other decisions, rollback, restart; feedback; shadow traffic."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from fleet_process import ROOT, start_fleet, stop_fleet

from router.model.artifact import dump_artifact
from training.fit.train import train as learn
from training.outcomes import read_outcomes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SIGNALBOX = Path(sys.executable).parent / "signalbox"
SPEC = """
pools:
  small: {{tier: small, model: sim-small, engine: {{kind: simulated}}, prices: {{output_per_mtok: 1}}}}
  large: {{tier: large, model: sim-large, engine: {{kind: simulated}}, prices: {{output_per_mtok: 10}}}}
hardware:
  node: {{device: cpu, nodes: 2, devices_per_node: 1}}
routing:
  state_folder: {folder}
  artifact: rules
  feedback: {{}}
  shadow: {{pool: large, share: 1}}
gateway:
  replicas: {{min: 2, max: 2}}
"""
WORDS = "apple river stone winter garden music paper window silver forest ocean bread".split()
QUERY = "How many apples are in the garden by the river?"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("learning")


LEARNS = "  learn: {share: 1, max_extra_cost: 1, max_ongoing: 8}\n"


class Running:
    """The fleet, and how to start it again."""

    def __init__(self, home):
        self.spec = home / "spec.yaml"
        self.spec.write_text(SPEC.format(folder=home / "state"))
        self.fleet = start_fleet(self.spec, home / "serve.log")

    def restart(self, routing=""):
        """Stop and start again, with more lines in the spec's section `routing`."""
        stop_fleet(self.fleet)
        self.spec.write_text(self.spec.read_text().replace("routing:\n", f"routing:\n{routing}"))
        self.fleet = start_fleet(self.spec, self.spec.with_name("again.log"))

    def __getattr__(self, name):
        return getattr(self.fleet, name)


@pytest.fixture(scope="module")
def running(home):
    running = Running(home)
    yield running
    stop_fleet(running.fleet)


def signalbox(*words):
    done = subprocess.run([str(SIGNALBOX), *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def train(home, name, small_is_good):
    """The file of an artifact whose training saw the small tier always right, or never."""
    lines = [
        {
            "query": f"How many {WORDS[n % 12]}s are in the {WORDS[n // 12 % 12]} by the {WORDS[n // 7 % 12]}?",
            "quality": {"small": float(small_is_good), "large": 1.0},
            "output_tokens": {"small": 20, "large": 20},
            "group": WORDS[n % 12],
        }
        for n in range(600)
    ]
    outcomes = read_outcomes(map(json.dumps, lines), name, {"small": "small", "large": "large"})
    artifact = home / f"{name}.artifact"
    artifact.write_bytes(dump_artifact(learn(outcomes)))
    return artifact


def decided(fleet):
    """Pools that answer a query now; both gateway replicas are likely among those asked."""
    return {fleet.chat(QUERY, max_tokens=1).headers["x-signalbox-pool"] for _ in range(12)}


def wait_decided(fleet, pool):
    deadline = time.monotonic() + 60
    while decided(fleet) != {pool}:
        assert time.monotonic() < deadline, f"the fleet did not switch to {pool}"


def lines_of(folder):
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


def wait_lines(folder, wanted):
    deadline = time.monotonic() + 60
    while not (found := [line for line in lines_of(folder) if wanted(line)]):
        assert time.monotonic() < deadline, f"no such line in {folder}"
        time.sleep(0.2)
    return found


def test_prompts_become_outcomes(running, home):
    prompts, outcomes = home / "prompts.jsonl", home / "outcomes.jsonl"
    prompts.write_text("".join(json.dumps({"query": f"{w}?", "pattern": "word", "group": w}) + "\n" for w in WORDS))
    signalbox("collect", prompts, "-o", outcomes, "--url", running.url, "--max-tokens", 3)
    lines = [json.loads(line) for line in outcomes.read_text().splitlines()]
    assert len(lines) == len(WORDS)
    assert {json.dumps(line["quality"]) for line in lines} == {'{"small": 1.0, "large": 1.0}'}
    assert {json.dumps(line["output_tokens"]) for line in lines} == {'{"small": 3, "large": 3}'}


def test_feedback_arrives_at_any_gateway_and_is_on_the_disk(running, home):
    for score in (0.25, 0.75):
        answer = running.chat("Which day is it?", max_tokens=2)
        body = {"request_id": answer.headers["x-request-id"], "score": score}
        given = httpx.post(f"{running.url}/v1/feedback", json=body, timeout=30)
        assert given.status_code == 200, given.text
        (line,) = [line for line in lines_of(home / "state" / "feedback") if line["request_id"] == body["request_id"]]
        assert line["quality"] == {answer.headers["x-signalbox-tier"]: score}
    unknown = httpx.post(f"{running.url}/v1/feedback", json={"request_id": "nobody", "score": 1}, timeout=30)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_request")


@pytest.mark.parametrize("stream", [False, True])
def test_shadow_answers_are_recorded_and_never_mixed(running, home, stream):
    answer = running.chat("Say something.", max_tokens=4, stream=stream)
    assert answer.headers["x-signalbox-pool"] == "small"
    assert "sim-small" in answer.text
    assert "sim-large" not in answer.text
    request_id = answer.headers["x-request-id"]
    (line,) = wait_lines(home / "state" / "shadow", lambda line: line["request_id"] == request_id)
    assert line["answer"] == {"small": "word " * 4, "large": "word " * 4}
    assert "quality" not in line


def test_an_artifact_is_used_rolled_back_and_survives_a_restart(running, home):
    good, bad = train(home, "good", True), train(home, "bad", False)
    signalbox("router", "use", bad, "--url", running.url)
    wait_decided(running, "large")
    signalbox("router", "use", good, "--url", running.url)
    wait_decided(running, "small")
    signalbox("router", "rollback", "--url", running.url)
    wait_decided(running, "large")
    broken = home / "broken.artifact"
    broken.write_bytes(bad.read_bytes()[:1000])
    refused = httpx.put(f"{running.url}/v1/router", content=broken.read_bytes(), timeout=30)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_artifact")
    assert decided(running) == {"large"}
    running.restart()
    wait_decided(running, "large")
    assert "decides" in signalbox("router", "status", "--url", running.url)
    signalbox("router", "rollback", "--url", running.url)
    nothing = httpx.post(f"{running.url}/v1/router/rollback", timeout=30)
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "no_rollback")


def learned(fleet):
    return httpx.get(f"{fleet.url}/v1/router", timeout=30).json()["learning"]


def test_a_fleet_learns_by_itself_which_model_is_enough(running):
    """The simulated models give equal answers, so the large one is never worth its price. The rules do not know it."""
    running.restart(LEARNS)
    hard = "Explain in detail why the sky is blue and derive Rayleigh scattering, part {}."
    assert running.chat(hard.format(0), max_tokens=3).headers["x-signalbox-pool"] == "large"
    deadline = time.monotonic() + 300
    number = 0
    while not (state := learned(running))["version"]:
        assert time.monotonic() < deadline, state
        number += 1
        running.chat(hard.format(number), max_tokens=3)
    assert state["labels"]["comparison"] >= 25
    assert state["verdict"]["action"] == "take"
    assert "decides" in signalbox("router", "status", "--url", running.url)
    wait_decided(running, "small")
    assert running.chat(hard.format(0), max_tokens=3).headers["x-signalbox-pool"] == "small"
