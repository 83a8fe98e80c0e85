"""`signalbox logs` on a running fleet: what every process says is there, and nothing of what clients send."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest
from bad_requests import CHAT
from fleet_process import ROOT, SIGNALBOX, RunningFleet

from deployments.local.folders import fleet_folders

pytestmark = pytest.mark.fleet
SENT = "zanzibar"
"""A word that clients send and no log may have."""


def logs(*words: str) -> str:
    done = subprocess.run([*SIGNALBOX, "logs", *words], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(fleet: RunningFleet) -> Path:
    """The fleet's own folder."""
    found = [each.path for each in fleet_folders() if each.url == fleet.url]
    if not found:
        pytest.skip("the fleet does not run on this machine")
    return found[0]


def test_gateway_replicas_and_board_are_in_the_log(fleet: RunningFleet, folder: Path) -> None:
    text = logs("--url", fleet.url, "--lines", "100000")
    assert "the gateway of signalbox takes its spec" in text
    assert "the fleet board starts" in text
    for pool in ("small", "moe", "large"):
        assert f"{pool} is ready after" in text
    small = logs("--folder", str(folder), "--pool", "small")
    assert "small is ready after" in small
    assert "large" not in small
    assert len(logs("--url", fleet.url, "--lines", "1").splitlines()) == 1


def test_the_log_has_nothing_of_what_clients_send(fleet: RunningFleet, folder: Path) -> None:
    for pool in ("small", "moe", "large"):
        assert fleet.chat(f"Copy this word: {SENT}", model=pool, max_tokens=4).status_code == 200
    with httpx.Client(base_url=fleet.url, timeout=120, headers={"authorization": f"Bearer {SENT}"}) as client:
        for wrong in wrong_fields():
            body = {"model": "small", "messages": [{"role": "user", "content": SENT}], "max_tokens": 2, **wrong}
            assert client.post(CHAT, json=body).status_code >= 400, body
    written = [path for path in (folder / "ray").glob("session_*/logs/**/*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if SENT in path.read_text(errors="replace")] == []


def wrong_fields() -> list[dict[str, object]]:
    """What vLLM refuses, with the word in it."""
    unknown = {"type": SENT}
    return [
        {"temperature": SENT},
        {"stop": {SENT: 1}},
        {"tools": [{"type": "function", "function": {"name": SENT, "parameters": unknown}}], "tool_choice": SENT},
        {"response_format": {"type": "json_schema", "json_schema": {"name": SENT, "schema": unknown}}},
        {"structured_outputs": {"regex": f"({SENT}"}},
        {"structured_outputs": {"grammar": SENT}},
        {"chat_template": "{{ " + SENT + " }"},
        {"messages": [{"role": "tool", "content": [{"type": SENT}]}]},
        {"messages": [{"role": "user", "content": f"{SENT} " * 5_000}]},
        {"logit_bias": {SENT: 1}},
        {"allowed_token_ids": [10**6], "user": SENT},
    ]
