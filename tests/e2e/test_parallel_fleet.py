"""Fleets with ranks (vLLM's, DeepSpeed's) through the gateway: they answer, cancel, report, and come back whole."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from fleet_process import ROOT, left_behind, shared_memory, start_fleet, stop_fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STREAMS = 8
"""Together they last for several reports, which one stream of a tiny model does not."""


@pytest.fixture(scope="module", params=["laptop-tp", "laptop-deepspeed"])
def parallel(request, tmp_path_factory):
    before = shared_memory()
    example = ROOT / "examples" / f"{request.param}.yaml"
    running = start_fleet(example, tmp_path_factory.mktemp("fleet") / "serve.log")
    yield running
    stop_fleet(running)
    assert left_behind(before) == set()


def stream(fleet, pool, **body):
    body = {"model": pool, "messages": [{"role": "user", "content": "What is 7 + 5?"}], "stream": True, **body}
    return httpx.stream("POST", f"{fleet.url}/v1/chat/completions", json=body, timeout=120)


def test_ranks_and_their_experts_are_where_the_spec_says(parallel):
    moe, large = (parallel.living(pool)["ranks"] for pool in ("moe", "large"))
    assert len({rank["node_id"] for rank in moe}) == 2
    assert [rank["experts"] for rank in moe] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    # strict_pack in one example, strict_spread in the other
    assert len({rank["node_id"] for rank in large}) == (1 if parallel.spec.stem == "laptop-tp" else 2)
    assert len({rank["pid"] for rank in large}) == 2


@pytest.mark.parametrize("pool", ["small", "moe", "large"])
def test_every_pool_answers_and_streams(parallel, pool):
    answer = parallel.chat("What is 7 + 5?", model=pool)
    assert answer.status_code == 200
    assert "12" in answer.json()["choices"][0]["message"]["content"]
    with stream(parallel, pool) as response:
        lines = [line for line in response.iter_lines() if line]
    assert len(lines) > 2
    assert lines[-1] == "data: [DONE]"


def reading(fleet, pool, is_wanted):
    """The first report of a pool that is as wanted; the last one when none comes."""
    deadline = time.monotonic() + 30
    while not is_wanted(replica := fleet.living(pool)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return replica


@pytest.mark.parametrize("pool", ["moe", "large"])
def test_cancelled_streams_free_the_cache_on_all_ranks(parallel, pool):
    with ExitStack() as streams, ThreadPoolExecutor(STREAMS) as threads:
        # All at once: on a busy machine the first would end before the last has begun.
        opened = [stream(parallel, pool, max_tokens=900, ignore_eos=True) for _ in range(STREAMS)]
        list(threads.map(streams.enter_context, opened))
        busy = reading(parallel, pool, lambda replica: replica["kv_usage_ratio"] > 0)
    cancelled_s = time.time()
    free = reading(parallel, pool, lambda replica: replica["as_of_s"] > cancelled_s and replica["running"] == 0)
    assert 0 < busy["running"] <= STREAMS
    assert busy["kv_usage_ratio"] > 0
    assert (free["running"], free["waiting"], free["kv_usage_ratio"]) == (0, 0, 0)


def test_a_killed_rank_brings_the_replica_back_whole_while_others_answer(parallel):
    old = parallel.living("moe")
    os.kill(old["ranks"][1]["pid"], signal.SIGKILL)
    failed = parallel.chat("hi", model="moe", max_tokens=900, ignore_eos=True)  # an error or the next replica's answer
    assert failed.status_code in (200, 502, 503)
    assert parallel.chat("What is 7 + 5?", model="large").status_code == 200
    new = parallel.wait_replaced("moe", old["replica_id"])
    assert not {rank["pid"] for rank in new["ranks"]} & {rank["pid"] for rank in old["ranks"]}
    assert len({rank["node_id"] for rank in new["ranks"]}) == 2
    assert "12" in parallel.chat("What is 7 + 5?", model="moe").json()["choices"][0]["message"]["content"]
