"""Which replica takes a request, and devices on their way through launch and release."""

from __future__ import annotations

from collections import Counter

import pytest
from simulated_fleets import fleet_spec

from cluster.spec import FleetSpec
from simulation.job import Job
from simulation.launching import ColdStart, Launcher
from simulation.pools import Pool
from simulation.shapes import engine_shape


def pool_of(replicas: int, **engine: object) -> Pool:
    spec = fleet_spec(engine=engine)
    launcher = Launcher(spec, ColdStart(0.0, 0.0), 0)
    pool = Pool("small", spec.pools["small"], engine_shape(spec, "small"), launcher, 0)
    pool.resize(replicas, 0.0)
    for launch in launcher.place(0.0):
        pool.start(launch, 100.0)
    return pool


def test_of_two_drawn_at_random_the_less_busy_one_is_taken():
    pool = pool_of(4)
    for number in range(30):
        pool.ready[0].submit(Job(number, 0.0, 10, 1_000), 0.0)
    picked = Counter(pool.ready.index(pool.pick()) for _ in range(3_000))
    assert picked[0] == 0  # it loses against any other
    assert all(800 < picked[place] < 1_200 for place in (1, 2, 3))


def test_a_single_replica_a_full_pool_and_an_empty_one():
    pool = pool_of(1, max_ongoing_requests=2)
    for number in range(2):
        assert pool.pick() is pool.ready[0]
        pool.ready[0].submit(Job(number, 0.0, 10, 1_000), 0.0)
    assert pool.pick() is None
    assert pool_of(0).pick() is None


def test_the_only_replica_with_room_is_found():
    pool = pool_of(8, max_ongoing_requests=1)
    for number, replica in enumerate(pool.ready[:-1]):
        replica.submit(Job(number, 0.0, 10, 1_000), 0.0)
    assert all(pool.pick() is pool.ready[-1] for _ in range(50))


def test_the_newest_replicas_drain_first_and_give_their_devices_back():
    pool = pool_of(3)
    newest = pool.ready[-1]
    assert pool.resize(2, 5.0) == [newest]
    pool.release(newest, 9.0)
    assert pool.used_s == [(0.0, 9.0)]
    pool.close(20.0)
    assert sorted(pool.used_s) == [(0.0, 9.0), (0.0, 20.0), (0.0, 20.0)]


def test_launches_wait_for_devices_in_order_and_can_be_cancelled():
    launcher = Launcher(fleet_spec(), ColdStart(10.0, 20.0), 3)
    launches = [launcher.request("small") for _ in range(10)]
    placed = launcher.place(1.0)
    assert placed == launches[:8]
    assert all(11.0 <= launch.ready_s <= 21.0 for launch in placed)
    assert len({launch.ready_s for launch in placed}) == 8
    assert launcher.place(2.0) == []
    launcher.cancel(launches[8])
    launcher.cancel(launches[0])
    assert launcher.place(3.0) == [launches[9]]
    assert launches[9].ready_s >= 13.0


def test_replicas_share_a_device_only_if_their_shares_fit_on_one():
    pools = {name: {"tier": "small", "model": name, "engine": {"kind": "simulated"}, "gpu_fraction": share}
             for name, share in (("a", 0.6), ("b", 0.4))}  # fmt: skip
    spec = FleetSpec.model_validate({"pools": pools, "hardware": {"card": {"device": "L4", "devices_per_node": 2}}})
    launcher = Launcher(spec, ColdStart(10.0, 10.0), 0)
    launches = [launcher.request(name) for name in "aaabb"]
    assert [launch.pool for launch in launcher.place(0.0)] == ["a", "a", "b", "b"]
    launcher.release("a")
    assert launcher.place(1.0) == [launches[2]]


@pytest.mark.parametrize(("node_s", "later"), [(0.0, 0), (100.0, 2)])
def test_the_first_replica_of_a_node_waits_for_it(node_s, later):
    launcher = Launcher(fleet_spec(), ColdStart(10.0, 10.0, node_s), 0)
    for _ in range(8):
        launcher.request("small")
    ready = [launch.ready_s for launch in launcher.place(0.0)]
    assert ready.count(10.0 + node_s) == (later or 8)
