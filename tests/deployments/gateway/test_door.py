"""Another spec is applied to a gateway replica: new requests follow it, begun ones do not, nothing is lost."""

from __future__ import annotations

import asyncio
import hashlib

import fake_pools as fakes
import pytest
from fake_board import FakeBoard

from cluster.spec import FleetSpec
from deployments.gateway import door as module
from deployments.gateway import gateway as gateway_module
from deployments.gateway.door import Door
from router.budget.controller import Account
from router.loading import BadQualityModel

POOLS = fakes.SPEC.model_dump(mode="json")["pools"]
KEY = "secret"
KEYS = {"ann": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}}


def spec(**sections):
    data = fakes.SPEC.model_dump(mode="json")
    return FleetSpec.model_validate(data | {name: data[name] | change for name, change in sections.items()})


@pytest.fixture
def door(monkeypatch, tmp_path):
    monkeypatch.setattr(gateway_module, "GatewayMetrics", fakes.SilentMetrics)
    pools = {name: fakes.FakePool() for name in fakes.SPEC.pools}
    return Door(pools, FakeBoard(tmp_path))


async def ask(door, path="/v1/chat/completions", **given):
    async with fakes.client(door) as http:
        return await (http.post(path, json=fakes.chat(), **given) if "chat" in path else http.get(path, **given))


def test_a_new_key_is_in_force_at_once_and_counts_go_on(door):
    async def run():
        await door.apply(spec())
        assert (await ask(door)).status_code == 200
        before = door.gateway
        await door.apply(spec(gateway={"api_keys": KEYS}))
        assert [
            (await ask(door)).status_code,
            (await ask(door, headers={"authorization": f"Bearer {KEY}"})).status_code,
        ] == [
            401,
            200,
        ]
        return before

    before = asyncio.run(run())
    assert door.gateway is not before
    assert door.gateway.desk.ledger.totals is before.desk.ledger.totals
    assert sum(door.gateway.desk.ledger.totals.answers.values()) == 2
    assert door.gateway.metrics is before.metrics
    assert door.gateway.sync._gateway == before.sync._gateway
    assert door.gateway.desk.accounts.conversations is before.desk.accounts.conversations


def test_a_request_that_has_begun_ends_as_it_began(door):
    going = asyncio.Event()

    async def run():
        await door.apply(spec())
        door._pools["small"].scripts = door._pools["large"].scripts = door._pools["moe"].scripts = [
            (fakes.Opened(200), going.wait, *fakes.WHOLE[1:])
        ]
        asking = asyncio.create_task(ask(door))
        await asyncio.sleep(0.05)
        await door.apply(spec(gateway={"api_keys": KEYS}))
        ongoing = sum(door.gateway.desk.ledger.demand.ongoing.values())
        going.set()
        return ongoing, (await asking).status_code

    ongoing, status = asyncio.run(run())
    assert (ongoing, status) == (1, 200)
    assert sum(door.gateway.desk.ledger.demand.ongoing.values()) == 0


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"routing": {"artifact": "/nowhere.npz"}}, "routing.artifact: /nowhere.npz cannot be read"),
        ({"cache_folder": "/tmp/cache"}, "need new processes"),
    ],
)
def test_a_spec_that_cannot_be_used_changes_nothing_and_is_named(door, sections, problem):
    async def run():
        await door.apply(spec())
        before = door.gateway
        data = fakes.SPEC.model_dump(mode="json") | sections
        await door.apply(FleetSpec.model_validate(data))
        assert door.gateway is before
        said = (await ask(door, "/v1/fleet")).json()["spec"]
        await door.apply(spec())  # back to what is in force
        return said, (await ask(door, "/v1/fleet")).json()["spec"]

    said, later = asyncio.run(run())
    assert problem in said["problem"]
    assert later["problem"] is None
    assert later["version"] == said["version"]


def test_the_first_spec_has_to_be_usable(door):
    with pytest.raises(BadQualityModel):
        asyncio.run(door.apply(spec(routing={"artifact": "/nowhere.npz"})))


def test_the_board_learns_the_spec_and_again_after_its_restart(door):
    async def run():
        await door.apply(spec())
        await door.gateway.sync.exchange()
        await door.apply(spec(scaling={"downscale_delay_s": 7.0}))
        await door.gateway.sync.exchange()
        known = [door._board.board._spec]
        door._board.restart()
        for _ in range(2):
            await door.gateway.sync.exchange()
        return [*known, door._board.board._spec]

    assert [each.scaling.downscale_delay_s for each in asyncio.run(run())] == [7.0, 7.0]


@pytest.mark.parametrize(("price", "same"), [(0.0, True), (3.0, False)])
def test_a_budget_goes_on_with_its_account(door, price, same):
    budget = {"budget": {"large_share": 0.5}}

    async def run():
        await door.apply(spec(routing=budget))
        before = door.gateway.desk.accounts.budget
        before._credit, before._unsent = 2.0, Account(4, 1.0, 1.0)
        pools = {name: {**pool, "prices": {"output_per_mtok": price}} for name, pool in POOLS.items()}
        await door.apply(spec(routing=budget, pools=pools, gateway={"api_keys": KEYS}))
        return before, door.gateway.desk.accounts.budget

    before, after = asyncio.run(run())
    assert (after is before) is same
    assert (after._credit, after.take()) == (2.0, Account(4, 1.0, 1.0))


def test_an_error_ends_no_loop(door, monkeypatch, caplog):
    monkeypatch.setattr(module, "EXCHANGE_EVERY_S", 0.0)
    calls = []

    async def run():
        await door.apply(spec())

        async def broken(report):
            calls.append(report)
            raise RuntimeError("a bug")

        monkeypatch.setattr(door.gateway.sync._board, "exchange", broken)
        task = asyncio.create_task(door.sync_forever())
        while len(calls) < 3:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())
    assert "trying again" in caplog.text
