"""Scores are stored with the request they belong to, wherever they arrive, or refused with a reason."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import Mock

import pytest
from fake_board import FakeBoard, send

from cluster.routing import FeedbackSpec
from deployments.gateway.learning import feedback as module
from deployments.gateway.learning.feedback import Feedback
from router.types import RoutingRequest

ASK = RoutingRequest(text="7 + 5?", system="Be brief.", turns=2, max_tokens=9, prompt_tokens=4)


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ASK_BOARD_AFTER_S", (0.0,))
    board = FakeBoard(tmp_path)

    def make(shared=False, **spec):
        return Feedback(FeedbackSpec(**spec), tmp_path / "feedback", board, Mock(), shared=shared)

    make.board = board
    make.lines = lambda: [
        json.loads(line) for file in (tmp_path / "feedback").glob("*") for line in file.read_text().splitlines()
    ]
    return make


def give(feedback, body, client=None):
    return send(lambda exchange: feedback.take(exchange, client), json=body)


def test_a_score_becomes_an_outcome_line_of_the_tier_that_answered(make):
    feedback = make()
    feedback.remember("r1", None, ASK, "moe")
    answer = give(feedback, {"request_id": "r1", "score": 0, "comment": "wrong"})
    assert (answer.status_code, answer.json()) == (200, {"request_id": "r1", "tier": "moe", "score": 0.0})
    (line,) = make.lines()
    assert line.pop("at_s") > 0
    assert line == {
        "query": "7 + 5?", "system": "Be brief.", "turns": 2, "max_tokens": 9, "prompt_tokens": 4,
        "quality": {"moe": 0.0}, "source": "feedback", "request_id": "r1", "comment": "wrong",
    }  # fmt: skip


def test_the_id_of_the_answers_body_will_do(make):
    feedback = make()
    feedback.remember("r1", None, ASK, "moe")
    assert give(feedback, {"request_id": "chatcmpl-r1-0a0b0c0d", "score": 1}).json()["request_id"] == "r1"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "request_id"),
        ({"request_id": "r1"}, "score"),
        ({"request_id": "", "score": 1}, "request_id"),
        ({"request_id": 7, "score": 1}, "request_id"),
        ({"request_id": "r1", "score": 1.01}, "score"),
        ({"request_id": "r1", "score": -0.1}, "score"),
        ({"request_id": "r1", "score": "1"}, "score"),
        ({"request_id": "r1", "score": True}, "score"),
        ({"request_id": "r1", "score": None}, "score"),
        ({"request_id": "r1", "score": 1, "comment": 3}, "comment"),
        ({"request_id": "r1", "score": 1, "comment": "x" * 2_001}, "comment"),
        ({"request_id": "r1", "score": 1, "rating": 3}, "rating"),
    ],
)
def test_wrong_bodies_name_the_field(make, body, said):
    feedback = make()
    feedback.remember("r1", None, ASK, "moe")
    answer = give(feedback, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, said)
    assert make.lines() == []


@pytest.mark.parametrize(("request_id", "client"), [("unknown", "ann"), ("r1", "bob"), ("r1", None), ("old", "ann")])
def test_unknown_old_and_other_clients_requests_are_404(make, request_id, client):
    feedback = make(keep_requests=1)
    feedback.remember("old", "ann", ASK, "moe")
    feedback.remember("r1", "ann", ASK, "moe")
    answer = give(feedback, {"request_id": request_id, "score": 1}, client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_request")


def test_feedback_may_arrive_at_another_gateway(make):
    first, second = make(shared=True), make(shared=True)
    first.remember("r1", None, ASK, "moe")
    assert give(second, {"request_id": "r1", "score": 1}).status_code == 404, "the board does not know it yet"
    asyncio.run(first.share())
    assert give(second, {"request_id": "r1", "score": 1}).status_code == 200


def test_without_the_board_the_own_requests_are_still_known(make):
    feedback = make(shared=True)
    feedback.remember("r1", None, ASK, "moe")
    make.board.away = True
    asyncio.run(feedback.share())
    assert give(feedback, {"request_id": "r1", "score": 1}).status_code == 200
    assert give(feedback, {"request_id": "r2", "score": 1}).status_code == 404


def test_a_disk_that_takes_nothing_is_said(make, tmp_path):
    (tmp_path / "feedback").write_text("a file where the folder should be")
    feedback = make()
    feedback.remember("r1", None, ASK, "moe")
    answer = give(feedback, {"request_id": "r1", "score": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_stored")
