"""Second opinions on a real fleet: answers that the small model gets wrong are dropped, and another tier answers."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from fleet_process import ROOT, left_behind, shared_memory, start_fleet, stop_fleet

from demo.tasks import generate_tasks, grade

TASKS = generate_tasks(60, seed=77_001, levels=(3,), fresh=None)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def escalating(tmp_path_factory):
    before = shared_memory()
    running = start_fleet(ROOT / "examples" / "laptop-escalation.yaml", tmp_path_factory.mktemp("fleet") / "serve.log")
    yield running
    stop_fleet(running)
    assert left_behind(before) == set()


@pytest.fixture(scope="module")
def answers(escalating):
    """The hard tasks, asked of the cheapest pool with second opinions, and without."""
    return {
        model: [escalating.chat(task.prompt, model=model, max_tokens=200) for task in TASKS]
        for model in ("auto:cheap", "auto:cheap,no-escalation")
    }


def right(answers):
    texts = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
    return sum(grade(task, text) for task, text in zip(TASKS, texts, strict=True))


def test_hard_tasks_escalate_and_are_answered_better(answers):
    judged, plain = answers["auto:cheap"], answers["auto:cheap,no-escalation"]
    assert all(answer.status_code == 200 for answer in (*judged, *plain))
    escalated = [answer for answer in judged if "x-signalbox-escalated-from" in answer.headers]
    assert len(TASKS) / 4 < len(escalated) < len(TASKS)
    assert all(answer.headers["x-signalbox-pool"] != "small" for answer in escalated)
    assert {answer.headers["x-signalbox-pool"] for answer in plain} == {"small"}
    assert right(judged) > right(plain) + len(TASKS) / 5


def test_both_answers_are_paid_for(escalating, answers):
    escalated = [a for a in answers["auto:cheap"] if a.headers.get("x-signalbox-escalated-from") == "small"]
    for answer in escalated:
        # What small made is at least its held-back tokens, or a shorter answer, at 1 a million.
        prompt = answer.json()["usage"]["prompt_tokens"]
        assert (prompt + 1) / 1e6 <= float(answer.headers["x-signalbox-extra-cost"]) < (prompt + 60) / 1e6
    deadline = time.monotonic() + 30
    while counted(escalating) < len(escalated) and time.monotonic() < deadline:
        time.sleep(1)  # Ray exports metrics every few seconds
    assert counted(escalating) >= len(escalated)


def counted(fleet):
    """Escalations from small, as the metrics page has them."""
    page = httpx.get(f"{fleet.url}/metrics", timeout=30).text.splitlines()
    lines = [line for line in page if "signalbox_escalations" in line and 'pool="small"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_an_escalated_stream_is_whole_and_only_the_higher_tiers(escalating, answers):
    place = next(i for i, a in enumerate(answers["auto:cheap"]) if "x-signalbox-escalated-from" in a.headers)
    whole = answers["auto:cheap"][place]
    body = {"model": "auto:cheap", "messages": [{"role": "user", "content": TASKS[place].prompt}], "temperature": 0,
            "max_tokens": 200, "stream": True}  # fmt: skip
    with httpx.stream("POST", f"{escalating.url}/v1/chat/completions", json=body, timeout=120) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
        assert response.headers["x-signalbox-escalated-from"] == whole.headers["x-signalbox-escalated-from"]
        assert response.headers["x-signalbox-pool"] == whole.headers["x-signalbox-pool"]
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert len({event["id"] for event in events}) == 1
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
    assert text == whole.json()["choices"][0]["message"]["content"]


def test_dropped_answers_leave_no_cache_behind(escalating, answers):
    asked_s = time.time()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        replicas = [escalating.living(pool) for pool in ("small", "moe", "large")]
        if all(r["as_of_s"] > asked_s and r["running"] == r["waiting"] == 0 for r in replicas):
            break
        time.sleep(0.2)
    assert [r["kv_usage_ratio"] for r in replicas] == [0, 0, 0]
