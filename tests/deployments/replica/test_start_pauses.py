"""Pauses between failed starts."""

from __future__ import annotations

import asyncio

import pytest

from deployments.replica import start_pauses
from deployments.replica.start_pauses import FORGET_AFTER_S, StartPauses, pause_s


def test_pauses_double_up_to_a_minute():
    assert [pause_s(failures) for failures in (0, 1, 2, 3, 4, 5, 6, 1_000_000)] == [0, 5, 10, 20, 40, 60, 60, 60]


@pytest.fixture
def slept(monkeypatch):
    """How long was waited, with a store of this test's."""
    store, slept = {}, []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(start_pauses, "_internal_kv_get", lambda key, namespace: store.get((namespace, key)))
    monkeypatch.setattr(
        start_pauses,
        "_internal_kv_put",
        lambda key, value, overwrite, namespace: store.update({(namespace, key): value}),
    )
    monkeypatch.setattr(start_pauses, "_internal_kv_del", lambda key, namespace: store.pop((namespace, key), None))
    monkeypatch.setattr(start_pauses.asyncio, "sleep", sleep)
    return slept


def test_failures_are_counted_for_each_pool_until_a_start_succeeds(slept):
    for pool, fails in (("a", True), ("a", True), ("b", True), ("a", False), ("a", True), ("a", True)):
        pauses = StartPauses("fleet", pool)
        asyncio.run(pauses.wait())
        pauses.failed() if fails else pauses.succeeded()
    assert slept == [0, 5, 0, 10, 0, 5]


def test_failures_of_long_ago_are_forgotten(slept, monkeypatch):
    monkeypatch.setattr(start_pauses.time, "time", lambda: 1_000.0)
    StartPauses("fleet", "a").failed()
    monkeypatch.setattr(start_pauses.time, "time", lambda: 1_000.0 + FORGET_AFTER_S)
    asyncio.run(StartPauses("fleet", "a").wait())
    assert slept == [0]
