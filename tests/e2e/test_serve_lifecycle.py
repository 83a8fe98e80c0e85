"""`signalbox serve` starts and ends cleanly: what it started is gone, what others started is not touched."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
from fleet_process import ROOT, start_fleet, stop_fleet

from deployments.local.ports import free_port

SIMULATED = """
pools:
  small: {tier: small, model: sim-small, engine: {kind: simulated}}
  large: {tier: large, model: sim-large, engine: {kind: simulated}}
hardware:
  node: {device: cpu, nodes: 2, devices_per_node: 1}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "simulated.yaml"
    path.write_text(SIMULATED)
    return path


@pytest.fixture
def start(spec, tmp_path):
    """Start fleets that stop with the test."""
    started = []

    def start_one(name):
        started.append(start_fleet(spec, tmp_path / f"{name}.log"))
        return started[-1]

    yield start_one
    for fleet in started:
        stop_fleet(fleet)


def test_two_fleets_live_side_by_side_and_end_without_a_trace(start, tmp_path):
    first, second = start("first"), start("second")
    ours = psutil.Process(first.process.pid).children(recursive=True)
    assert len(ours) > 10
    assert {_address(first), _address(second)} == {"127.0.0.1"}
    assert not _ports(first) & _ports(second)
    assert f"page       {first.url}/\n" in (tmp_path / "first.log").read_text()
    temp = {f.path for p in ours for f in _open_files(p) if f.path.startswith("/tmp/signalbox-")}
    stop_fleet(first)
    assert first.process.returncode == 0
    assert [p for p in ours if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert not [path for path in temp if os.path.exists(path)]
    assert second.chat("hi", model="large", max_tokens=2).status_code == 200


def _address(fleet):
    """What the endpoint listens on."""
    assert httpx.get(f"{fleet.url}/health").status_code == 200
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    (address,) = {c.laddr.ip for c in listening if c.laddr.port == httpx.URL(fleet.url).port}
    return address


def _ports(fleet):
    """The TCP ports that a fleet's processes listen on."""
    pids = {p.pid for p in psutil.Process(fleet.process.pid).children(recursive=True)}
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    ports = {c.laddr.port for c in listening if c.pid in pids}
    assert len(ports) > 10
    return ports


def _open_files(process):
    try:
        return process.open_files()
    except psutil.Error:
        return []


def test_a_killed_serve_leaves_no_processes(start):
    fleet = start("serve")
    time.sleep(2)  # agents rename themselves when they have started
    ours = psutil.Process(fleet.process.pid).children(recursive=True)
    fleet.process.send_signal(signal.SIGKILL)
    fleet.process.wait()
    # Ray's node agents notice the end of their raylet by themselves, after one to two minutes.
    names = {process: name for process in ours if not (name := process.name()).endswith("Agent")}
    assert len(names) > 10
    _, alive = psutil.wait_procs(names, timeout=60)
    assert [names[process] for process in alive] == []


def test_a_taken_port_is_said_plainly(spec):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        done = run("serve", str(spec), "--port", str(sock.getsockname()[1]))
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_without_a_fleet_says_how_to_start_one():
    done = run("status", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "signalbox serve" in done.stderr


def test_a_folder_without_a_model_is_refused_before_anything_starts(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text(f"pools:\n  small: {{tier: small, model: {tmp_path}}}\n")
    done = run("serve", str(path), "--port", str(free_port()))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pools.small.model" in done.stderr
    assert "no config.json" in done.stderr


HYBRID = """
pools:
  small: {{tier: small, model: sim-small, engine: {{kind: simulated}}, replicas: {{min: 1, max: 2}}}}
  far: {{tier: large, model: x, engine: {{kind: remote, options: {{base_url: "http://127.0.0.1:{port}/v1"}}}}}}
"""


class Models(BaseHTTPRequestHandler):
    """A remote that is up."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": []}')

    def log_message(self, *_):
        pass


@pytest.mark.timeout(900)
def test_a_remote_that_is_down_leaves_the_others_serving_and_comes_back(spec, start, tmp_path):
    port = free_port()
    spec.write_text(HYBRID.format(port=port))
    fleet = start("hybrid")
    log = tmp_path / "hybrid.log"
    begun = log.read_text()
    assert f"far: RuntimeError: pool far: http://127.0.0.1:{port}/v1/models does not respond" in begun
    (path,) = set(re.findall(r"^log: (\S+) on 127\.0\.0\.1$", begun, re.M))
    assert "does not respond" in Path(path).read_text()
    assert ", without some pools" in begun
    assert fleet.chat("hi", max_tokens=2).headers["x-signalbox-pool"] == "small"
    scaling = httpx.get(f"{fleet.url}/v1/scaling", timeout=10).json()
    assert [entry for entry in scaling["log"] if entry["problem"]] == []
    remote = HTTPServer(("127.0.0.1", port), Models)
    threading.Thread(target=remote.serve_forever, daemon=True).start()
    try:
        deadline = time.monotonic() + 300
        while "\nfar: ready\n" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
    finally:
        remote.shutdown()
        remote.server_close()


@pytest.mark.timeout(900)
def test_an_engine_that_cannot_start_ends_serve_with_the_reason(tmp_path):
    config = (ROOT / "demo" / "models" / "small" / "config.json").read_text()
    (tmp_path / "config.json").write_text(config)  # no tokenizer, and a file of weights without any
    (tmp_path / "model.safetensors").touch()
    path = tmp_path / "weightless.yaml"
    path.write_text(f"pools:\n  small: {{tier: small, model: {tmp_path}}}\n")
    done = run("serve", str(path), "--port", str(free_port()), timeout=800)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "small" in done.stderr
    assert "tokenizer" in done.stderr


def run(*words, timeout=120):
    command = [os.path.join(os.path.dirname(sys.executable), "signalbox"), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
