"""`signalbox check`: the exit status."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from signalbox.cli import app


@pytest.mark.parametrize(("device", "status"), [("H200", 0), ("L4", 1), ("Q9", 2)])
def test_exit_status(tmp_path, device, status):
    path = tmp_path / "fleet.yaml"
    path.write_text(f"""
pools: {{p: {{tier: large, model: meta-llama/Meta-Llama-3-70B-Instruct, parallel: {{tensor: 4}}}}}}
hardware: {{h: {{device: {device}, devices_per_node: 4}}}}
""")
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == status


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 3)])
def test_strict_fails_on_a_pool_that_could_not_be_checked(tmp_path, options, status):
    path = tmp_path / "fleet.yaml"
    path.write_text("pools: {p: {tier: large, model: nobody/nothing}}\nhardware: {h: {device: H100}}\n")
    assert CliRunner().invoke(app, ["check", str(path), *options]).exit_code == status
