"""`make dev`: its command starts, answers a chat request, shows the page with moving numbers, and stops on Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from cluster.loading import PROJECT_ROOT
from deployments.dev.fleet import PRICES

START_TIMEOUT_S = 120.0


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """The process and url of `make dev`'s command on a free port."""
    folder = tmp_path_factory.mktemp("dev")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.dev", "--port", "0"],
            cwd=PROJECT_ROOT,
            env=os.environ | {"XDG_CACHE_HOME": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, _url(process, folder / "log")
    finally:
        if process.poll() is None:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                each.kill()


def _url(process, log):
    """The url that the process prints, once it answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if (found := re.search(r"running on (http://\S+)", log.read_text())) and _answers(found.group(1)):
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _answers(url):
    try:
        return httpx.get(f"{url}/health", timeout=1.0).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_chat_request_is_answered(dev):
    _, url = dev
    body = {"model": "auto", "messages": [{"role": "user", "content": "What is 7 + 5?"}], "max_tokens": 2}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60.0)
    assert answer.json()["choices"][0]["message"]["content"] == "word word "
    assert answer.headers["x-signalbox-pool"] in PRICES


def test_the_page_has_numbers_that_move(dev):
    _, url = dev
    assert "<html" in httpx.get(url).text

    def decisions():
        samples = httpx.get(f"{url}/v1/history").json()["samples"]
        return sum(samples[-1]["totals"]["decisions"].values()) if samples and samples[-1]["totals"] else 0

    before, deadline = decisions(), time.monotonic() + 60
    while decisions() <= before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    pools = httpx.get(f"{url}/v1/history").json()["samples"][-1]["pools"]
    assert set(pools) == set(PRICES)


def test_ctrl_c_ends_every_process(dev):
    process, _ = dev
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert psutil.wait_procs(children, timeout=30)[1] == []
