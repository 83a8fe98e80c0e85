from __future__ import annotations

import socket

import numpy as np
import pytest

from router.types import RoutingRequest
from signalbox import litellm_baseline
from signalbox.litellm_baseline import litellm_score

QUERIES = [
    RoutingRequest("What is the capital of France?"),
    RoutingRequest("Think through this step by step: analyze this distributed database schema and refactor the query."),
]


def test_rules_score_offline_and_the_same_each_time(monkeypatch):
    pytest.importorskip("litellm")

    def no_network(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    scores = litellm_score(QUERIES)
    assert scores[1] > scores[0]
    assert (litellm_score(QUERIES) == scores).all()
    assert scores.dtype == np.float64


def test_where_it_is_not_installed_there_is_no_score(monkeypatch):
    monkeypatch.setattr(litellm_baseline, "find_spec", lambda name: None)
    assert litellm_score(QUERIES) is None
