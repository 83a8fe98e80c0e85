"""The exchange with the fleet board: what a gateway replica reports, what it takes back, and that nothing is lost."""

from __future__ import annotations

import asyncio

import fake_pools as fakes
import pytest
from fake_board import FakeBoard

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board import board as board_module
from deployments.board.periods import GATEWAY_GONE_AFTER_S
from deployments.board.records import Decided
from deployments.gateway import board_sync as module
from deployments.gateway import gateway as gateway_module
from deployments.gateway.gateway import Gateway
from router.budget.controller import Account

PRICES = {"small": 1, "moe": 3, "large": 10}
SECTION = {"mean_cost": None, "large_share": 0.5, "ceiling": False}


class Clock:
    def __init__(self, now_s):
        self.now_s = now_s

    def time(self):
        return self.now_s


@pytest.fixture
def board(tmp_path):
    board = FakeBoard(tmp_path)
    board.listened()
    return board


@pytest.fixture
def clock(monkeypatch, board):
    """The time of the board, which knows one replica of each pool, and of the exchange."""
    clock = Clock(1_000.0)
    monkeypatch.setattr(board_module, "time", clock)
    monkeypatch.setattr(module, "time", clock)
    for pool in PRICES:
        board.board.report(ReplicaState(pool, f"{pool}-0", "node", clock.now_s))
    return clock


@pytest.fixture
def make(monkeypatch, board, tmp_path):
    monkeypatch.setattr(gateway_module, "GatewayMetrics", fakes.SilentMetrics)
    monkeypatch.setattr(gateway_module, "BoardLink", lambda spec: board)

    def make(routing=None, **pools):
        spec = {
            "pools": {
                tier: {
                    "tier": tier,
                    "model": f"org/{tier}",
                    "engine": {"kind": "simulated"},
                    "replicas": {"min": 0, "max": 3},
                    "prices": {"output_per_mtok": price * 1e6},
                }
                for tier, price in PRICES.items()
            },
            "routing": {"artifact": "rules", "state_folder": str(tmp_path)} | (routing or {}),
            "gateway": {"replicas": {"min": 2, "max": 2}},
        }
        return Gateway(FleetSpec.model_validate(spec), {name: fakes.FakePool() for name in PRICES} | pools)

    return make


def answer(gateway, times=1, model="auto:best", path="/v1/chat/completions", **given):
    async def run():
        async with fakes.client(gateway) as http:
            for _ in range(times):
                response = await http.post(path, json=given.pop("json", fakes.chat(model=model)), **given)
        return response

    return asyncio.run(run())


def sync(*gateways):
    async def run():
        for gateway in gateways:
            await gateway.sync.exchange()
            if following := gateway.learning._following:
                await following
            gateway.learning._following = None

    asyncio.run(run())


def told(gateway, metric, **tags):
    return [value for name, value, given in gateway.metrics.seen if name == metric and (given or {}) == tags]


# -- one exchange ----------------------------------------------------------------------------------------------------


def test_a_tick_is_one_call_and_reports_only_what_is_new(make, board):
    gateway = make({"budget": {"large_share": 0.5}, "feedback": {}})
    answer(gateway)
    sync(gateway)
    assert board.calls == ["apply", "exchange"]
    report = gateway.sync._report()
    assert report.answered is None
    assert report.booked.account == Account()
    assert set(report.demand) == set(PRICES)


def test_the_view_reaches_the_desk_the_metrics_and_the_live_page(make, board, clock):
    gateway = make()
    board.board.report(ReplicaState("small", "small-0", "node", clock.now_s, waiting=3))
    board.board.exchange_scaling([Decided("small", clock.now_s - 2, 1, 2, 1, "KV", {"cold_start_s": 4.0})])
    sync(gateway)
    assert gateway.desk.fleet["small"].waiting == 3
    assert told(gateway, "decision_age", pool="small") == [2.0]
    (sample,) = gateway.live._history.since(0)
    assert (sample.board, sample.pools["small"].waiting, sample.pools["small"].desired) == (True, 3, 2)


def test_the_live_page_samples_every_other_second(make, board, clock):
    gateway = make()
    for _ in range(10):
        sync(gateway)
        clock.now_s += 0.51
    taken = [sample.at_s for sample in gateway.live._history.since(0)]
    assert taken == [pytest.approx(1_000.0 + 2.04 * number) for number in range(3)]


