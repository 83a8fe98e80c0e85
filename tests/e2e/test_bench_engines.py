"""`signalbox bench engines` measures three real engines and draws them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.engines import ANSWER_TOKENS, ENGINES, workload

SIGNALBOX = str(Path(sys.executable).parent / "signalbox")


def test_the_workload_is_mixed_and_repeatable():
    bodies = workload(60)
    lengths = [len(body["messages"][0]["content"]) for body in bodies]
    assert {body["max_tokens"] for body in bodies} == set(ANSWER_TOKENS)
    assert max(lengths) > 5 * min(lengths)
    assert bodies == workload(60)


def test_a_folder_without_a_model_is_refused():
    done = subprocess.run([SIGNALBOX, "bench", "engines", "--model", "no/such"], capture_output=True, text=True)
    assert (done.returncode, "use a folder with a model" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.timeout(900)
def test_three_engines_side_by_side(tmp_path):
    chart = tmp_path / "engines.html"
    command = [
        SIGNALBOX,
        "bench",
        "engines",
        "--concurrency",
        "1",
        "--concurrency",
        "4",
        "--plot",
        str(chart),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=850)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout)
    assert [(row["engine"], row["concurrency"]) for row in rows] == [(e, c) for e in ENGINES for c in (1, 4)]
    for row in rows:
        assert all(row[name] > 0 for name in ("tokens_per_s", "ttft_p50_s", "tpot_p50_s", "cpu_s_per_1k_tokens"))
        assert row["ttft_p50_s"] <= row["ttft_p99_s"]
        assert row["memory_mib"] > 100
    page = chart.read_text()
    assert all(engine in page for engine in ENGINES)
    assert "https://cdn" not in page.split("Plotly.newPlot")[-1]
