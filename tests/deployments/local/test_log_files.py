"""Reading the log files of a local fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.local import log_files
from deployments.local.log_files import Entry, LogReader

GATEWAY = "replica_signalbox_gateway_a1.log"
SMALL = "replica_signalbox_small_b2.log"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "serve").mkdir()
    return tmp_path


def write(logs: Path, name: str, *lines: str) -> None:
    with (logs / "serve" / name).open("a") as file:
        file.writelines(lines)


def line(second: int, text: str) -> str:
    return f"INFO 2026-11-30 12:00:{second:02},000 signalbox_x y -- {text}\n"


def texts(entries: list[Entry]) -> list[str]:
    return [entry.text.split(" -- ")[-1] for entry in entries]


def test_files_are_merged_by_time_and_tracebacks_stay_together(logs: Path) -> None:
    write(logs, GATEWAY, line(1, "first"), line(4, "failed"), "Traceback (most recent call last):\n", "KeyError\n")
    write(logs, SMALL, line(2, "second"), line(3, "third"))
    write(logs, "board.log", line(5, "last"))
    failed = "failed\nTraceback (most recent call last):\nKeyError"
    assert texts(LogReader(logs).new_entries()) == ["first", "second", "third", failed, "last"]


def test_only_new_and_complete_lines_are_read_again(logs: Path) -> None:
    reader = LogReader(logs)
    write(logs, SMALL, line(1, "first"), line(2, "half")[:-10])
    assert texts(reader.new_entries()) == ["first"]
    write(logs, SMALL, line(2, "half")[-10:])
    write(logs, GATEWAY, line(3, "of a new file"))
    assert texts(reader.new_entries()) == ["half", "of a new file"]
    assert reader.new_entries() == []


def test_a_file_that_serve_begins_again_is_read_from_its_start(logs: Path) -> None:
    reader = LogReader(logs)
    write(logs, SMALL, line(1, "a long line of the old file"))
    reader.new_entries()
    (logs / "serve" / SMALL).write_text(line(2, "new"))
    assert texts(reader.new_entries()) == ["new"]


def test_a_large_file_is_read_from_near_its_end(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LAST_BYTES", 70)
    write(logs, SMALL, *(line(second, str(second)) for second in range(50)))
    assert texts(LogReader(logs).new_entries()) == ["49"]


def test_one_pool_is_that_pool_only(logs: Path) -> None:
    write(logs, GATEWAY, line(1, "gateway"))
    write(logs, SMALL, line(2, "small"))
    write(logs, "controller_12.log", line(3, "controller"))
    reader = LogReader(logs, "small")
    assert texts(reader.new_entries()) == ["small"]
    assert reader.pools() == ["gateway", "small"]


def test_a_file_that_vanishes_is_skipped(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(logs, SMALL, line(1, "there"))
    reader = LogReader(logs)
    monkeypatch.setattr(reader, "files", lambda: [logs / "serve" / "gone.log", logs / "serve" / SMALL])
    assert texts(reader.new_entries()) == ["there"]
