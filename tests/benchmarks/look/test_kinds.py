"""What each look sees of an answer, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.escalation import PRICES
from benchmarks.look.kinds import Kind, first_tokens, hold, kinds, longest, same_answers, same_beginnings, sampled
from benchmarks.look.report import play
from demo.confidence import USED
from demo.confidence_data import Answered
from demo.looks import Look, Sample
from demo.tasks import Task

TASK = Task(1, "add", "What is 7 + 5?", "12", False, "7 + 5 = 12")


def look(texts=("12", "12"), tokens=((1, 2), (1, 2)), logprobs=(-0.1,) * 10):
    answered = Answered(TASK, "12", True, 20, logprobs, (2.0,) * len(logprobs))
    return Look(answered, (0.5, -0.5), tuple(Sample(*each) for each in zip(texts, tokens, strict=True)))


def test_every_look_has_finite_features_and_only_its_own_tokens():
    for kind in kinds():
        features = kind.features(look())
        assert features
        assert np.isfinite(list(features.values())).all()
    names = [kind.name for kind in kinds()]
    assert len(set(names)) == len(names)


def test_first_tokens_do_not_see_later_ones():
    early = look(logprobs=(-0.1,) * 8 + (-9.0,) * 8)
    other = look(logprobs=(-0.1,) * 16)
    assert first_tokens(8)(early) == first_tokens(8)(other)
    assert first_tokens(16)(early) != first_tokens(16)(other)
    assert set(first_tokens(8)(early)) == set(USED)


def test_an_answer_that_ended_within_the_hold_is_finished():
    assert first_tokens(16)(look())["finished"] == 1
    assert first_tokens(8)(look())["finished"] == 0


@pytest.mark.parametrize(
    ("texts", "same"), [(("7 + 5 = 12", "12"), 1.0), (("12", "13"), 0.0), (("so it goes on and on and on", "12"), 0.0)]
)
def test_samples_agree_by_their_final_answers(texts, same):
    assert same_answers(look(texts)) == {"same answers": same}


def test_samples_begin_alike_by_their_first_tokens():
    start = tuple(range(8))
    assert same_beginnings(look(tokens=((*start, 1), (*start, 2)))) == {"same beginnings": 1.0}
    assert same_beginnings(look(tokens=((1, *start), (2, *start)))) == {"same beginnings": 0.0}


def test_counts_of_tokens():
    one = look(tokens=((1,) * 4, (1,) * 13))
    assert (hold(8)(one), hold(32)(one), longest(one), sampled(one)) == (8, 10, 13, 17)


def cost(kind):
    higher = Answered(TASK, "12", True, 20, (-0.1,) * 10, (2.0,) * 10)
    played = play(kind, [look()], [higher], "moe", np.array([0.5]))
    return played.kept_cost[0], played.escalated_cost[0]


def test_a_dropped_answer_costs_what_was_generated_by_then():
    moe = 30 * PRICES["moe"]
    assert cost(Kind("before", dict, asks=False)) == (30, moe)
    assert cost(Kind("prompt", dict)) == (30, moe + 20)
    assert cost(Kind("tokens", dict, hold(8))) == (30, moe + 28)
    assert cost(Kind("samples", dict, longest, sampled)) == (34, moe + 34)
