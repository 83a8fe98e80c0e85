"""Pictures of the live page of a running fleet under load, as docs/live-page.md shows them.

    python -m benchmarks.live_page --url http://127.0.0.1:8000 -o docs/images

Clients ask the demo's tasks for a while, first few and then many, so that something happens; then headless Chromium
(tools.sh unpacks Debian's) types a query and takes a picture in light and in dark.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Event

import httpx
from playwright.sync_api import Browser, sync_playwright

from demo.tasks import task_stream
from deployments.local.programs import find

QUERY = "Tom has 12 apples. He buys 3 bags of 6 apples. Then he gives away 9. How many apples does Tom have now?"
PHASES = ((3, 0.4), (12, 0.6))
"""Clients at a time, and the share of the load's time that they ask for."""


def keep_asking(url: str, client: int, enough: Event) -> None:
    """One client: one task after the other until it is enough."""
    for task in islice(task_stream(seed=client), 100_000):
        if enough.is_set():
            return
        body = {"model": "auto", "messages": [{"role": "user", "content": task.prompt}], "max_tokens": 96}
        with suppress(httpx.HTTPError):  # a fleet that is still starting
            httpx.post(f"{url}/v1/chat/completions", json=body, timeout=120)


def picture(browser: Browser, url: str, scheme: str, file: Path) -> None:
    """The whole page, with a query asked."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(200_000)  # the machine is busy with the load
    page.goto(url)
    page.wait_for_selector(".pool .main-svg")
    page.fill("#query", QUERY)
    page.click("button[value=ask]")
    page.wait_for_selector("#answer:not([aria-busy]) .quiet")
    page.wait_for_timeout(2500)
    page.screenshot(path=file, full_page=True)
    page.close()


def main() -> None:
    """Load, then pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the load lasts")
    given = parser.parse_args()
    program = find("chromium")
    if program is None:
        parser.error("needs Chromium: ./tools.sh unpacks Debian's")
    enough = Event()
    with ThreadPoolExecutor(sum(clients for clients, _ in PHASES)) as clients, sync_playwright() as playwright:
        try:
            for count, share in PHASES:
                for client in range(count):
                    clients.submit(keep_asking, given.url, 100 * count + client, enough)
                time.sleep(share * given.seconds)
            browser = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox", "--disable-gpu"])
            for scheme in ("light", "dark"):
                picture(browser, given.url, scheme, given.out / f"live-page-{scheme}.png")
        finally:
            enough.set()


if __name__ == "__main__":
    main()
