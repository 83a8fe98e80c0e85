"""`signalbox serve --address` on a Ray cluster of two nodes that runs already, with an application of somebody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest
import ray_cluster
from fleet_process import ROOT, SIGNALBOX, start_fleet, stop_fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SPEC = """
pools:
  small: {tier: small, model: sim-small, engine: {kind: simulated}, hardware: a}
  large: {tier: large, model: sim-large, engine: {kind: simulated}, hardware: b}
  down: {tier: moe, model: x, engine: {kind: remote, options: {base_url: "http://127.0.0.1:1/v1"}}}
hardware:
  a: {device: cpu, devices_per_node: 1}
  b: {device: cpu, devices_per_node: 2}
"""
OTHER = """
from ray import serve

@serve.deployment(ray_actor_options={"num_cpus": 0})
class Other:
    def __call__(self, request):
        return "other"

app = Other.bind()
"""
STATE = """
import json, os, ray
ray.init(os.environ["ADDRESS"], namespace="x", logging_level="ERROR", log_to_driver=False)
names = sorted(actor["name"] for actor in ray.util.list_named_actors(all_namespaces=True))
print("STATE " + json.dumps([sum(node["Alive"] for node in ray.nodes()), names]))
"""
DEPLOY = """
import os, ray
ray.init(os.environ["ADDRESS"], namespace="serve", logging_level="ERROR", log_to_driver=False)
from ray import serve
from ray.serve._private.api import serve_start
from ray.serve.schema import ServeDeploySchema
client = serve_start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])}, proxy_location="HeadOnly")
app = {"name": "other", "route_prefix": "/other", "import_path": "other_app:app"}
client.deploy_apps(ServeDeploySchema.model_validate({"applications": [app]}), _blocking=True)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a cluster whose nodes carry no label, and the environment of its users."""
    with tempfile.TemporaryDirectory(prefix="sb-ray-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "other_app.py").write_text(OTHER)
        with ray_cluster.running(folder, [{"num_cpus": 1, "num_gpus": 0}, {"num_cpus": 2, "num_gpus": 0}]) as address:
            yield address, {**ray_cluster.environment(folder), "ADDRESS": address}


def run(code, environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(environment):
    (line,) = [line for line in run(STATE, environment).splitlines() if line.startswith("STATE ")]
    return json.loads(line.removeprefix("STATE "))


@pytest.fixture
def serve(cluster, tmp_path, monkeypatch):
    """Start the fleet on the cluster."""
    address, environment = cluster
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    started = []

    def start(port=None):
        program = (sys.executable, str(ROOT / "tests" / "support" / "serve_attached.py"), address)
        started.append(start_fleet(spec, tmp_path / "serve.log", program, port))
        return started[-1], (tmp_path / "serve.log").read_text()

    yield start
    for fleet in started:
        stop_fleet(fleet)


def test_it_serves_there_and_leaves_the_cluster_as_it_was(serve, cluster):
    before = state(cluster[1])
    fleet, log = serve()
    assert "code       installed on every node" in log
    assert "down: " in log
    assert "does not respond" in log
    for pool in ("small", "large"):
        answer = fleet.chat("hi", model=pool, max_tokens=2)
        assert (answer.status_code, answer.headers["x-signalbox-pool"]) == (200, pool)
    nodes = {name: fleet.living(name)["node_id"] for name in ("small", "large")}
    assert nodes["small"] != nodes["large"]  # one node has a CPU, the other two
    stop_fleet(fleet)
    assert fleet.process.returncode == 0
    assert state(cluster[1]) == before


def test_an_application_of_somebody_else_stays(serve, cluster):
    from deployments.local.ports import free_port

    port = free_port()
    run(DEPLOY, cluster[1] | {"PORT": str(port)})
    fleet, log = serve(port)
    assert f"http://127.0.0.1:{port}/v1" in log  # Serve's port there
    url = f"http://127.0.0.1:{port}"
    chat = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    assert httpx.post(f"{url}/v1/chat/completions", json=chat, timeout=60).status_code == 200
    assert httpx.get(f"{url}/other", timeout=60).text == "other"
    stop_fleet(fleet)
    assert httpx.get(f"{url}/other", timeout=60).text == "other"
    names = state(cluster[1])[1]
    assert any(name.startswith("SERVE_REPLICA::other#") for name in names)
    assert not [name for name in names if "signalbox" in name]


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("127.0.0.1:1", "the Ray cluster at 127.0.0.1:1 cannot be used"),
        ("nowhere", "--address: invalid value 'nowhere'"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(tmp_path, address, text):
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    done = subprocess.run(
        [*SIGNALBOX, "serve", str(spec), "--address", address], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode in (1, 2)
    assert text in done.stderr
    assert "Traceback" not in done.stderr
