"""A client that goes away frees its KV cache."""

from __future__ import annotations

import time

import httpx
import pytest

pytestmark = pytest.mark.fleet

STREAMS = 20


def newer_reading(fleet, than_s, wanted, timeout_s=30):
    """The first reading of `large` taken after `than_s` for which `wanted(replica)` holds, or the last one."""
    deadline = time.monotonic() + timeout_s
    replica = None
    while time.monotonic() < deadline:
        replicas = fleet.pool("large")["replicas"]
        for replica in replicas:
            if replica["as_of_s"] > than_s and wanted(replica):
                return replica
        time.sleep(0.2)
    return replica


def test_cancelling_twenty_streams_brings_kv_usage_back_to_zero(fleet):
    body = {
        "model": "large",
        "messages": [{"role": "user", "content": "count " * 40}],
        "stream": True,
        "max_tokens": 700,
        "ignore_eos": True,
    }
    with httpx.Client(base_url=fleet.url, timeout=120) as client:
        streams = [client.send(client.build_request("POST", "/v1/chat/completions", json=body), stream=True)
                   for _ in range(STREAMS)]  # fmt: skip
        busy = newer_reading(fleet, time.time(), lambda r: r["kv_usage_ratio"] > 0.2)
        assert busy["kv_usage_ratio"] > 0.2, busy
        for stream in streams:
            stream.close()
    cancelled_s = time.time()
    idle = newer_reading(fleet, cancelled_s, lambda r: r["kv_usage_ratio"] == 0)
    assert idle["as_of_s"] > cancelled_s
    assert (idle["kv_usage_ratio"], idle["running"], idle["waiting"]) == (0, 0, 0), idle
    assert busy["generated_tokens_total"] < idle["generated_tokens_total"] + 1 < STREAMS * 700
