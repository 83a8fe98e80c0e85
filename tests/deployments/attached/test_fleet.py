"""What a fleet submits to a running cluster and takes back, with a Serve that a test plays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray
from ray import serve

from cluster.spec import FleetSpec
from deployments.attached import fleet as module
from deployments.attached.fleet import AttachedFleet
from deployments.attached.nodes import RayNode
from deployments.start_watch import FleetFailed

SPEC = FleetSpec.model_validate(
    {"pools": {"small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}}}, "gateway": {"port": 8123}}
)
OTHER = {"name": "other", "import_path": "a.b:c", "route_prefix": "/other"}


class Client:
    """As ServeControllerClient."""

    def __init__(self, **applications):
        self.http_config = SimpleNamespace(port=8000)
        self.applications = applications
        self.deployed = []

    def get_serve_details(self):
        return {"applications": self.applications}

    def deploy_apps(self, config):
        self.deployed.append(config.model_dump(exclude_unset=True)["applications"])


@pytest.fixture
def fleet():
    return AttachedFleet(SPEC, "auto")


def nodes(address="10.0.0.7"):
    return (RayNode("n1", "10.0.0.8", 4, (), {}), RayNode("n2", address, 4, (), {}, is_head=True))


def submit(fleet, monkeypatch, client, shipped=False, address="10.0.0.7"):
    """The options with which Serve was started, if it was."""
    started = []

    def serve_start(**options):
        started.append(options)
        return Client()

    monkeypatch.setattr(module, "_serve_client", lambda: client)
    monkeypatch.setattr("ray.serve._private.api.serve_start", serve_start)
    fleet._submit(nodes(address), shipped)
    return started


def test_a_fleet_joins_the_applications_of_a_running_serve(fleet, monkeypatch):
    client = Client(other={"deployed_app_config": OTHER, "route_prefix": "/other"})
    assert submit(fleet, monkeypatch, client) == []
    ((other, ours),) = client.deployed
    assert other["name"] == "other"
    assert ours["args"]["nodes"] == {"cpu": {"labels": {"ray.io/node-id": "in(n1)"}, "ray_type": None}}
    assert (fleet.url, fleet.started) == ("http://10.0.0.7:8000", True)


@pytest.mark.parametrize(("address", "host"), [("10.0.0.7", "0.0.0.0"), ("127.0.0.1", "127.0.0.1")])
def test_a_serve_that_is_started_listens_where_the_cluster_is(fleet, monkeypatch, address, host):
    (options,) = submit(fleet, monkeypatch, None, shipped=True, address=address)
    assert options["http_options"] == {"host": host, "port": 8123}
    assert options["proxy_location"] == "HeadOnly"


def test_a_controller_without_the_code_is_refused(fleet, monkeypatch):
    with pytest.raises(FleetFailed, match="without the code of Signalbox, which its controller needs"):
        submit(fleet, monkeypatch, Client(), shipped=True)
    assert not fleet.started


def test_the_code_is_shipped_only_if_it_has_to_be(fleet):
    assert fleet._environment(ships=False, has_haproxy=False).keys() == {"env_vars"}
    shipped = fleet._environment(ships=True, has_haproxy=True)
    assert [path.rsplit("/", 1)[1] for path in shipped["py_modules"]] == list(module.ROOMS)
    assert shipped["env_vars"]["RAY_SERVE_ENABLE_HA_PROXY"] == "1"


@pytest.mark.parametrize(
    ("starts_serve", "left", "ends_serve"), [(True, [], True), (True, ["x"], False), (False, [], False)]
)
def test_the_end_takes_away_what_was_brought(fleet, monkeypatch, starts_serve, left, ends_serve):
    client, ended, killed = Client(other={"deployed_app_config": OTHER}, signalbox={}), [], []
    statuses = [["signalbox", *left], left, left]
    monkeypatch.setattr(module, "_serve_client", lambda: client)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications=statuses.pop(0)))
    monkeypatch.setattr(serve, "shutdown", lambda: ended.append(1))
    monkeypatch.setattr(ray, "get_actor", lambda name, namespace: (name, namespace))
    monkeypatch.setattr(ray, "kill", killed.append)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    fleet._submitted, fleet._starts_serve = True, starts_serve
    assert fleet.stop().endswith("the Ray cluster runs on")
    assert [app["name"] for app in client.deployed[0]] == ["other"]
    assert killed == [("board-signalbox", "signalbox")]
    assert bool(ended) is ends_serve
    assert not fleet.started


def test_a_cluster_that_is_gone_does_not_break_the_end(fleet, monkeypatch):
    def gone():
        raise ConnectionError("gone")

    monkeypatch.setattr(module, "_serve_client", gone)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    assert "could not be ended (ConnectionError)" in fleet.stop()
