"""Scores are stored with the request they belong to, wherever they arrive, or refused with a reason."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import Mock

import pytest
from fake_board import FakeBoard, send

from cluster.routing import FeedbackSpec
from deployments.board.messages import GatewayReport
from deployments.board.records import Totals
from deployments.gateway.learning import feedback as module
from deployments.gateway.learning.feedback import Feedback
from router.types import RoutingRequest

REQUEST = RoutingRequest(text="7 + 5?", system="Be brief.", turns=2, max_tokens=9, prompt_tokens=4)


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RECALL_AFTER_S", (0.0,))
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


def share(feedback, board):
    """One exchange with the board; returns the ids that were sent."""
    answered = feedback.report()
    report = GatewayReport("gateway", {}, Totals(), answered=answered)
    if asyncio.run(board.exchange(report)) and answered:
        feedback.reported(answered)
    return [entry.request_id for entry in answered.requests] if answered else []


def test_a_score_becomes_an_outcome_line_of_the_tier_that_answered(make):
    feedback = make()
    feedback.remember("r1", None, REQUEST, "moe")
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
    feedback.remember("r1", None, REQUEST, "moe")
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
    feedback.remember("r1", None, REQUEST, "moe")
    answer = give(feedback, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, said)
    assert make.lines() == []


@pytest.mark.parametrize(("request_id", "client"), [("unknown", "ann"), ("r1", "bob"), ("r1", None), ("old", "ann")])
def test_unknown_old_and_other_clients_requests_are_404(make, request_id, client):
    feedback = make(keep_requests=1)
    feedback.remember("old", "ann", REQUEST, "moe")
    feedback.remember("r1", "ann", REQUEST, "moe")
    answer = give(feedback, {"request_id": request_id, "score": 1}, client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_request")


def test_feedback_may_arrive_at_another_gateway(make):
    first, second = make(shared=True), make(shared=True)
    first.remember("r1", None, REQUEST, "moe")
    assert give(second, {"request_id": "r1", "score": 1}).status_code == 404, "the board does not know it yet"
    share(first, make.board)
    assert give(second, {"request_id": "r1", "score": 1}).status_code == 200


def test_without_the_board_the_own_requests_are_still_known(make):
    feedback = make(shared=True)
    feedback.remember("r1", None, REQUEST, "moe")
    make.board.away = True
    share(feedback, make.board)
    assert give(feedback, {"request_id": "r1", "score": 1}).status_code == 200
    assert give(feedback, {"request_id": "r2", "score": 1}).status_code == 404


def test_requests_are_reported_once_and_kept_while_the_board_is_unreachable(make):
    feedback = make(shared=True)
    make.board.away = True
    for name in ("r1", "r2"):
        feedback.remember(name, None, REQUEST, "moe")
    assert share(feedback, make.board) == ["r1", "r2"]
    feedback.remember("r1", None, REQUEST, "large")
    make.board.away = False
    assert share(feedback, make.board) == ["r2", "r1"]
    assert share(feedback, make.board) == []
    assert make.board.board.recall("r1").tier == "large"


def test_a_request_that_is_answered_again_during_an_exchange_is_reported_again(make):
    feedback = make(shared=True)
    feedback.remember("r1", None, REQUEST, "moe")
    answered = feedback.report()
    feedback.remember("r1", None, REQUEST, "large")
    feedback.reported(answered)
    assert [entry.tier for entry in feedback.report().requests] == ["large"]


def test_a_report_is_bounded_by_number_and_by_bytes_and_the_rest_follows(make, monkeypatch):
    feedback = make(shared=True)
    monkeypatch.setattr(module, "MAX_REPORT_REQUESTS", 3)
    for number in range(5):
        feedback.remember(f"r{number}", None, REQUEST, "moe")
    assert share(feedback, make.board) == ["r0", "r1", "r2"]
    monkeypatch.setattr(module, "MAX_REPORT_BYTES", 1)
    assert [share(feedback, make.board) for _ in range(3)] == [["r3"], ["r4"], []]


def test_what_waits_for_the_board_is_bounded_as_what_is_remembered(make):
    feedback = make(shared=True, keep_requests=2)
    make.board.away = True
    for number in range(5):
        feedback.remember(f"r{number}", None, REQUEST, "moe")
    assert len(feedback._unreported) == 2
    assert share(feedback, make.board) == ["r3", "r4"]


def test_a_single_gateway_reports_nothing(make):
    feedback = make(shared=False)
    feedback.remember("r1", None, REQUEST, "moe")
    assert feedback.report() is None


def test_a_disk_that_takes_nothing_is_said(make, tmp_path):
    (tmp_path / "feedback").write_text("a file where the folder should be")
    feedback = make()
    feedback.remember("r1", None, REQUEST, "moe")
    answer = give(feedback, {"request_id": "r1", "score": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_stored")
