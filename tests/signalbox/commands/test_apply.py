"""`signalbox apply` without a fleet: what it says and when it applies nothing."""

from __future__ import annotations

import pytest
import yaml
from typer.testing import CliRunner

from cluster.loading import load_spec
from cluster.spec import FleetSpec
from deployments.local import folders
from deployments.running_spec import version
from signalbox.cli import app
from signalbox.commands import apply as module

SPEC = {
    "pools": {"small": {"tier": "small", "model": "demo/models/small"}},
    "hardware": {"cpu": {"device": "cpu"}},
    "gateway": {"port": 8123},
}


class Fleet:
    """As RunningFleet."""

    def __init__(self, folder):
        assert folder.url == "http://127.0.0.1:8123"

    def deploy(self, config):
        """As RunningFleet.deploy."""
        self.deployed.append(config)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "PARENT", tmp_path)
    monkeypatch.setattr(module, "RunningFleet", Fleet)
    monkeypatch.setattr(Fleet, "deployed", [], raising=False)
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    monkeypatch.setattr(Fleet, "spec", load_spec(path), raising=False)
    folders.describe(folders.make_folder(), "http://127.0.0.1:8123", "127.0.0.1:6379")

    def run(change, *options):
        path.write_text(yaml.safe_dump(SPEC | change))
        return CliRunner().invoke(app, ["apply", str(path), *options])

    return run


def pools(**change):
    return {"pools": {"small": SPEC["pools"]["small"] | change}}


@pytest.mark.parametrize(
    ("change", "options", "status", "said"),
    [
        ({}, (), 0, "No changes."),
        (pools(aliases=["tiny"]), ("--dry-run",), 0, "in place: pools.small.aliases"),
        (pools(engine={"options": {"max_model_len": 64}}), (), 1, "nothing was applied: add --restart"),
        ({"name": "other"}, (), 2, "name: invalid value 'other', the fleet at http://127.0.0.1:8123 is 'signalbox'"),
        ({"gateway": {"port": 8124}}, (), 2, "no fleet of `signalbox serve` runs at http://127.0.0.1:8124"),
    ],
)
def test_nothing_is_applied(run, change, options, status, said):
    done = run(change, *options)
    assert (done.exit_code, said in done.output) == (status, True), done.output
    assert Fleet.deployed == []


def test_it_waits_until_the_gateway_follows(run, monkeypatch):
    def in_force(url, path):
        (config,) = Fleet.deployed
        spec = config["applications"][0]["deployments"][0]["user_config"]["spec"]
        assert spec["routing"]["cost_weight"] == 0.5
        return {"spec": version(FleetSpec.model_validate(spec))}

    monkeypatch.setattr(module, "get_json", in_force)
    done = run({"routing": {"cost_weight": 0.5}})
    assert (done.exit_code, "In force after" in done.output) == (0, True), done.output


def test_it_says_when_the_gateway_does_not_follow(run, monkeypatch):
    monkeypatch.setattr(module, "get_json", lambda url, path: {"spec": "another"})
    monkeypatch.setattr(module, "FOLLOWED_AFTER_S", 0.2)
    done = run({"routing": {"cost_weight": 0.5}})
    assert (done.exit_code, "is not in force" in done.output) == (1, True), done.output


def test_a_restart_is_applied_if_asked_for(run):
    done = run(pools(engine={"options": {"max_model_len": 64}}), "--restart")
    assert (done.exit_code, len(Fleet.deployed)) == (0, 1), done.output
