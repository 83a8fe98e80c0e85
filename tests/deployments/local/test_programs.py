"""Finding programs of others."""

from pathlib import Path

import pytest

from deployments.local import programs


def program(folder: Path, name: str) -> Path:
    """An executable file."""
    folder.mkdir(exist_ok=True)
    made = folder / name
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def test_what_was_unpacked_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, systems = program(tmp_path / "ours", "prometheus"), program(tmp_path / "system", "prometheus")
    monkeypatch.setenv("PATH", str(systems.parent))
    monkeypatch.setattr(programs, "UNPACKED", ours.parent)
    assert programs.find("prometheus") == ours
    ours.unlink()
    assert programs.find("prometheus") == systems


def test_a_program_that_is_nowhere_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "UNPACKED", tmp_path / "none")
    assert programs.find("prometheus") is None
