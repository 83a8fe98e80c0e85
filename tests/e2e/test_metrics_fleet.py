"""What the running fleet exports is what docs/metrics.md promises: names, kinds, labels, and nothing of a client's."""

from __future__ import annotations

import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployments.metrics.gateway import TABLE
from deployments.metrics.vllm import VLLM

pytestmark = pytest.mark.fleet

RAYS_OWN = {"Component", "NodeAddress", "SessionName", "Version", "WorkerId", "le"}
"""Labels that Ray adds, and Prometheus' own of histograms. Those of OpenTelemetry begin with `otel_`."""
NOT_NOW = {
    "signalbox_retries": "no replica fails here",
    "signalbox_broken_streams": "no replica fails here",
    "signalbox_cancelled_requests": "nobody leaves early",
    "signalbox_slo_missed": "a quick machine misses nothing",
    "signalbox_route_spills": "there is no load",
    "signalbox_route_wakes": "no pool sleeps",
    "signalbox_route_fallbacks": "the router was trained for these queries",
    "signalbox_escalations": "a good answer is not dropped",
    "signalbox_route_lambda": "the spec has no budget",
    "signalbox_budget_spend_ratio": "the spec has no budget",
    "signalbox_shadow_requests": "the spec has no shadow traffic",
    "signalbox_comparisons": "the spec does not let the fleet learn",
    "signalbox_labels": "the spec does not let the fleet learn",
    "signalbox_feedback": "the spec keeps no feedback",
    "signalbox_scaling_changes": "nothing has to grow",
    "signalbox_engine_preemptions": "the KV cache is large enough",
    "vllm_spec_decode_num_draft_tokens": "no pool guesses tokens",
    "vllm_spec_decode_num_accepted_tokens": "no pool guesses tokens",
}
"""Metrics that a quiet fleet of this spec need not export, and why; where one is there, it is held to its promise."""
METRICS = {one.exposed: one for one in (*TABLE, *VLLM)}
EXPECTED = {one.exposed for one in METRICS.values() if one.name not in NOT_NOW}
CACHED = {one.exposed for one in TABLE if one.name == "signalbox_cached_prompt_tokens"}
SECRET = "zanzibar"
MADE_UP_METHODS = 30
WAIT_S = 90.0
"""Ray's nodes export every few seconds, on a busy machine later."""


def ask(fleet, pool):
    """A whole answer and a stream; the second prompt is in the prefix cache."""
    prompt = f"What is 7 + 5? Say nothing of {SECRET}, and nothing else that is long enough to fill blocks of KV cache."
    fleet.chat(prompt, model=pool, max_tokens=8)
    body = {"model": pool, "messages": [{"role": "user", "content": prompt}], "max_tokens": 8, "stream": True}
    body |= {"ignore_eos": True, "temperature": 0}
    headers = {"x-request-id": f"{SECRET}-1"}
    answer = httpx.post(f"{fleet.url}/v1/chat/completions", json=body, headers=headers, timeout=120)
    assert answer.status_code == 200


@pytest.fixture(scope="module")
def page(fleet):
    """What the fleet exports when every pool was asked and a request was refused."""
    before = unknown_paths(httpx.get(f"{fleet.url}/metrics", timeout=30).text)
    for pool in ("small", "moe", "large", "auto"):
        ask(fleet, pool)
    httpx.post(f"{fleet.url}/v1/chat/completions", json={"model": SECRET, "messages": []}, timeout=60)
    for number in range(MADE_UP_METHODS):
        httpx.request(f"{SECRET}{number}".upper(), f"{fleet.url}/v1/models", timeout=60)
    httpx.get(f"{fleet.url}/{SECRET}", timeout=60)
    deadline = time.monotonic() + WAIT_S
    while True:
        text = httpx.get(f"{fleet.url}/metrics", timeout=30).text
        short = missing(text)
        if (not short and unknown_paths(text) > before) or time.monotonic() > deadline:
            return text
        if short & CACHED:  # a pool with two replicas may have sent the second prompt to the other one
            for pool in ("small", "moe", "large"):
                ask(fleet, pool)
        time.sleep(1)


def unknown_paths(text):
    """How many requests to unknown paths were exported."""
    return sum(sample.value for _, _, sample in samples(text) if sample.labels.get("path") == "other")


def samples(text):
    """The samples of our metrics and vLLM's, with the family they are of."""
    for family in text_string_to_metric_families(text):
        exposed = family.name + ("_total" if family.type == "counter" else "")
        if exposed.startswith("ray_signalbox_") or exposed in METRICS:
            for sample in family.samples:
                yield exposed, family.type, sample


def missing(text):
    """Metrics that should be there for every pool and are not."""
    seen = {}
    for name, _, sample in samples(text):
        seen.setdefault(name, set()).add(sample.labels.get("pool", ""))
    pools = {"small", "moe", "large"}
    scaled = pools - {"moe"}  # the spec fixes its size: nobody decides
    decided = {
        f"ray_signalbox_{each}" for each in ("scaling_reason", "scaling_decision_age_seconds", "cold_start_seconds")
    }
    routed = {f"ray_signalbox_{each}" for each in ("route_quality", "predicted_cost_total")}
    wanted = {name: scaled if name in decided else pools for name in EXPECTED if "pool" in METRICS[name].labels}
    wanted |= {name: set() for name in routed}  # not of requests that name their pool
    short = {name for name, some in wanted.items() if not some <= seen.get(name, set())}
    return short | (EXPECTED - seen.keys())


def test_every_metric_is_there_for_every_pool(page):
    assert missing(page) == set()


def test_nothing_is_exported_that_the_page_does_not_tell(page):
    assert {name for name, _, _ in samples(page)} <= METRICS.keys()


def test_kinds_and_labels_are_those_promised(page):
    for name, kind, sample in samples(page):
        labels = {label for label in sample.labels if label not in RAYS_OWN and not label.startswith("otel_")}
        assert kind == METRICS[name].kind, name
        assert labels == set(METRICS[name].labels), name


def test_labels_take_few_values_and_no_client_chooses_them(page):
    assert SECRET not in page.lower()
    values = {}
    for _, _, sample in samples(page):
        for label in ("pool", "path", "reason", "tenant", "mode", "state", "objective"):
            values.setdefault(label, set()).add(sample.labels.get(label, ""))
    assert values["pool"] <= {"small", "moe", "large", ""}
    assert values["tenant"] <= {"", "ann"}, "no key, or the one that test_apply.py applies for a while"
    assert "other" in values["path"]
    assert all(len(each) < 30 for each in values.values()), values


def test_vllm_says_which_replica_it_is(fleet, page):
    ids = {replica["replica_id"] for pool in ("small", "moe", "large") for replica in fleet.pool(pool)["replicas"]}
    said = {sample.labels["ReplicaId"] for name, _, sample in samples(page) if name.startswith("ray_vllm_")}
    ours = {sample.labels["replica"] for name, _, sample in samples(page) if "replica" in METRICS[name].labels}
    assert ids <= said
    assert ids <= ours
