"""History: bounded, in order, and rates that make sense of reports."""

from __future__ import annotations

import json

import pytest

from cluster.pool import ReplicasSpec
from cluster.state import STALE_AFTER_S, PoolState, ReplicaState
from deployments.board.records import Decided, Totals
from deployments.gateway.page.history import History

ONE = {"small": ReplicasSpec(min=1, max=4)}


def replica(at_s, tokens, name="r1", **load):
    return ReplicaState("small", name, "node", at_s, generated_tokens_total=tokens, **load)


def fleet(*replicas):
    return {"small": PoolState("small", replicas)}


def rates(history):
    return [sample.pools["small"].tokens_per_s for sample in history.since(0.0)]


def test_the_oldest_samples_go_first():
    history = History(ONE, every_s=2.0, span_s=10.0)
    for step in range(1, 30):
        history.take(2.0 * step, fleet(), {}, Totals())
    assert [sample.at_s for sample in history.since(0.0)] == [50.0, 52.0, 54.0, 56.0, 58.0]
    assert [sample.at_s for sample in history.since(54.0)] == [56.0, 58.0]


def test_a_sample_says_what_there_is_and_what_is_wanted():
    history = History(ONE | {"large": ReplicasSpec(min=2, max=2)})
    held = Decided("small", 9.0, 3, 4, 1, "surge", {"held": 2.0})
    history.take(9.0, fleet(replica(9.0, 0, waiting=5, running=7, kv_usage_ratio=0.25)), {"small": held}, Totals())
    (sample,) = json.loads(json.dumps(history.view(9.5)))["samples"]
    assert sample["pools"]["small"] == {
        "ready": 1,
        "starting": 2,
        "desired": 4,
        "waiting": 5,
        "held": 2,
        "running": 7,
        "kv_usage_ratio": 0.25,
        "tokens_per_s": 0.0,
    }
    assert (sample["board"], sample["pools"]["large"]["desired"]) == (True, 2)
    assert sample["pools"]["large"]["starting"] == 2


def test_what_ray_serve_decides_by_itself_is_not_known():
    history = History(ONE)
    history.take(2.0, fleet(), {}, None)
    (sample,) = history.since(0.0)
    assert (sample.pools["small"].desired, sample.pools["small"].starting) == (None, 0)


def test_rates_come_from_two_reports_of_the_same_replica():
    history = History(ONE)
    history.take(2.0, fleet(replica(1.5, 100)), {}, None)
    history.take(4.0, fleet(replica(3.5, 500), replica(3.5, 9_000, "r2")), {}, None)
    history.take(6.0, fleet(replica(4.5, 600), replica(5.5, 9_100, "r2")), {}, None)
    assert rates(history) == [0.0, 200.0, 150.0]


def test_a_report_that_is_no_news_keeps_the_rate_until_it_is_stale():
    history = History(ONE)
    for now_s in (2.0, 4.0, 4.5):
        history.take(now_s, fleet(replica(min(now_s, 4.0), int(100 * min(now_s, 4.0)))), {}, None)
    history.take(4.5 + STALE_AFTER_S, fleet(replica(4.0, 400)), {}, None)
    assert rates(history) == [0.0, 100.0, 100.0, 0.0]


def test_a_replica_that_counts_anew_gives_no_negative_rate():
    history = History(ONE)
    history.take(2.0, fleet(replica(2.0, 100)), {}, None)
    history.take(4.0, fleet(replica(4.0, 10)), {}, None)
    assert rates(history) == [0.0, 0.0]


@pytest.mark.parametrize("board", [fleet(), None])
def test_without_the_board_totals_stay_and_the_sample_says_so(board):
    history = History(ONE)
    history.take(2.0, fleet(), {}, Totals({"small": 3}, {"small": 2}, 0.5, 0.75))
    history.take(4.0, board, {}, None)
    (newest,) = history.since(2.0)
    assert newest.board is (board is not None)
    assert (newest.totals.decisions, newest.totals.always_large_cost) == ({"small": 3}, 0.75)
