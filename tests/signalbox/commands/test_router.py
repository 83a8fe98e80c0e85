"""`signalbox router` shows what an endpoint says of its quality model, and what went wrong in one line."""

from __future__ import annotations

import httpx
import pytest
from typer.testing import CliRunner

from signalbox import client
from signalbox.cli import app

STATE = {
    "version": "2-0a1b2c3d",
    "since_s": 1_700_000_000.0,
    "base": "shipped",
    "card": {"date": "2026-01-01", "counts": {"labels": 3}, "note": "[bold]"},
    "previous": [{"version": "1-4e5f6a7b", "since_s": 1_600_000_000.0, "bytes": 77}],
    "problem": None,
    "learning": None,
}
LEARNING = {
    "labels": {"comparison": 31, "feedback": 2},
    "frozen": False,
    "running": False,
    "version": "2-0a1b2c3d",
    "verdict": {"action": "take", "why": "better [bold]"},
    "verdict_at_s": 1_700_000_000.0,
    "problem": None,
}


@pytest.fixture
def endpoint(monkeypatch):
    """Requests that came, and what is answered."""
    endpoint = type("Endpoint", (), {"requests": [], "answer": (200, STATE)})()

    def request(method, url, content=None, headers=None, timeout=None):
        endpoint.requests.append((method, url, content, headers))
        if isinstance(endpoint.answer, Exception):
            raise endpoint.answer
        status, body = endpoint.answer
        return httpx.Response(status, json=body)

    monkeypatch.setattr(client.httpx, "request", request)
    return endpoint


def run(*words):
    return CliRunner().invoke(app, ["router", *words, "--url", "http://fleet"])


def test_status_shows_what_decides_and_what_came_before(endpoint):
    result = run("status")
    assert result.exit_code == 0, result.output
    for text in ("2-0a1b2c3d", "1-4e5f6a7b", "2026-01-01", '{"labels": 3}', "[bold]", "shipped (the spec's)"):
        assert text in result.output
    assert endpoint.requests == [("GET", "http://fleet/v1/router", None, {})]


def test_the_specs_own_model_is_said(endpoint):
    endpoint.answer = (200, STATE | {"version": None, "since_s": None, "card": None, "previous": []})
    assert "shipped (the spec's)" in run("status").output


def test_use_sends_the_files_bytes_and_the_key(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNALBOX_API_KEY", "secret")
    (tmp_path / "a").write_bytes(b"\x00artifact")
    assert run("use", str(tmp_path / "a")).exit_code == 0
    headers = {"authorization": "Bearer secret"}
    assert endpoint.requests == [("PUT", "http://fleet/v1/router", b"\x00artifact", headers)]


def test_rollback_posts(endpoint):
    assert run("rollback").exit_code == 0
    assert endpoint.requests[0][:2] == ("POST", "http://fleet/v1/router/rollback")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"error": {"message": "there is nothing to go back to"}}), "nothing to go back to"),
        ((500, {}), "returned 500"),
        ((200, []), "returned 200"),
        (httpx.ConnectError("refused"), "signalbox serve"),
    ],
)
def test_what_an_endpoint_refuses_is_said_in_a_line(endpoint, answer, said):
    endpoint.answer = answer
    result = run("rollback")
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


def test_a_file_that_is_not_there(endpoint, tmp_path):
    result = run("use", str(tmp_path / "missing"))
    assert (result.exit_code, endpoint.requests) == (2, [])
    assert "cannot be read" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "31 from comparison, 2 from feedback"),
        ({}, "take: better [bold]"),
        ({}, "2-0a1b2c3d decides"),
        ({"labels": {}, "verdict": None}, "none yet"),
        ({"frozen": True}, "routing.learn.frozen"),
        ({"problem": "artifact 3 was put in use by hand"}, "artifact 3 was put in use by hand"),
    ],
)
def test_status_shows_what_the_fleet_has_learned(endpoint, change, said):
    endpoint.answer = (200, STATE | {"learning": LEARNING | change})
    shown = run("status")
    assert shown.exit_code == 0
    assert said in " ".join(shown.output.split())
