"""`--online` of `check` and `plan`, against a hub over loopback."""

from __future__ import annotations

import json

import hub as stub
import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT
from signalbox.cli import app

QWEN = json.loads((PROJECT_ROOT / "cluster" / "models" / "Qwen--Qwen3-8B.json").read_text())
FILES = {"vendor/new/config.json": QWEN, "vendor/gated/config.json": QWEN}


@pytest.fixture(autouse=True)
def hub(monkeypatch, tmp_path):
    with stub.serving(FILES, gated=("vendor/gated",)) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield serving


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def spec(tmp_path, model):
    path = tmp_path / "fleet.yaml"
    path.write_text(f"pools: {{p: {{tier: small, model: {model}}}}}\nhardware: {{h: {{device: H100}}}}\n")
    return str(path)


def test_check_asks_only_when_told(tmp_path, hub):
    path = spec(tmp_path, "vendor/new")
    assert run("check", path, "--strict").exit_code == 3
    assert hub.asked == []
    done = run("check", path, "--strict", "--online")
    assert done.exit_code == 0
    assert "the fleet fits" in done.output


def test_what_the_hub_does_not_say_stays_unchecked(tmp_path):
    done = run("check", spec(tmp_path, "vendor/gated"), "--online", "--strict")
    assert done.exit_code == 3
    assert "set HF_TOKEN" in " ".join(done.output.split())
    assert "1 of 1 pools not checked: p" in done.output


def test_plan_asks_too(hub):
    done = run("plan", "vendor/new", "--gpu", "H100", "--online")
    assert done.exit_code == 0
    assert "8.2 B parameters" in done.output
    done = run("plan", "vendor/nothing", "--gpu", "H100", "--online")
    assert done.exit_code == 2
    assert "check the id" in done.output
    assert "Traceback" not in done.output
