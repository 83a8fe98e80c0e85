"""The live page in a real browser, with a gateway and scripted pools. Tests of a running fleet are in tests/e2e."""

from __future__ import annotations

import hashlib

import pytest
from browser import chromium, opened
from page_gateway import running

from cluster.state import STALE_AFTER_S

QUERY = "Is <img src=x onerror=alert(1)> & <b>this</b> text? 7 + 5"


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def endpoint(monkeypatch, tmp_path):
    """Start gateways that stop with the test."""
    contexts = []

    def start(**kwargs):
        contexts.append(running(monkeypatch, tmp_path, **kwargs))
        return contexts[-1].__enter__()

    yield start
    for context in contexts:
        context.__exit__(None, None, None)


def test_pools_and_decisions_are_shown_as_they_change(browser, endpoint):
    url, board = endpoint()
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        assert live.page.locator(".pool").count() == 3
        assert "1 ready" in live.text('[data-pool="small"] [data-count]')
        board.replicas |= {"small-2": board.replicas["small"].__class__("small", "small-2", "node", 0.0, waiting=9)}
        board.decide("small", 1, 2, "a queue of 9 requests")
        live.wait_text('[data-pool="small"] [data-count]', "2 ready")
        live.wait_text('[data-pool="small"]', "9 requests waiting")
        live.wait_text("#scaling", "1 → 2 replicas")
        assert "a queue of 9 requests" in live.text("#scaling")
        assert live.complaints == []
        assert live.hosts == {url.removeprefix("http://")}


def test_a_query_and_its_answer_are_text_whatever_they_hold(browser, endpoint):
    url, _ = endpoint(answer="<script>alert(2)</script> <b>twelve</b>")
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        live.page.fill("#query", QUERY)
        live.page.click("button[value=ask]")
        live.wait_text("#answer", "Done in")
        assert "<script>alert(2)</script><b>twelve</b>" in live.text("#answer pre")
        assert live.page.locator("#answer b, #answer script, #decision img").count() == 0
        pool = live.page.get_attribute("#decision [data-pool]", "data-pool")
        assert pool in live.text(".verdict")
        assert live.page.locator("#decision .reasons li").count() >= 1
        assert live.page.locator("#decision tr.chosen").count() == 1
        live.wait_text("#mix-bars", f"{pool} 100% (1)")
        assert live.complaints == []


def test_what_a_fleet_has_learned_is_shown_where_it_learns(browser, endpoint):
    url, _ = endpoint(routing={"learn": {}})
    with opened(browser, url) as live:
        live.wait_text('[data-tile="Learned from"]', "the spec's router decides; the first candidate needs 25 labels")
        assert live.text('[data-tile="Learned from"] dd span') == "0"


def test_what_the_endpoint_refuses_is_said(browser, endpoint):
    url, _ = endpoint(max_body_bytes=1000)
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        live.page.fill("#query", "x" * 2000)
        live.page.keyboard.press("Control+Enter")
        live.wait_text("#decision", "larger than 1000 bytes")


def test_a_lost_connection_is_said_and_ends(browser, endpoint):
    url, _ = endpoint()
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        live.page.context.set_offline(True)
        live.wait("document.body.dataset.state === 'lost'")
        assert "No data from the endpoint" in live.text("#banner")
        live.page.context.set_offline(False)
        live.wait("document.body.dataset.state === 'live'")
        assert not live.page.is_visible("#banner")


def test_old_reports_and_a_missing_board_are_said(browser, endpoint):
    url, board = endpoint()
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        board.age_s = STALE_AFTER_S + 2
        live.wait_text('[data-pool="moe"] .badge', "1 report older than 3 s")
        board.away = True
        live.wait("document.body.dataset.state === 'blind'")
        assert "the load of the pools is unknown" in live.text("#banner")
        live.wait_text('[data-pool="moe"]', "unknown")


def test_a_key_is_asked_for_kept_in_the_tab_and_asked_for_again_where_it_is_wrong(browser, endpoint):
    url, _ = endpoint(api_keys={"alice": {"sha256": hashlib.sha256(b"sk-one").hexdigest()}})
    with opened(browser, url) as live:
        live.page.wait_for_selector("#key-form", state="visible")
        assert not live.page.is_visible("main")
        live.page.fill("#key", "sk-wrong")
        live.page.keyboard.press("Enter")
        live.wait_text("#key-why", "unknown to this endpoint")
        live.page.fill("#key", "sk-one")
        live.page.keyboard.press("Enter")
        live.wait("document.body.dataset.state === 'live'")
        live.page.reload()
        live.wait("document.body.dataset.state === 'live'")
        assert not live.page.is_visible("#key-form")


def test_everything_has_a_name_and_is_reached_by_keyboard(browser, endpoint):
    url, _ = endpoint()
    with opened(browser, url) as live:
        live.wait("document.body.dataset.state === 'live'")
        page, press = live.page, live.page.keyboard.press
        page.get_by_role("radio", name="5 min", exact=True).focus()
        press("ArrowRight")
        assert page.get_by_role("radio", name="15 min").is_checked()
        live.wait_text("#mix-note", "requests in 30 s")
        press("Tab")
        page.get_by_label("Query", exact=True).press_sequentially("7 + 5")
        press("Tab")
        page.get_by_label("Preference").select_option("auto:best")
        press("Tab")
        press("Enter")
        live.wait_text("#decision", "Goes to")
        for name in ("Replicas of small", "KV cache usage of large", "Requests by pool", "Cost over time"):
            assert page.get_by_role("img", name=name).is_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1280])
def test_both_themes_fit_narrow_and_wide_windows(browser, endpoint, dark, width):
    url, _ = endpoint()
    with opened(browser, url, dark=dark, width=width) as live:
        live.wait("document.querySelectorAll('.pool .main-svg').length > 0")
        assert live.page.evaluate("document.documentElement.scrollWidth") <= width
        ground = live.page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(map(int, ground[4:-1].split(","))) / 3
        assert (lightness < 60) if dark else (lightness > 200)
        assert live.complaints == []


def test_contrast_of_texts_and_lines_in_both_themes(browser, endpoint):
    """WCAG 2.2: 4.5:1 for text, 3:1 for the colours of charts."""
    url, _ = endpoint()
    for dark in (False, True):
        with opened(browser, url, dark=dark) as live:
            names = [
                "ground",
                "card",
                "text",
                "quiet",
                "accent",
                "good",
                "warn",
                "bad",
                *(f"pool-{i}" for i in range(8)),
            ]
            hexes = live.page.evaluate(
                "names => names.map(n => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim())",
                names,
            )
        colors = dict(zip(names, map(luminance, hexes), strict=True))
        for name in names[2:]:
            for ground in ("ground", "card"):
                light, shade = sorted((colors[name], colors[ground]), reverse=True)
                least = 3.0 if name.startswith("pool") else 4.5
                assert (light + 0.05) / (shade + 0.05) >= least, (name, ground, dark)


def luminance(color):
    """Relative luminance of #rrggbb (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
