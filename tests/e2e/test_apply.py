"""Another spec for the running laptop fleet: no engine restarts, no stream breaks, and it is in force."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from fleet_process import ROOT, SIGNALBOX, RunningFleet

pytestmark = pytest.mark.fleet
KEY = "e2e-key"


@pytest.fixture(autouse=True)
def _ours(fleet):
    if fleet.process is None:
        pytest.skip("somebody else started this fleet")


def apply(fleet: RunningFleet, folder, change, *options):
    """Run `signalbox apply` with the laptop's spec and these values."""
    data = yaml.safe_load((ROOT / fleet.spec).read_text())
    data.setdefault("gateway", {})["port"] = urlsplit(fleet.url).port
    for path, value in change.items():
        place = data
        *parents, last = path.split(".")
        for each in parents:
            place = place.setdefault(each, {})
        place[last] = value
    spec = folder / "spec.yaml"
    spec.write_text(yaml.safe_dump(data, sort_keys=False))
    return subprocess.run([*SIGNALBOX, "apply", str(spec), *options], capture_output=True, text=True, cwd=ROOT)


def engines(fleet):
    return {pool: fleet.replica_process(pool).pid for pool in ("small", "moe", "large")}


def long_stream(fleet, ends):
    body = {
        "model": "large",
        "messages": [{"role": "user", "content": "count"}],
        "max_tokens": 600,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with httpx.stream("POST", f"{fleet.url}/v1/chat/completions", json=body, timeout=300) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: {")]
    ends.append(json.loads(lines[-1][6:])["usage"]["completion_tokens"])


def test_prices_names_and_limits_change_while_engines_and_streams_go_on(fleet, tmp_path):
    before, ends = engines(fleet), []
    stream = threading.Thread(target=long_stream, args=(fleet, ends))
    stream.start()
    try:
        change = {"pools.small.aliases": ["tiny"], "pools.large.prices.output_per_mtok": 77}
        done = apply(fleet, tmp_path, change | {"gateway.max_body_bytes": 5_000})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "in place: pools.small.aliases" in done.stdout
        assert "In force after" in done.stdout
        answer = fleet.chat("What is 7 + 5?", model="tiny")
        assert (answer.status_code, answer.headers["x-signalbox-pool"]) == (200, "small")
        assert fleet.chat("x" * 6_000).status_code == 413
        stream.join()
        assert ends == [600]
    finally:
        back = apply(fleet, tmp_path, {})
    assert back.returncode == 0, back.stdout + back.stderr
    assert fleet.chat("What is 7 + 5?", model="tiny").status_code == 404
    assert engines(fleet) == before


def test_a_key_is_asked_for_at_once(fleet, tmp_path):
    keys = {"ann": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}}
    try:
        assert apply(fleet, tmp_path, {"gateway.api_keys": keys}).returncode == 0
        assert fleet.chat("What is 7 + 5?").status_code == 401
        body = {"model": "small", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        known = {"authorization": f"Bearer {KEY}"}
        assert httpx.post(f"{fleet.url}/v1/chat/completions", json=body, headers=known, timeout=60).status_code == 200
    finally:
        assert apply(fleet, tmp_path, {}).returncode == 0
    assert fleet.chat("What is 7 + 5?", model="small").status_code == 200


def test_what_needs_new_engines_is_named_and_not_applied_by_mistake(fleet, tmp_path):
    done = apply(fleet, tmp_path, {"pools.small.engine.options.max_num_seqs": 7})
    assert done.returncode == 1
    assert "restart:  pools.small.engine.options.max_num_seqs" in done.stdout
    assert "add --restart" in done.stderr
    assert apply(fleet, tmp_path, {}, "--dry-run").stdout == "No changes.\n"
