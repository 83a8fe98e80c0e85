"""Files and lines are stored whole or not at all, and folders begin new files."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.board.durable_files import JsonLines, JsonLinesFolder, replace_file


def test_lines_of_many_threads_are_all_there_and_whole(tmp_path):
    file = JsonLines(tmp_path / "a.jsonl")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: file.append({"n": number, "text": "x" * 1_000}), range(100)))
    lines = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert sorted(line["n"] for line in lines) == list(range(100))


def test_any_text_can_be_stored(tmp_path):
    file = JsonLines(tmp_path / "a.jsonl")
    text = "\ud800 \x00 \n é"
    file.append({"text": text})
    assert json.loads(file.path.read_text()) == {"text": text}


def test_a_line_that_cannot_be_stored_leaves_nothing_behind(tmp_path, monkeypatch):
    file = JsonLines(tmp_path / "a.jsonl")
    file.append({"n": 1})
    write, calls = os.write, []

    def full(descriptor, data):
        if calls:
            raise OSError(28, "No space left on device")
        calls.append(1)
        return write(descriptor, data[:5])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.append({"n": 2})
    assert file.path.read_text() == '{"n": 1}\n'


def test_a_full_file_is_followed_by_another(tmp_path):
    folder = JsonLinesFolder(tmp_path / "deep" / "folder", max_file_bytes=30)
    for number in range(6):
        folder.append({"number": number})
    files = sorted((tmp_path / "deep" / "folder").iterdir())
    assert [len(file.read_text().splitlines()) for file in files] == [3, 3]
    assert folder.folder.stat().st_mode & 0o077 == 0


def test_a_file_is_replaced_whole_or_keeps_its_content(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert (path.read_bytes(), [each.name for each in tmp_path.iterdir()]) == (b"two", ["state.json"])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"three")
    assert path.read_bytes() == b"two"
