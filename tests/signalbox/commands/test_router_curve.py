"""Adaptation curves: own labels help, families are kept apart, and wrong options are explained."""

from __future__ import annotations

import json

import pytest
from outcome_maker import outcome_rows, write_outcomes
from trained_router import ROUNDS
from typer.testing import CliRunner

from signalbox.cli import app
from training.fit import gains, members


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(members, "ROUNDS_FEW", ROUNDS)
    monkeypatch.setattr(gains, "ROUNDS", ROUNDS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outcomes")
    return [
        "--data",
        write_outcomes(folder / "first.jsonl.gz", outcome_rows(160, seed=1)),
        "--data",
        write_outcomes(folder / "second.jsonl", outcome_rows(60, ["small", "large"], seed=2)),
    ]


def run(*arguments, status=0):
    done = CliRunner().invoke(app, ["router", "curve", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done


def test_a_point_per_number_of_labels(made):
    got = json.loads(run(*made, "--labels", 25, "--labels", 80, "--draws", 2, "--json").stdout)
    assert [point["labels"] for point in got["points"]] == [0, 25, 80]
    none, few, many = got["points"]
    assert set(none["apgr"]) == set(few["apgr"]) == {"first", "second"}
    assert set(many["apgr"]) == {"first"}  # the second file is too small for 80 labels and a test
    assert few["macro_apgr"] == pytest.approx(sum(few["apgr"].values()) / 2)
    assert few["apgr_ci"] is not None
    assert many["apgr_ci"] is None
    assert many["gain_share"]["first"] > none["gain_share"]["first"]


def test_files_of_one_family_count_once_and_teach_nothing_to_each_other(made):
    got = json.loads(run(*made, "--labels", 25, "--draws", 1, "--family", "sums=first,second", "--json").stdout)
    assert got["points"][0]["apgr_ci"] is None
    shown = run(*made, "--labels", 25, "--draws", 1, "--family", "sums=first,second").stdout
    for part in ("labels", "mean of families", "length", "first", "second"):
        assert part in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--family", "sums"], "--family: invalid value 'sums', use FAMILY=FILE,FILE"),
        (["--family", "sums=frist"], "--family: invalid value 'frist', did you mean 'first'?"),
        (["--family", "a=first", "--family", "b=first"], "--family: first is in a and in b: name it once"),
        (["--labels", "3"], "--labels"),
        (["--data", "missing.jsonl"], "missing.jsonl: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(made, arguments, said):
    done = run(*made, *arguments, status=2)
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
