"""`signalbox logs` on folders without a fleet."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from deployments.local import folders
from signalbox.cli import app
from signalbox.commands import logs as module

LINE = "INFO 2026-11-30 12:00:0{0},000 signalbox_{1} x -- line {0}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fleet at port 8123, with a line of the gateway and two of a pool."""
    monkeypatch.setattr(folders, "PARENT", tmp_path)
    made = folders.make_folder()
    folders.describe(made, "http://127.0.0.1:8123")
    serve = folders.logs_folder(made) / "serve"
    serve.mkdir(parents=True)
    (serve / "replica_signalbox_gateway_a.log").write_text(LINE.format(2, "gateway"))
    (serve / "replica_signalbox_small_b.log").write_text(LINE.format(1, "small") + LINE.format(3, "small"))
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["logs", *words])


def shown(*words: str) -> list[str]:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return [line.split(" -- ")[-1] for line in done.output.splitlines()]


def test_lines_of_all_processes_by_time(folder: Path) -> None:
    assert shown("--url", "http://localhost:8123/v1") == ["line 1", "line 2", "line 3"]
    assert shown("--folder", str(folder), "--pool", "small") == ["line 1", "line 3"]
    assert shown("--url", "http://127.0.0.1:8123", "--lines", "1") == ["line 3"]
    assert shown("--url", "http://127.0.0.1:8123", "--lines", "0") == []


def test_following_shows_new_lines_until_ctrl_c(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folders.logs_folder(folder) / "serve" / "replica_signalbox_small_b.log"
    waits = 0

    def wait(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits > 1:
            raise KeyboardInterrupt
        with file.open("a") as more:
            more.write(LINE.format(4, "small"))

    monkeypatch.setattr(module.time, "sleep", wait)
    assert shown("--folder", str(folder), "--follow", "--lines", "1") == ["line 3", "line 4"]


def test_what_there_is_not_is_said_with_what_there_is(folder: Path) -> None:
    nowhere = run("--url", "http://127.0.0.1:9")
    assert nowhere.exit_code == 2
    assert "http://127.0.0.1:8123" in nowhere.output
    assert "kubectl exec" in nowhere.output
    unknown = run("--folder", str(folder), "--pool", "smal")
    assert unknown.exit_code == 2
    assert "'smal', known values: gateway, small" in unknown.output


def test_a_folder_without_logs_is_said(tmp_path: Path) -> None:
    done = run("--folder", str(tmp_path / "nowhere"))
    assert done.exit_code == 2
    assert "--folder: no logs in" in done.output