def test_what_is_open_and_what_is_held_is_exported_while_it_lasts(make, board):
    released = asyncio.Event()
    gateway = make(small=fakes.FakePool((released.wait, *fakes.WHOLE)))

    async def run():
        async with fakes.client(gateway) as http:
            await gateway.sync.exchange()  # a snapshot: no pool has a replica
            asking = asyncio.create_task(http.post("/v1/chat/completions", json=fakes.chat(model="small")))
            while not gateway.desk.ledger.demand.ongoing["small"]:
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            await gateway.sync.exchange()
            held = board.board.exchange_scaling([]).demand["small"].held
            released.set()
            await asking
            await gateway.sync.exchange()
        return held

    assert asyncio.run(run()) == 1
    assert told(gateway, "ongoing", pool="small") == [0, 1, 0]
    assert told(gateway, "held", pool="small") == [0, 1, 0]


def test_loading_an_artifact_does_not_delay_the_exchange(make, board, monkeypatch):
    gateway = make()
    started, released = asyncio.Event(), asyncio.Event()

    async def slow(state):
        started.set()
        await released.wait()

    monkeypatch.setattr(gateway.learning._quality, "follow", slow)

    async def run():
        for _ in range(3):
            await gateway.sync.exchange()
        await started.wait()
        running = gateway.learning._following
        await gateway.sync.exchange()
        assert gateway.learning._following is running, "one at a time"
        released.set()
        await running

    asyncio.run(run())


# -- nothing is lost -------------------------------------------------------------------------------------------------


def shared(board):
    """The budget's account and its sharers, without a booking."""
    account, sharers = board.board._budget.settle("test", SECTION, Account(), board_module.time.time())
    return account.requests, account.spent, sharers - 1


def test_gateways_share_the_budget_and_what_is_booked_without_the_board_is_reported_later(make, board, clock):
    gateways = [make({"budget": {"large_share": 0.5}}) for _ in range(2)]
    for gateway in gateways:
        answer(gateway, times=20)
    sync(*gateways)
    assert shared(board) == (40, 40, 2)
    board.away = True
    answer(gateways[0])
    sync(*gateways)
    board.away = False
    sync(*gateways)
    assert shared(board) == (41, 41, 2)
    sync(*gateways)
    assert shared(board) == (41, 41, 2)


def test_the_spend_is_exported_in_units_of_the_budget(make):
    gateway = make({"budget": {"mean_cost": 4.0}})
    sync(gateway)
    assert told(gateway, "spend_ratio") == [], "nothing was spent"
    answer(gateway, times=3, model="auto:cheap")
    sync(gateway)
    assert told(gateway, "spend_ratio") == [pytest.approx(fakes.USAGE.completion_tokens * PRICES["small"] / 4.0)]


def test_without_the_board_requests_are_answered_and_load_is_unknown(make, board, clock):
    gateway = make()
    sync(gateway)
    board.away = True
    clock.now_s += 2
    sync(gateway)
    assert gateway.desk.fleet is None
    assert [sample.board for sample in gateway.live._history.since(0)] == [True, False]
    assert answer(gateway).status_code == 200


def test_a_board_that_restarts_gets_totals_account_and_answered_requests_again(make, board, clock):
    gateway, other = (make({"budget": {"large_share": 0.5}, "feedback": {}}) for _ in range(2))
    answer(gateway, times=4, headers={"x-request-id": "first"})
    sync(gateway)
    board.away = True
    answer(gateway, headers={"x-request-id": "second"})
    sync(gateway)
    board.away = False
    board.restart()
    board.board._started_s = clock.now_s
    sync(gateway)
    assert gateway.desk.fleet is None, "a new board does not know every replica yet"
    assert shared(board) == (5, 5, 1), "the account was on disk"
    assert board.board._totals.exchange("test", type(gateway.desk.ledger.totals)()).answers == {"large": 5}
    scored = answer(other, path="/v1/feedback", json={"request_id": "second", "score": 1})
    assert scored.status_code == 200


def test_an_artifact_in_use_survives_the_board(make, board, monkeypatch):
    gateway = make()
    board.board.use_artifact(b"not loadable here")
    board.restart()
    sync(gateway)
    assert gateway.learning._quality.view()["problem"].startswith("artifact 1-")


def test_a_gateway_that_is_gone_leaves_its_spend_and_totals_but_no_demand(make, board, clock):
    gone, stays = (make({"budget": {"large_share": 0.5}}) for _ in range(2))
    for gateway in (gone, stays):
        answer(gateway, times=3)
    sync(gone, stays)
    both = board.board.exchange_scaling([]).demand["large"].arrivals_per_s
    clock.now_s += GATEWAY_GONE_AFTER_S + 1
    sync(stays)
    assert board.board.exchange_scaling([]).demand["large"].arrivals_per_s < both
    assert shared(board) == (6, 6, 1)
    assert list(stays.live._history.since(0))[-1].totals.answers == {"large": 6}
