"""The live page of the running laptop fleet in a real browser: three pools of real engines, a load, a typed query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import httpx
import pytest
from browser import chromium, opened

from demo.tasks import generate_tasks

pytestmark = pytest.mark.fleet
QUERY = "Tom has 12 apples. He buys 3 bags of 6 apples. Then he gives away 9. How many are left? <b>&amp;</b>"
POOLS = ("small", "moe", "large")
ASKING = 6


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@contextmanager
def load(fleet) -> Iterator[None]:
    """Clients that ask one question after the other while the block runs."""
    enough = Event()

    def ask(seed):
        for task in generate_tasks(1000, seed=seed):
            if enough.is_set():
                break
            fleet.chat(task.prompt, max_tokens=48).raise_for_status()

    with ThreadPoolExecutor(ASKING) as clients:
        asked = [clients.submit(ask, seed) for seed in range(ASKING)]
        try:
            yield
        finally:
            enough.set()
    for each in asked:
        each.result()


LINES = "JSON.stringify([...document.querySelectorAll('.chart.last .js-line')].map(l => l.getAttribute('d')))"
"""What the throughput charts' lines look like."""


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_follows_a_load(fleet, browser, dark):
    with opened(browser, fleet.url, dark=dark) as live:
        live.wait("document.body.dataset.state === 'live'")
        assert live.page.locator(".pool h3").all_inner_texts() == list(POOLS)
        for pool in POOLS:
            # More than one where tests before this one made a load: that it goes again is not waited for.
            live.wait(f"parseInt(document.querySelector('[data-pool={pool}] [data-count]').innerText) >= 1")
        lines = live.page.evaluate(LINES)
        with load(fleet):
            live.wait(
                "[...document.querySelectorAll('.pool')].some(p => parseFloat(p.querySelector('.gauge:last-child b')"
                ".innerText) > 0)"
            )
            live.wait(f"{LINES} !== {json.dumps(lines)}")
        assert live.text('[data-tile="Requests"] dd span') != "0"
        live.wait_text('[data-tile="Saved"]', "instead of")
        assert live.complaints == []
        assert live.hosts == {fleet.url.removeprefix("http://")}


def test_a_typed_query_shows_its_pool_and_why_and_its_answer(fleet, browser):
    with opened(browser, fleet.url) as live:
        live.wait("document.body.dataset.state === 'live'")
        live.page.fill("#query", QUERY)
        live.page.click("button[value=route]")
        live.wait("document.querySelector('.verdict') !== null")
        decision = httpx.post(f"{fleet.url}/v1/route", json={"input": QUERY}, timeout=30).json()
        assert live.page.get_attribute(".verdict", "data-pool") == decision["pool"]
        reasons = live.page.locator("#decision .reasons li").all_inner_texts()
        assert reasons
        assert reasons[0] == decision["reasons"][0]
        live.page.click("button[value=ask]")
        live.wait_text("#answer", "Done in")
        assert live.text("#answer pre").strip()
        assert live.complaints == []
