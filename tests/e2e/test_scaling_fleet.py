"""Scaling on a fleet of real engines: every signal moves what it should, with its reason, and no stream is lost.

The tests are one story and run in this order.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import serve_faulty
from faulty_scaling import BUG
from fleet_process import start_fleet, stop_fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENCE_S = 700.0
"""Pools sleep two cold starts after their last request, and a busy machine takes minutes for one."""
SPEC = """
hardware:
  cpu: {{device: cpu, nodes: 2, devices_per_node: 2}}
pools:
  small:
    tier: small
    model: demo/models/small
    replicas: {{min: 1, max: 2}}
    engine: {{kind: vllm, options: &tiny {{dtype: float32, enforce_eager: true, max_model_len: 1024, block_size: 32,
              kv_cache_memory_bytes: 33554432, max_num_seqs: 4}}}}
  moe:
    tier: moe
    model: demo/models/small
    served_name: sleeper
    replicas: {{min: 0, max: 1}}
    engine: {{kind: vllm, options: *tiny}}
  large:
    tier: large
    model: demo/models/large
    replicas: {{min: 1, max: 2}}
    engine: {{kind: vllm, options: {{<<: *tiny, kv_cache_memory_bytes: {large_cache}, max_num_seqs: 16}}}}
scaling:
  policy: signalbox
  upscale_delay_s: 1
  downscale_delay_s: 75 # small is to have its second replica still when large wants one
  idle_s: 10
  cold_start_s: 20
  ttft_target_s: 60 # on a slow machine, too, batches and caches are what is short
  tpot_target_s: 2
  device_budget: 3
routing: {{artifact: rules, state_folder: {folder}}}
"""
LARGE_CACHE = 24 * 2**20
LONG = 900
LONGEST = LONG + 60
"""With the prompt, in whole blocks of the cache."""
HARD = "Explain in detail why the sky is blue and derive Rayleigh scattering."
GOOD_ENOUGH = "auto:cheap,quality=0.9"
"""What the rules send HARD to a mixture of experts for, and else to a large model."""
CONTROLLER = "ray::ServeController"
GATEWAYS = 1
WATCHED_S = 10.0
"""How long what shall not move is looked at."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    home = tmp_path_factory.mktemp("scaling")
    (home / "state").mkdir()
    spec = home / "spec.yaml"
    spec.write_text(SPEC.format(folder=home / "state", large_cache=LARGE_CACHE))
    running = start_fleet(spec, home / "serve.log", [sys.executable, serve_faulty.__file__])
    yield running
    stop_fleet(running)


def scaling(fleet):
    return httpx.get(f"{fleet.url}/v1/scaling", timeout=30).json()


