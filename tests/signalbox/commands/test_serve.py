"""`signalbox serve` without starting anything: what its options change in the spec."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.local.fleet import LocalFleet
from signalbox.cli import app
from signalbox.commands import serve as module

LAPTOP = str(PROJECT_ROOT / "examples" / "laptop.yaml")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[FleetSpec]:
    """The specs that would be served."""
    specs: list[FleetSpec] = []

    def serve_until_stopped(fleet: LocalFleet, *args: object) -> int:
        specs.append(fleet.spec)
        return 0

    monkeypatch.setattr(module, "serve_until_stopped", serve_until_stopped)
    return specs


def test_options_replace_the_specs_port_and_log_level(served: list[FleetSpec]) -> None:
    assert CliRunner().invoke(app, ["serve", LAPTOP]).exit_code == 0
    assert CliRunner().invoke(app, ["serve", LAPTOP, "--port", "8123", "--log-level", "debug"]).exit_code == 0
    assert [(spec.gateway.port, spec.log_level) for spec in served] == [(8000, "info"), (8123, "debug")]


def test_an_unknown_log_level_is_refused_with_the_known_ones(served: list[FleetSpec]) -> None:
    done = CliRunner().invoke(app, ["serve", LAPTOP, "--log-level", "loud"])
    assert done.exit_code == 2
    assert "warning" in done.output
    assert served == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--port", "99999"), "--port"),
        (("--port", "0"), "--port"),
        (("--port", "x"), "--port"),
        (("--ready-timeout-s", "0"), "--ready-timeout-s"),
        (("--ready-timeout-s", "nan"), "--ready-timeout-s"),
    ],
)
def test_wrong_options_are_refused_before_anything_starts(
    served: list[FleetSpec], words: tuple[str, ...], text: str
) -> None:
    done = CliRunner().invoke(app, ["serve", LAPTOP, *words])
    assert done.exit_code == 2
    assert text in done.output
    assert served == []
