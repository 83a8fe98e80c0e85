"""`signalbox init`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from deployments.hardware import machine as module
from deployments.hardware.machine import FoundGpu, Machine
from signalbox.cli import app

GPU = Machine((FoundGpu("0", "GeForce-RTX-4090", 23.99),), "CUDA_VISIBLE_DEVICES", 16, 64.0)
CPU = Machine((), "CUDA_VISIBLE_DEVICES", 2, 16.0)


def run(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(("found", "said"), [(GPU, "1 x GeForce-RTX-4090 (24.0 GiB)"), (CPU, "no GPU, 2 CPUs, 16 GiB")])
def test_it_writes_a_spec_that_check_passes(monkeypatch, tmp_path, found, said):
    monkeypatch.setattr(module, "this_machine", lambda: found)
    path = tmp_path / "fleet.yaml"
    done = run("init", "-o", str(path))
    assert done.exit_code == 0, done.output
    assert said in done.output
    assert f"signalbox serve {path}" in done.output
    checked = run("check", str(path))
    assert checked.exit_code == 0, checked.output
    again = run("init", "--output", str(path))
    assert (again.exit_code, f"{path} exists: use another name" in again.output) == (2, True)


def test_this_very_machine_can_be_looked_at(tmp_path):
    path = tmp_path / "fleet.yaml"
    assert run("init", "-o", str(path)).exit_code in (0, 1)  # 1: a GPU that the catalogue does not have


def test_what_cannot_be_written_or_chosen_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "this_machine", lambda: GPU)
    done = run("init", "-o", str(tmp_path / "no" / "fleet.yaml"))
    assert (done.exit_code, "cannot be written (No such file or directory)" in done.output) == (2, True)
    monkeypatch.setattr(module, "this_machine", lambda: Machine((FoundGpu("0", "X9", None),), "", 1, 1.0))
    done = run("init", "-o", str(tmp_path / "fleet.yaml"))
    assert (done.exit_code, "X9 is not in the catalogue" in done.output) == (1, True)
    assert not (tmp_path / "fleet.yaml").exists()
