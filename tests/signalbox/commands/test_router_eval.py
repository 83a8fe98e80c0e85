from __future__ import annotations

import json
import math

import pytest
from outcome_maker import outcome_rows, write_outcomes
from typer.testing import CliRunner

from signalbox.cli import app

METRICS = {"apgr", "cpt50", "cpt80", "gain_share", "aiq", "ece", "budget_error_pp"}
METHODS = {"signalbox", "random", "length", "prior", "litellm", "oracle"}


def run(*arguments: str, status: int = 0):
    done = CliRunner().invoke(app, ["router", "eval", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done


def judged(*arguments: str):
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two files of different questions, the second one with models of other names, lengths of answers and two tiers."""
    folder = tmp_path_factory.mktemp("outcomes")
    first = write_outcomes(folder / "first.jsonl.gz", outcome_rows(300, seed=1))
    rows = outcome_rows(240, ["moe=mixtral-8x7b", "large=mine"], seed=2, tokens=True)
    second = write_outcomes(folder / "second.jsonl", [row | {"query": "Again. " + row["query"]} for row in rows])
    return first, second


@pytest.fixture(scope="module")
def by_question(made):
    first, second = made
    return judged("--data", first, "--data", second, "--cv", "question", "--folds", 2, "--tier", "large=mine")


def test_every_method_has_every_metric(by_question):
    assert set(by_question) == {"first", "second", "latency_us"}
    for stem in ("first", "second"):
        assert set(by_question[stem]) == METHODS
        for values in by_question[stem].values():
            assert set(values) >= METRICS
            assert all(value is None or math.isfinite(value) for name, value in values.items() if name in METRICS)
    assert set(by_question["latency_us"]) == {"p50", "p99"}
    assert 0 < by_question["latency_us"]["p50"] <= by_question["latency_us"]["p99"]


def test_null_is_where_a_metric_makes_no_sense(by_question):
    for name, values in by_question["first"].items():
        assert (values["ece"] is not None) == (name in ("signalbox", "oracle"))
        assert (values["budget_error_pp"] is not None) == (name == "signalbox")


@pytest.mark.parametrize("stem", ["first", "second"])
def test_what_can_be_learned_is_learned(by_question, stem):
    methods = by_question[stem]
    assert methods["signalbox"]["apgr"] > 0.6
    assert methods["signalbox"]["gain_share"] > methods["random"]["gain_share"]
    assert methods["signalbox"]["apgr_ci"][0] < methods["signalbox"]["apgr"] < methods["signalbox"]["apgr_ci"][1]
    assert methods["oracle"]["gain_share"] == pytest.approx(1)
    assert methods["random"]["apgr"] == pytest.approx(0.5, abs=0.03)
    # Longer lists are longer texts here; the group says nothing.
    assert methods["length"]["apgr"] > 0.6
    assert methods["prior"]["apgr"] == pytest.approx(0.5, abs=0.1)


def test_a_subject_that_is_left_out_has_no_prior(tmp_path):
    rows = [row for row in outcome_rows(900, seed=3) if row["group"] in ("coins", "miles")]
    got = judged("--data", write_outcomes(tmp_path / "two.jsonl", rows), "--cv", "subject")["two"]
    assert got["prior"]["apgr"] == pytest.approx(0.5)
    assert got["signalbox"]["apgr"] > 0.6


def test_a_dataset_is_judged_by_models_of_the_others(made):
    first, second = made
    got = judged("--data", first, "--data", second, "--cv", "dataset", "--tier", "large=mine", "--labels", 210)
    # The second file knows nothing of the small tier, which rules judge then.
    assert got["second"]["signalbox"]["apgr"] > 0.6
    assert set(got) == {"first", "second", "latency_us"}


def test_an_answer_that_was_read_says_more(tmp_path):
    path = write_outcomes(tmp_path / "told.jsonl", outcome_rows(460, ["moe", "large"], seed=4, answers=True))
    got = judged("--data", path, "--cv", "question", "--folds", 2, "--with-answer")["told"]
    assert got["signalbox_answer"]["apgr"] > got["signalbox"]["apgr"]
    assert got["signalbox_answer"]["gain_share"] is None


def test_an_artifact_compared_with_itself_differs_by_nothing(made):
    got = judged("--data", made[0], "--artifact", "rules", "--compare", "rules")["first"]
    differences = {f"{name}_difference_ci": [0, 0] for name in ("apgr", "gain_share", "aiq")}
    assert got["compared"] | {"trained_on": False} == got["signalbox"] | differences


def test_results_on_training_data_are_called_that(made, tmp_path):
    first, second = made
    artifact = tmp_path / "a.npz"
    done = CliRunner().invoke(app, ["router", "train", str(first), "-o", str(artifact)])
    assert done.exit_code == 0, done.output
    files = ("--data", first, "--data", second, "--tier", "large=mine")
    got = judged(*files, "--artifact", artifact)
    assert [got[stem]["signalbox"]["trained_on"] for stem in ("first", "second")] == [True, False]
    assert run(*files, "--artifact", artifact).stdout.count("not test results") == 1


def test_tables_and_plots(made, tmp_path):
    plot = tmp_path / "plots.html"
    done = run("--data", made[0], "--plot", plot)
    assert "first: 300 queries, small < moe < large" in done.stdout
    assert "decision: p50" in done.stdout
    page = plot.read_text()
    assert all(f'"name":"{name}"' in page for name in METHODS | {"fixed mixes", "P(good), moe"})
    assert "<script src=" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "missing.jsonl"], "missing.jsonl: cannot be read"),
        (["--data", "FIRST", "--artifact", "missing.model"], "missing.model: cannot be read"),
        (["--data", "FIRST", "--cv", "dataset"], "--cv dataset: without one dataset, no other questions are left"),
        (["--data", "FIRST", "--cv", "question", "--labels", "20"], "--cv question: "),
        (["--data", "FIRST", "--tier", "large=gpt-5"], "no file has a model 'gpt-5'"),
        (["--data", "FIRST", "--price", "large=0"], "--price large: invalid value '0'"),
        (["--data", "UNGROUPED", "--cv", "subject"], "--cv subject: ungrouped has rows without group"),
        (["--data", "APART"], "apart: no row has outcomes of two tiers"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(made, tmp_path, arguments, said):
    apart = [{"query": f"q {tier}", "quality": {tier: 1}} for tier in ("small", "large")]
    paths = {
        "FIRST": made[0],
        "UNGROUPED": write_outcomes(tmp_path / "ungrouped.jsonl", [row | {"group": ""} for row in outcome_rows(20)]),
        "APART": write_outcomes(tmp_path / "apart.jsonl", apart),
    }
    done = run(*(paths.get(word, word) for word in arguments), status=2)
    assert said in done.output
    assert "Traceback" not in done.output
