"""The constants that ship are those of the measurements, and as near to them as is said."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from cluster.loading import PROJECT_ROOT
from cluster.plan import TARGETS
from simulation.splitwise import A100, H100, LAYERS, WIDTH, Measurement, SpeedConstants, fit, predicted

TABLE = Path(os.environ.get("SIGNALBOX_DATA", PROJECT_ROOT.parent / "shared" / "data")) / "perf"
TABLE /= "splitwise_perf_model.csv"
CASES = [("a100-80gb", "A100-80G", A100), ("h100-80gb", "H100", H100)]


def measurements(hardware: str) -> list[Measurement]:
    """Medians of the repetitions. With 64 prompts on two devices the table's prompt times are those of fewer."""
    times = defaultdict(list)
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            if (row["model"], row["hardware"]) == ("llama2-70b", hardware):
                key = tuple(int(row[name]) for name in ("tensor_parallel", "prompt_size", "batch_size", "token_size"))
                times[key].append((float(row["prompt_time"]) / 1e3, float(row["token_time"]) / 1e3))
    return [
        Measurement(*key, *np.median(values, axis=0).tolist())
        for key, values in sorted(times.items())
        if (key[0], key[2]) != (2, 64)
    ]


@pytest.mark.skipif(not TABLE.exists(), reason="the measurements are not here: set SIGNALBOX_DATA")
@pytest.mark.parametrize(("hardware", "device", "constants"), CASES)
def test_constants_are_those_of_the_table(hardware, device, constants):
    rows, target = measurements(hardware), TARGETS[device]
    rates = target.bandwidth_gb_s * 1e9, target.tflops * 1e12
    assert astuple(fit(rows, *rates)) == pytest.approx(astuple(constants), rel=0.01)
    errors = np.array([predicted(constants, row, *rates) for row in rows]) / [(r.prompt_s, r.token_s) for r in rows] - 1
    prompts, steps = np.median(abs(errors), axis=0)
    assert prompts < 0.085
    assert steps < 0.035
    assert abs(errors[:, 1]).max() < 0.12
    assert abs(errors[:, 0]).max() < 0.38


def test_a_fit_finds_the_constants_that_made_the_measurements():
    true, rates = SpeedConstants(1e-4, 5e-5, 3e-6, 1.7, 9e-11, 4e-11), (3e12, 9e14)
    rows = [Measurement(n, p, b, 128, 0.0, 0.0) for n in (2, 4, 8) for p in (128, 512, 4_096) for b in (1, 8, 32)]
    rows = [Measurement(*astuple(row)[:4], *predicted(true, row, *rates)) for row in rows]
    assert astuple(fit(rows, *rates)) == pytest.approx(astuple(true), rel=1e-6)
    assert (LAYERS, WIDTH) == (80, 8192)
