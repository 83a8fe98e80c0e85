"""The file of labels: bounded in number and age, and readable after a crash."""

from __future__ import annotations

import json

import pytest

from deployments.board.labels import LabelStore


def line(number, source="comparison", at_s=None):
    return {"at_s": float(number if at_s is None else at_s), "source": source, "number": number}


@pytest.fixture
def make(tmp_path):
    return lambda keep=100, keep_s=1_000.0: LabelStore(tmp_path / "labels" / "labels.jsonl", keep, keep_s)


def snapshot(store, tmp_path, now_s):
    store.write(tmp_path / "snapshot", now_s)
    return [json.loads(text)["number"] for text in (tmp_path / "snapshot").read_text().splitlines()]


def test_labels_survive_a_restart(make):
    store = make()
    assert store.add([line(1), line(2, "feedback")], 2.0) == 2
    again = make()
    assert (len(again), again.counts()) == (2, {"comparison": 1, "feedback": 1})


def test_the_newest_are_kept(make, tmp_path):
    store = make(keep=100)
    for number in range(300):
        store.add([line(number)], 300.0)
    assert snapshot(store, tmp_path, 300.0) == list(range(200, 300))
    assert len((tmp_path / "labels" / "labels.jsonl").read_text().splitlines()) <= 125
    assert snapshot(make(keep=100), tmp_path, 300.0) == list(range(200, 300))


def test_old_labels_no_longer_count(make, tmp_path):
    store = make(keep_s=10.0)
    store.add([line(1, at_s=0.0), line(2, at_s=95.0)], 100.0)
    assert snapshot(store, tmp_path, 100.0) == [2]


def test_a_damaged_line_costs_no_other(make, tmp_path):
    make().add([line(1), line(2)], 2.0)
    path = tmp_path / "labels" / "labels.jsonl"
    path.write_text(path.read_text() + '{"at_s": 3.0, "sou')
    assert len(make()) == 2
    path.write_bytes(b"\xff\xfe")
    assert len(make()) == 0


def test_nobody_else_may_read_them(make, tmp_path):
    make().add([line(1)], 1.0)
    assert (tmp_path / "labels").stat().st_mode & 0o077 == 0