def wait_for(what, found):
    """Until `found()` is true; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.5)
    pytest.fail(f"{what}: not within {PATIENCE_S} s")


def change(fleet, pool, target, desired, since_s=0.0):
    """The newest logged change of a pool from one size to another; None where there is none since a moment."""
    log = (entry for entry in scaling(fleet)["log"] if entry["at_s"] > since_s)
    moves = [entry for entry in log if (entry["pool"], entry["target"]) == (pool, target)]
    return next((entry for entry in moves if entry["desired"] == desired), None)


def newest(fleet, holds):
    """Whether something holds for the newest decision on every pool."""
    return all(holds(pool) for pool in scaling(fleet)["pools"].values())


def replicas(fleet):
    """Process ids of all replicas, those that start and those of the gateway included."""
    return fleet.processes("ray::ServeReplica:signalbox:").keys()


def sizes(fleet):
    """Replicas that are wanted, by pool."""
    return {name: pool["desired"] for name, pool in scaling(fleet)["pools"].items()}


def settled(fleet):
    """Processes and sizes of a fleet whose replicas, and no others, are there; None as long as it moves."""
    running, size = replicas(fleet), sizes(fleet)
    ready = {name: pool["ready"] for name, pool in fleet.state()["pools"].items()}
    return (running, size) if ready == size and len(running) == sum(size.values()) + GATEWAYS else None


def stays(fleet, before, size):
    """For a while the same replicas run and serve, and no more or fewer of them are wanted."""
    until = time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        assert replicas(fleet) == before
        assert sizes(fleet) == size
        assert {name: pool["ready"] for name, pool in fleet.state()["pools"].items()} == size
        time.sleep(0.5)


def long_answer(fleet, pool, tokens=LONG):
    """A stream that generates as many tokens as asked for; how many events of text came, and whether it ended well."""
    body = {
        "model": pool,
        "messages": [{"role": "user", "content": "Write a long list."}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with httpx.stream("POST", f"{fleet.url}/v1/chat/completions", json=body, timeout=300) as answer:
        text = answer.read().decode()
    return answer.status_code == 200 and text.rstrip().endswith("[DONE]") and f'"completion_tokens":{tokens}' in text


class Load:
    """Keeps so many requests going until it is left; every one has to end well."""

    def __init__(self, fleet, pool, streams, tokens):
        self.fleet, self.pool, self.streams, self.tokens = fleet, pool, streams, tokens
        self.stop = threading.Event()
        self.done = []

    def _go(self):
        while not self.stop.is_set():
            self.done.append(long_answer(self.fleet, self.pool, self.tokens))

    def __enter__(self):
        self.pool_of_threads = ThreadPoolExecutor(self.streams)
        self.going = [self.pool_of_threads.submit(self._go) for _ in range(self.streams)]
        return self

    def __exit__(self, *error):
        self.stop.set()
        self.pool_of_threads.shutdown()
        for each in self.going:
            each.result()
        assert self.done
        assert all(self.done)


def test_an_idle_pool_scales_to_zero(fleet):
    went = wait_for("moe to zero", lambda: change(fleet, "moe", 1, 0))
    assert went["reason"].startswith("idle")
    wait_for("moe gone", lambda: fleet.pool("moe")["ready"] == 0)


def test_a_load_step_brings_the_second_replica(fleet, record_property):
    began_s = time.time()
    with Load(fleet, "small", streams=16, tokens=60):
        grew = wait_for("small to two", lambda: change(fleet, "small", 1, 2))
        first = {replica["replica_id"] for replica in fleet.pool("small")["replicas"]}
        wait_for(
            "a token from the new replica",
            lambda: any(
                replica["generated_tokens_total"] > 20 and replica["replica_id"] not in first
                for replica in fleet.pool("small")["replicas"]
            ),
        )
        record_property("step_to_decision_s", grew["at_s"] - began_s)
        record_property("step_to_first_token_s", time.time() - began_s)
    assert grew["reason"].startswith(("queue:", "demand"))
    assert grew["signals"]["arrivals_per_s"] > 0


def test_kv_pressure_alone_takes_a_device_from_an_idle_pool(fleet):
    """Long answers fill the cache while nothing waits; the budget of three devices is spent, so small yields."""
    (replica,) = fleet.pool("large")["replicas"]
    streams = int(0.97 * replica["kv_capacity_tokens"] / LONGEST)
    assert 2 <= streams <= 16
    with Load(fleet, "large", streams, LONG):
        grew = wait_for("large to two", lambda: change(fleet, "large", 1, 2))
        wait_for("the second large", lambda: fleet.pool("large")["ready"] == 2)
    assert grew["reason"].startswith("KV:")
    assert grew["signals"]["waiting"] == grew["signals"]["held"] == 0
    assert "takes devices from small" in grew["reason"]
    assert "yields to large" in change(fleet, "small", 2, 1)["reason"]


def test_calm_brings_it_back_and_no_stream_breaks(fleet):
    with Load(fleet, "large", streams=1, tokens=600):
        wait_for("large back to one", lambda: change(fleet, "large", 2, 1))
        wait_for("one large left", lambda: fleet.pool("large")["ready"] == 1)


def test_killing_the_controller_moves_nothing(fleet):
    before, size = wait_for("nothing that starts or stops", lambda: settled(fleet))
    (killed,) = fleet.processes(CONTROLLER).values()
    with Load(fleet, "small", streams=1, tokens=60):
        killed_s = time.time()
        killed.kill()
        wait_for("a new controller", lambda: fleet.processes(CONTROLLER).keys() - {killed.pid})
        stays(fleet, before, size)
        wait_for("decisions after it", lambda: newest(fleet, lambda pool: pool["at_s"] > killed_s + WATCHED_S / 2))
        stays(fleet, before, size)
    assert newest(fleet, lambda pool: pool["problem"] is None)


def test_a_bug_in_the_policy_changes_nothing_and_is_reported(fleet):
    before, size = wait_for("nothing that starts or stops", lambda: settled(fleet))
    (fleet.spec.parent / "state" / BUG).touch()
    wait_for("the problem", lambda: newest(fleet, lambda pool: "RuntimeError: a bug" in (pool["problem"] or "")))
    with Load(fleet, "small", streams=16, tokens=60):  # which would grow
        stays(fleet, before, size)
    (fleet.spec.parent / "state" / BUG).unlink()
    wait_for("decisions again", lambda: newest(fleet, lambda pool: pool["problem"] is None))


def test_requests_wake_an_empty_pool_and_are_answered(fleet):
    """By the next best, where another pool will do; where it is asked by name, the request waits for it."""
    asked_s = time.time()
    answer = fleet.chat(HARD, model=GOOD_ENOUGH, max_tokens=8)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-signalbox-pool"] == "large"
    assert "would have gone to moe, which is at zero replicas; it starts" in answer.headers["x-signalbox-reason"]
    wait_for("moe to one", lambda: change(fleet, "moe", 0, 1, since_s=asked_s))
    body = {"model": "sleeper", "messages": [{"role": "user", "content": "What is 7 + 5?"}]}
    answer = httpx.post(f"{fleet.url}/v1/chat/completions", json=body, timeout=300)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-signalbox-pool"] == "moe"
    assert fleet.chat(HARD, model=GOOD_ENOUGH, max_tokens=8).headers["x-signalbox-pool"] == "moe"
