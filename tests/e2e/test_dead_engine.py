"""A killed engine is replaced; the other pools never stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from deployments.local.folders import fleet_folders, logs_folder
from deployments.local.log_files import LogReader

pytestmark = pytest.mark.fleet


def test_kill_of_a_rank_is_healed_and_others_go_on(fleet):
    replica = fleet.living("moe")
    rank, old = replica["ranks"][-1], replica["replica_id"]  # the one on another node than the replica
    stop, failures, answered = threading.Event(), [], []

    def keep_asking(pool):
        while not stop.is_set():
            answer = fleet.chat("What is 7 + 5?", model=pool, max_tokens=4)
            (answered if answer.status_code == 200 else failures).append((pool, answer.status_code))

    others = [threading.Thread(target=keep_asking, args=(pool,)) for pool in ("small", "large")]
    for thread in others:
        thread.start()
    os.kill(rank["pid"], signal.SIGKILL)
    try:
        # `auto` requests need not notice either: another pool answers while this one is away.
        assert fleet.chat("What is 7 + 5?").status_code == 200
        new = fleet.wait_replaced("moe", old)
        assert fleet.chat("What is 7 + 5?", model="moe", max_tokens=4).status_code == 200
    finally:
        stop.set()
        for thread in others:
            thread.join()
    assert not failures
    assert {pool for pool, _ in answered} == {"small", "large"}
    assert len({each["node_id"] for each in new["ranks"]}) == 2
    assert [each["experts"] for each in new["ranks"]] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert not {each["pid"] for each in new["ranks"]} & {each["pid"] for each in replica["ranks"]}
    assert not any(psutil.pid_exists(each["pid"]) for each in replica["ranks"])


def test_kill_of_an_engine_core_is_healed(fleet):
    replica = fleet.living("large")
    os.kill(replica["ranks"][0]["pid"], signal.SIGKILL)
    fleet.wait_replaced("large", replica["replica_id"])
    assert fleet.chat("What is 7 + 5?", model="large", max_tokens=4).status_code == 200
    for folder in (each.path for each in fleet_folders() if each.url == fleet.url):
        logged = LogReader(logs_folder(folder), "large").new_entries()
        assert any("is dead; ending the replica" in entry.text for entry in logged)


def test_kill_of_a_whole_replica_is_healed_and_a_waiting_request_is_answered_elsewhere(fleet):
    replica = fleet.living("moe")
    process = fleet.replica_process("moe")
    body = {"model": "auto", "messages": [{"role": "user", "content": "2 + 3 + 4 + 5"}], "ignore_eos": True}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(
            httpx.post, f"{fleet.url}/v1/chat/completions", json={**body, "max_tokens": 700}, timeout=300
        )
        time.sleep(0.5)
        process.kill()
        answer = waiting.result()
    assert answer.status_code == 200
    fleet.wait_replaced("moe", replica["replica_id"])


def test_a_stream_on_a_killed_engine_ends_with_an_error_event_not_a_hang(fleet):
    body = {
        "model": "large",  # one rank, so that it is there again sooner
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "max_tokens": 900,
        "ignore_eos": True,
    }
    with httpx.stream("POST", f"{fleet.url}/v1/chat/completions", json=body, timeout=120) as stream:
        events = stream.iter_lines()
        next(events)
        replica = fleet.living("large")
        os.kill(replica["ranks"][0]["pid"], signal.SIGKILL)
        rest = list(events)
    assert any('"error"' in line and "replica_failed" in line for line in rest), rest[-3:]
    fleet.wait_replaced("large", replica["replica_id"])
    assert fleet.chat("hi", model="large", max_tokens=1).status_code == 200
