"""A real headless Chromium, watched: what it says on its console and whom it asks."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from deployments.local.programs import find

FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
PATIENCE_S = 150
"""A page is there within seconds; a busy test machine is given more."""


@dataclass
class Watched:
    """A page of the browser, and what happened on it."""

    page: object
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of its console, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """URLs that it asked for."""

    @property
    def hosts(self):
        """Host and port of every request that left the browser."""
        return {urlsplit(url).netloc for url in self.requests if not url.startswith(("data:", "blob:"))}

    def text(self, selector):
        """Text of the first element that a CSS selector finds."""
        return self.page.inner_text(selector)

    def wait(self, condition, timeout_s=PATIENCE_S):
        """Until a JavaScript expression is true. Asked from here, since a page's own waiting would need `eval`, which
        this one forbids."""
        deadline = time.monotonic() + timeout_s
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
            self.page.wait_for_timeout(100)

    def wait_text(self, selector, part, timeout_s=PATIENCE_S):
        """Until the text of an element holds a part, wherever its lines break."""
        text = f"document.querySelector({json.dumps(selector)})?.innerText.replace(/\\s+/g, ' ')"
        found = f"{text}.includes({json.dumps(part)})"
        self.wait(found, timeout_s)


@contextmanager
def chromium():
    """A browser; skips the test, with the reason, where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    program = find("chromium")
    if program is None:
        pytest.skip("needs Chromium: tools.sh unpacks Debian's")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), chromium_sandbox=False, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser, url, *, dark=False, width=1280, height=900):
    """A page of the browser at a URL, in a profile of its own."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    watched = Watched(page)
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("console", lambda said: said.type in ("error", "warning") and watched.complaints.append(said.text))
    page.goto(url)
    yield watched
    context.close()
