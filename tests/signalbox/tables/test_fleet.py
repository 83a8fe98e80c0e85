"""What `signalbox status` says of scaling."""

from __future__ import annotations

import io

from rich.console import Console

from signalbox.tables.fleet import SHOWN_CHANGES, scaling_tables

ONE = {"pool": "small", "at_s": 1.8e9, "target": 1, "desired": 2, "ready": 1, "reason": "KV pressure 1.3 [1]",
       "signals": {}, "problem": None}  # fmt: skip


def shown(scaling):
    console = Console(width=200, record=True, file=io.StringIO())
    for table in scaling_tables(scaling):
        console.print(table)
    return console.export_text()


def test_a_fleet_of_fixed_size_says_nothing():
    assert scaling_tables({"board": True, "pools": {}, "log": []}) == []


def test_decisions_and_changes_have_their_reasons():
    text = shown({"pools": {"small": ONE}, "log": [ONE] * (SHOWN_CHANGES + 5)})
    assert text.count("KV pressure 1.3 [1]") == 1 + SHOWN_CHANGES
    assert "1 to 2" in text


def test_without_changes_there_is_no_table_of_them():
    assert "last changes" not in shown({"pools": {"small": ONE}, "log": []})
