"""The whole measurement on made-up answers whose hidden state tells more than their tokens."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.look.kinds import Kind, first_tokens, hidden_state, hold
from benchmarks.look.report import Answers, rows, table
from demo.confidence_data import Answered
from demo.looks import Look
from demo.tasks import Task

TASK = Task(1, "add", "What is 7 + 5?", "12", False, "7 + 5 = 12")
KINDS = [Kind("4 tokens", first_tokens(4), hold(4)), Kind("hidden state", hidden_state)]


def made_up(count, seed):
    rng = np.random.default_rng(seed)
    for correct, noise in zip(rng.random(count) < 0.6, rng.normal(size=(count, 10)), strict=True):
        logprobs = tuple(-np.abs(noise[:8] + (not correct)))
        answered = Answered(TASK, "12", bool(correct), 20, logprobs, tuple(2.0 + noise[:8]))
        yield Look(answered, (float(correct + 0.2 * noise[8]), noise[9]), ())


@pytest.fixture(scope="module")
def found():
    fit, seen, fresh = (list(made_up(count, seed)) for seed, count in enumerate((120, 60, 80)))
    moe = [Answered(TASK, "12", True, 20, (-0.1,) * 8, (2.0,) * 8)] * len(fresh)
    return list(rows(KINDS, Answers(fit, seen, fresh, {"moe": moe}), against="4 tokens"))


def test_the_look_that_tells_more_wins_beyond_the_noise(found):
    tokens, hidden = found
    assert hidden.auc[120].mean > 0.95 > tokens.auc[120].mean > 0.5
    assert hidden.gain.low > 0
    assert hidden.quality_gain["moe"].mean > 0
    assert (tokens.held, hidden.held) == (4, 0)


def test_the_look_that_others_are_compared_with_gains_nothing(found):
    assert asdict(found[0].gain) == {"mean": 0, "low": 0, "high": 0}
    assert asdict(found[0].quality_gain["moe"]) == {"mean": 0, "low": 0, "high": 0}


def test_few_labels_are_measured_too(found):
    assert list(found[0].auc) == [100, 120]
    assert found[1].auc[100].low <= found[1].auc[100].mean <= found[1].auc[100].high


def test_reports_are_json_and_text(found):
    assert json.loads(json.dumps([asdict(row) for row in found]))[1]["look"] == "hidden state"
    lines = list(table(found))
    assert len({line.count("|") for line in lines}) == 1
    assert lines[0].startswith("look | AUC 100 | AUC 120")
