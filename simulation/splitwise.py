"""Speed constants of an engine, fitted to measurements of Llama-2-70B on 2, 4 and 8 A100 and H100.

Source of the measurements: `perf_model.csv` of Splitwise (Patel et al., "Splitwise: Efficient generative LLM inference
using phase splitting", ISCA 2024; github.com/Mutinifni/splitwise-sim, MIT), medians over repetitions.

A step reads its weights and KV cache at the devices' full bandwidth. The remaining time is host work and communication,
which grow with the number of layers. Prompts are arithmetic at a share of the devices' peak:

    step     = weights / (N x bandwidth) + layers x (layer_s + layer_doubling_s x log2 N)
             + KV bytes / (N x bandwidth) + sequences x layers x sequence_layer_s
    prompts  = arithmetic_factor x (2 x active parameters x tokens + 4 x layers x width x attended pairs) / (N x flops)
             + layers x width x (tokens x (N - 1) / N x reduce_s + tokens beyond LONG_STEP_TOKENS x long_s)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.workload import Floats

LAYERS, WIDTH, PARAMETERS, KV_BYTES_PER_TOKEN = 80, 8192, 68.98e9, 327_680
"""Llama-2-70B with weights and KV cache in 16 bits."""
LONG_STEP_TOKENS = 2048
"""Above this number of prompt tokens per step, each token takes longer on any number of devices (measured)."""


@dataclass(frozen=True)
class SpeedConstants:
    """Constants of one device type. The module's docstring has the formula."""

    layer_s: float
    layer_doubling_s: float
    sequence_layer_s: float
    arithmetic_factor: float
    """Time of arithmetic relative to the devices' peak."""
    reduce_s: float
    """Seconds of all-reduce for one number of a prompt token's hidden state in one layer."""
    long_s: float
    """Extra seconds per such number for the tokens above LONG_STEP_TOKENS in a step."""


A100 = SpeedConstants(1.90e-4, 8.30e-5, 4.58e-6, 1.248, 7.58e-11, 1.887e-10)
H100 = SpeedConstants(1.40e-4, 5.42e-5, 3.82e-6, 1.372, 5.22e-11, 6.881e-11)
"""The median error on A100 and H100 is 3% for decode steps, and 8% and 7% for prompts."""


@dataclass(frozen=True)
class Measurement:
    """One row of the table."""

    devices: int
    prompt_tokens: int
    batch: int
    answer_tokens: int
    prompt_s: float
    """Seconds for the prompts of the whole batch."""
    token_s: float


def predicted(constants: SpeedConstants, row: Measurement, bandwidth: float, flops: float) -> tuple[float, float]:
    """Predicted seconds of a row's prompts and of one of its steps. Arguments are those of `fit`."""
    step, prompts = _terms([row], bandwidth, flops)
    beyond = (constants.layer_s, constants.layer_doubling_s, constants.sequence_layer_s)
    factors = (constants.arithmetic_factor, constants.reduce_s, constants.long_s)
    alone_s = step.weights_s[0] + float(step.beyond[0, :2] @ beyond[:2])
    token_s = step.weights_s[0] + step.kv_s[0] + float(step.beyond[0] @ beyond)
    return float(alone_s + prompts[0] @ factors), float(token_s)


def fit(rows: Sequence[Measurement], bandwidth: float, flops: float) -> SpeedConstants:
    """Fit the constants by least squares of relative errors.

    Args:
        rows: measurements of one device type, medians over repetitions.
        bandwidth: bytes per second of one device.
        flops: dense 16-bit operations per second of one device.
    """
    prompt_s, token_s = np.array([row.prompt_s for row in rows]), np.array([row.token_s for row in rows])
    step, prompts = _terms(rows, bandwidth, flops)
    beyond = _least_squares(step.beyond, token_s - step.weights_s - step.kv_s, token_s)
    alone_s = step.weights_s + step.beyond[:, :2] @ beyond[:2]
    # Rows that differ only in their answers have the same prompts, so they count once.
    once = list({(row.devices, row.prompt_tokens, row.batch): place for place, row in enumerate(rows)}.values())
    factors = _least_squares(prompts[once], (prompt_s - alone_s)[once], prompt_s[once])
    return SpeedConstants(*(float(each) for each in (*beyond, *factors)))


@dataclass(frozen=True)
class _Steps:
    """Terms of the formula for steps, one per row."""

    weights_s: Floats
    kv_s: Floats
    beyond: Floats
    """Factors of a step's three constants."""


def _terms(rows: Sequence[Measurement], bandwidth: float, flops: float) -> tuple[_Steps, Floats]:
    """The terms of steps, and the factors of the three constants of prompts."""
    n, prompt, batch, answer = np.array([list(vars(row).values())[:4] for row in rows], dtype=np.float64).T
    kv_bytes = batch * (prompt + answer / 2) * KV_BYTES_PER_TOKEN
    beyond = np.stack([np.ones_like(n), np.log2(n), batch], axis=1) * LAYERS
    work = 2 * PARAMETERS * prompt * batch + 4 * LAYERS * WIDTH * batch * prompt**2 / 2
    numbers, beyond_long = prompt * batch * LAYERS * WIDTH, np.maximum(prompt * batch - LONG_STEP_TOKENS, 0)
    steps = _Steps(2 * PARAMETERS / (n * bandwidth), kv_bytes / (n * bandwidth), beyond)
    return steps, np.stack([work / (n * flops), numbers * (n - 1) / n, beyond_long * LAYERS * WIDTH], axis=1)


def _least_squares(terms: Floats, seconds: Floats, measured_s: Floats) -> Floats:
    """Constants that minimise the relative error of terms x constants compared with `seconds`."""
    return np.asarray(np.linalg.lstsq(terms / measured_s[:, None], seconds / measured_s)[0], dtype=np.float64)
