"""The endpoint's other paths and its headers."""

from __future__ import annotations

import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.fleet


def test_headers_say_where_it_went_and_why(fleet):
    for _ in range(30):
        headers = fleet.chat("What is 7 + 5?").headers
        if "spilled" not in headers["x-signalbox-reason"]:  # on a busy machine reports are late, and requests spill
            break
        time.sleep(1)
    assert headers["x-signalbox-pool"] == "small"
    assert headers["x-signalbox-tier"] == "small"
    assert 0 <= float(headers["x-signalbox-score"]) <= 1
    assert "small" in headers["x-signalbox-reason"]


def test_the_request_id_is_the_clients_own_and_stands_once(fleet):
    body = {"model": "small", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    answer = httpx.post(f"{fleet.url}/v1/chat/completions", json=body, headers={"x-request-id": "mine-1"}, timeout=60)
    assert answer.headers.get_list("x-request-id") == ["mine-1"]


@pytest.mark.parametrize(
    ("model", "pool"),
    [("moe", "moe"), ("large", "large"), ("demo/models/moe", "moe"), ("demo/models/small", "small")],
)
def test_a_name_pins_its_pool(fleet, model, pool):
    answer = fleet.chat("What is 7 + 5?", model=model, max_tokens=4)
    assert answer.headers["x-signalbox-pool"] == pool
    assert answer.json()["model"] == f"demo/models/{pool}"


def test_generate_is_plain(fleet):
    answer = httpx.post(f"{fleet.url}/generate", json={"prompt": "What is 7 + 5?"}, timeout=60)
    body = answer.json()
    assert set(body) == {"text", "usage"}
    assert "12" in body["text"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_tokenize_and_detokenize_are_inverse(fleet):
    tokens = httpx.post(f"{fleet.url}/tokenize", json={"prompt": "sort 3 1 2"}, timeout=60).json()["tokens"]
    body = {"tokens": tokens, "model": "large"}
    assert "sort 3 1 2" in httpx.post(f"{fleet.url}/detokenize", json=body, timeout=60).json()["prompt"]


def test_health_and_ready(fleet):
    assert httpx.get(f"{fleet.url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{fleet.url}/ready").json()["pools"].keys() == {"small", "moe", "large"}


def test_priority_by_name(fleet):
    url = f"{fleet.url}/v1/chat/completions"
    body = {"model": "small", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    assert httpx.post(url, json=body, headers={"x-signalbox-priority": "batch"}, timeout=60).status_code == 200
    assert httpx.post(url, json=body, headers={"x-signalbox-priority": "vip"}, timeout=60).status_code == 400


def test_metrics_cover_the_whole_fleet(fleet):
    fleet.chat("What is 7 + 5?", model="moe", max_tokens=4)
    everybody, deadline = {"small", "moe", "large"}, time.monotonic() + 60  # Ray's nodes export every few seconds
    while True:
        page = httpx.get(f"{fleet.url}/metrics", timeout=30).text
        families = {family.name: family for family in text_string_to_metric_families(page)}
        usage = families.get("ray_signalbox_engine_kv_usage_ratio")
        pools = {sample.labels["pool"] for sample in usage.samples} if usage else set()
        if pools == everybody or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert pools == everybody
    starts = families["ray_signalbox_cold_start_phase_seconds"].samples
    assert {sample.labels["pool"] for sample in starts if sample.labels["phase"] == "load"} == everybody
    assert any(name.startswith("ray_vllm_") for name in families)
    assert len(families) == len(set(families))


def test_starts_are_told_in_phases_that_add_up(fleet):
    for pool in ("small", "moe", "large"):
        for replica in fleet.pool(pool)["replicas"]:
            phases_s = replica["start_phases_s"]
            assert {"import", "launch", "load", "warm_up"} <= phases_s.keys()
            assert all(seconds >= 0 for seconds in phases_s.values())
            assert phases_s["launch"] > 0
            assert 0.9 * replica["start_s"] <= sum(phases_s.values()) <= replica["start_s"] + 0.1
