"""The live page's files over HTTP: types, headers, compression, and nothing but themselves without a key."""

from __future__ import annotations

import asyncio
import hashlib
import re

import fake_pools as fakes
import httpx
import pytest
from fake_board import FakeBoard
from page_gateway import SPEC

from cluster.spec import FleetSpec
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.page.assets import FOLDER, POLICY, routes

KEY = "sk-one"
PATHS = sorted(routes())
OWN = [path for path in PATHS if "plotly" not in path]


@pytest.fixture
def get(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)
    monkeypatch.setattr(module, "BoardLink", lambda spec: FakeBoard(tmp_path))
    keys = {"alice": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}}
    spec = FleetSpec.model_validate({**SPEC, "gateway": {"api_keys": keys}})
    gateway = Gateway(spec, {name: fakes.FakePool() for name in spec.pools})

    def get(path, **headers) -> httpx.Response:
        async def run():
            async with fakes.client(gateway) as http:
                return await http.get(path, headers=headers)

        return asyncio.run(run())

    return get


@pytest.mark.parametrize("path", PATHS)
def test_every_file_has_its_type_and_keeps_to_itself(get, path):
    answer = get(path, **{"accept-encoding": "gzip"})
    kind = {"/": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kind[path if path == "/" else path.rpartition(".")[2]])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert get(path, **{"accept-encoding": "identity"}).content == answer.content


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_has_a_file_is_not_sent_it_again(get, path):
    tag = get(path).headers["etag"]
    again = get(path, **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert get(path, **{"if-none-match": 'W/"other"'}).status_code == 200


def test_the_chart_library_is_kept_for_a_day_the_page_is_asked_for_each_time(get):
    assert get(f"{FOLDER}plotly.min.js").headers["cache-control"] == "public, max-age=86400"
    assert get("/").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", OWN)
def test_a_file_names_only_files_that_are_served(get, path):
    text = get(path).text
    named = re.findall(r'(?:src|href|from)=?\s*"((?:page|\.)/[^"]+)"', text)
    assert all("/page/" + name.partition("/")[2] in PATHS for name in named)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), "a live page asks nobody else"
    assert "innerHTML" not in text
    assert named or path != "/"


@pytest.mark.parametrize("path", ["/v1/history", "/v1/fleet", "/v1/scaling"])
def test_what_the_page_shows_needs_a_key(get, path):
    assert get(path).status_code == 401
    assert get(path, authorization=f"Bearer {KEY}").status_code == 200


def test_history_since_a_moment(get):
    authorization = f"Bearer {KEY}"
    whole = get("/v1/history", authorization=authorization).json()
    assert (whole["samples"], whole["always_large"], whole["prices_assumed"]) == ([], True, False)
    wrong = get("/v1/history?since=yesterday", authorization=authorization)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "since")
    assert get("/v1/scaling?newest=nan", authorization=authorization).status_code == 400


def test_the_404_names_no_files_of_the_page(get):
    message = get("/nowhere", authorization=f"Bearer {KEY}").json()["error"]["message"]
    assert "/v1/history" in message
    assert "page.css" not in message
