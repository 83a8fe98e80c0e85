from __future__ import annotations

import socket

import numpy as np
import pytest

from router.types import RoutingRequest
from training.judge import baselines
from training.judge.baselines import length_score, litellm_score, prior_score, random_scores


def test_length_is_in_characters():
    assert length_score(["", "abc", "größer"]).tolist() == [0, 3, 6]


def test_draws_differ_and_come_again_with_their_seed():
    one, two = random_scores(50, seed=3, draws=2)
    assert (one != two).any()
    assert (random_scores(50, seed=3, draws=2)[1] == two).all()


@pytest.mark.parametrize(
    ("groups", "expected"),
    [(["law", "maths"], [-0.25, 0.25]), (["law", "unseen"], [-0.25, 0.0]), ([], [])],
)
def test_the_prior_is_the_groups_gain_over_the_mean(groups, expected):
    gain = np.array([0.0, 0.0, 1.0, 0.0])
    assert prior_score(groups, ["law", "law", "maths", "maths"], gain).tolist() == expected


def test_without_training_nothing_is_known():
    assert prior_score(["law"], [], np.array([])).tolist() == [0]


# -- LiteLLM ---------------------------------------------------------------------------------------------------------


QUERIES = [
    RoutingRequest("What is the capital of France?"),
    RoutingRequest("Think through this step by step: analyze this distributed database schema and refactor the query."),
]


def test_litellm_scores_offline_and_the_same_each_time(monkeypatch):
    pytest.importorskip("litellm")

    def no_network(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    scores = litellm_score(QUERIES)
    assert scores[1] > scores[0]
    assert (litellm_score(QUERIES) == scores).all()
    assert scores.dtype == np.float64


def test_without_litellm_there_is_no_score(monkeypatch):
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    assert litellm_score(QUERIES) is None
