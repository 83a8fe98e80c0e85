from __future__ import annotations

import hashlib

import pytest
from outcome_maker import outcome_rows, write_outcomes
from trained_router import ROUNDS
from typer.testing import CliRunner

from router.model.artifact import load_artifact
from router.types import RoutingRequest
from signalbox.cli import app
from training.fit import members as fitting


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(fitting, "ROUNDS_FEW", ROUNDS)


def run(*arguments: object, status: int = 0):
    done = CliRunner().invoke(app, ["router", "train", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done


def test_an_artifact_is_written_and_described(tmp_path):
    path = write_outcomes(tmp_path / "made.jsonl.gz", outcome_rows(210, ["moe=mixtral-8x7b", "large=mine"]))
    output = tmp_path / "router.npz"
    shown = run(path, "-o", output, "--tier", "large=mine").stdout
    for said in ("made.jsonl.gz: 210 queries", "moe=mixtral-8x7b", "large=mine", "APGR", "calibration error"):
        assert said in shown
    model = load_artifact(output.read_bytes())
    (source,) = model.card["sources"]
    assert source["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source["models"] == {"moe": "mixtral-8x7b", "large": "mine"}
    assert model.predict(RoutingRequest("Day 3: add up these coins: 4, 5.")).fallback == (
        "training has no data for tier small: its quality follows the other tiers' trend"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.jsonl", "-o", "OUT"], "missing.jsonl: cannot be read"),
        (["BAD", "-o", "OUT"], "bad.jsonl:2: quality.small is 7, use a number from 0 to 1"),
        (["FEW", "-o", "OUT"], "two tiers need 25 queries"),
        (["FEW", "-o", "OUT", "--tier", "lage=x"], "--tier: invalid value 'lage', did you mean 'large'?"),
        (["FEW", "-o", "OUT", "--tier", "large=x"], "no file has a model 'x'"),
        (["FEW", "-o", "OUT", "--seed", "-1"], "--seed"),
        (["FEW", "-o", "OUT", "--seed", "99999999999"], "--seed"),
        (["FEW"], "--output"),
        (["ENOUGH", "-o", "FOLDER"], "cannot be written (Is a directory): use another path"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(tmp_path, arguments, said):
    bad = [{"query": "q", "quality": {"small": value, "large": 1}} for value in (1, 7)]
    paths = {
        "OUT": tmp_path / "router.npz",
        "FOLDER": tmp_path,
        "BAD": write_outcomes(tmp_path / "bad.jsonl", bad),
        "FEW": write_outcomes(tmp_path / "few.jsonl", outcome_rows(20)),
        "ENOUGH": write_outcomes(tmp_path / "enough.jsonl", outcome_rows(205, ["moe", "large"])),
    }
    done = run(*(paths.get(word, word) for word in arguments), status=2)
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not paths["OUT"].exists()
