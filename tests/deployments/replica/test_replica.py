"""One replica of a pool: it reports, and a dead engine ends it at once so that Serve starts another."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fake_board import FakeBoard

from cluster.spec import FleetSpec
from cluster.state import RankState
from deployments.engines.base import EngineStats
from deployments.replica import replica as module
from deployments.replica.replica import PoolReplica
from deployments.wire.errors import EngineDead, StartFailed
from deployments.wire.frames import MAX_CHUNK_BYTES, Chunk, Closed, EngineRequest, Opened

SPEC = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}}}})
REQUEST = EngineRequest("chat", {}, "r")


class Engine:
    """An engine that lives until it is told to die."""

    def __init__(self):
        self.dead = False
        self.body = b""
        self.broken = False
        self.closed = self.stopped = 0

    async def start(self):
        return {"load": 2.0}

    async def stop(self):
        self.stopped += 1
        if self.dead:
            raise RuntimeError("cannot stop")

    async def check_health(self):
        if self.dead:
            raise EngineDead("gone")

    async def generate(self, request):
        try:
            yield Opened(200)
            if self.dead:
                raise EngineDead("gone")
            yield Chunk(self.body, (7,))
            yield Closed()
        finally:
            self.closed += 1

    def stats(self):
        if self.broken:
            raise RuntimeError("a bug")
        return EngineStats(as_of_s=5.0, waiting=3, running=2)

    def ranks(self):
        return (RankState(0, "", 1), RankState(1, "elsewhere", 2))


class Pauses:
    """Notes what is counted."""

    def __init__(self):
        self.noted = []

    async def wait(self):
        self.noted.append("wait")

    def failed(self):
        self.noted.append("failed")

    def succeeded(self):
        self.noted.append("succeeded")


class Replica(PoolReplica):
    """As Serve makes it, but tests end it themselves."""

    def __del__(self):
        pass


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Engine, board and exits of a replica."""
    made = SimpleNamespace(engine=Engine(), board=FakeBoard(tmp_path), exits=[], pauses=Pauses())
    made.board.listened()
    context = SimpleNamespace(replica_id=SimpleNamespace(unique_id="small-1"))
    monkeypatch.setattr(module.serve, "get_replica_context", lambda: context)
    monkeypatch.setattr(module.ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "node"))
    monkeypatch.setattr(module, "BoardLink", lambda spec: made.board)
    monkeypatch.setattr(module, "EngineExport", lambda pool, replica: SimpleNamespace(set=lambda state: None))
    monkeypatch.setattr(module, "make_engine", lambda spec, pool: made.engine)
    monkeypatch.setattr(module, "StartPauses", lambda fleet, pool: made.pauses)
    monkeypatch.setattr(module.os, "_exit", made.exits.append)
    monkeypatch.setattr(module, "REPORT_EVERY_S", 0.001)
    return made


async def start():
    replica = Replica.__new__(Replica)
    await PoolReplica.__init__(replica, SPEC.model_dump(mode="json"), "small")
    return replica


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def reports(world):
    return world.board.board.exchange_scaling([]).reports


async def end(replica):
    replica.reporter.cancel()
    await asyncio.gather(replica.reporter, return_exceptions=True)


def test_it_reports_its_engine_its_ranks_and_how_it_started(world):
    async def run():
        replica = await start()
        await until(lambda: reports(world))
        await end(replica)

    asyncio.run(run())
    (report,) = reports(world)
    assert (report.pool, report.replica_id, report.waiting, report.running, report.as_of_s) == (
        "small", "small-1", 3, 2, 5.0
    )  # fmt: skip
    assert [rank.node_id for rank in report.ranks] == ["node", "elsewhere"]
    assert dict(report.start_phases_s)["load"] == 2.0


def test_it_goes_on_reporting_without_the_board_and_after_an_error(world):
    async def run():
        replica = await start()
        await until(lambda: reports(world))
        world.board.away = True
        await until(lambda: world.board.calls.count("report") > 3)
        world.board.restart()
        world.board.listened()
        world.board.away = False
        await until(lambda: reports(world))
        world.engine.broken = True
        await asyncio.sleep(0.01)
        world.board.restart()
        world.board.listened()
        world.engine.broken = False
        await until(lambda: reports(world))
        await end(replica)

    asyncio.run(run())


async def whole(replica):
    return [frame async for frame in replica.generate(REQUEST)]


@pytest.mark.parametrize("notice", [whole, PoolReplica.check_health], ids=["a request", "the health check"])
def test_a_dead_engine_takes_the_replica_off_the_board_and_ends_it_once(world, notice):
    async def run():
        replica = await start()
        await until(lambda: reports(world))
        world.engine.dead = True
        for _ in range(2):
            with pytest.raises(EngineDead):
                await notice(replica)
        await until(lambda: world.exits)
        await asyncio.gather(replica.dying, replica.reporter, return_exceptions=True)

    asyncio.run(run())
    assert world.exits == [1]
    assert reports(world) == []
    assert world.engine.stopped == 1


def test_a_large_answer_leaves_in_parts(world):
    async def run():
        replica = await start()
        world.engine.body = bytes(5 * MAX_CHUNK_BYTES // 2)
        frames = await whole(replica)
        await end(replica)
        return frames

    first, *parts, last = asyncio.run(run())
    assert (first, last) == (Opened(200), Closed())
    assert [len(part.data) for part in parts] == [MAX_CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES // 2]
    assert [part.token_ids for part in parts] == [(7,), (), ()]


def test_ending_the_iteration_early_cancels_the_request(world):
    async def run():
        replica = await start()
        frames = replica.generate(REQUEST)
        assert isinstance(await anext(frames), Opened)
        await frames.aclose()
        await end(replica)

    asyncio.run(run())
    assert world.engine.closed == 1
    assert world.exits == []


def test_a_replica_that_serve_stops_leaves_the_board_and_stops_its_engine(world):
    async def run():
        replica = await start()
        await until(lambda: reports(world))
        await PoolReplica.__del__(replica)
        await end(replica)

    asyncio.run(run())
    assert reports(world) == []
    assert world.engine.stopped == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no such file"), "ValueError: no such file"),
        (KeyError(), "KeyError"),
        (TimeoutError(), r"did not start within 600 s (engine.start_timeout_s)"),
    ],
)
def test_a_failed_start_says_why_and_where_its_log_is(world, monkeypatch, error, reason):
    async def start_engine():
        raise error

    monkeypatch.setattr(world.engine, "start", start_engine)
    monkeypatch.setattr(module.serve_logs, "log_file", lambda: "/logs/replica.log")
    monkeypatch.setattr(module.ray.util, "get_node_ip_address", lambda: "10.0.0.7")
    with pytest.raises(StartFailed) as caught:
        asyncio.run(start())
    assert str(caught.value) == f"{reason}\nlog: /logs/replica.log on 10.0.0.7"
    assert caught.value.__suppress_context__  # Serve's message would repeat the whole chain
    assert world.pauses.noted == ["wait", "failed"]


def test_a_start_that_succeeds_ends_the_pauses(world):
    async def run():
        await end(await start())

    asyncio.run(run())
    assert world.pauses.noted == ["wait", "succeeded"]
