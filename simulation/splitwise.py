"""Constants of an engine's speed, fitted to measurements of Llama-2-70B on 2, 4 and 8 A100 and H100.

Source of the measurements: `perf_model.csv` of Splitwise (Patel et al., "Splitwise: Efficient generative LLM inference
using phase splitting", ISCA 2024; github.com/Mutinifni/splitwise-sim, MIT), medians over repetitions.

A step reads its weights and KV cache at the devices' full bandwidth. What it takes beyond that is host work and
communication, which grow with the layers. Prompts are arithmetic at a share of the devices' peak:

    step     = weights / (N x bandwidth) + layers x (layer_s + layer_doubling_s x log2 N)
             + KV bytes / (N x bandwidth) + sequences x layers x sequence_layer_s
    prompts  = arithmetic_factor x (2 x active parameters x tokens + 4 x layers x width x attended pairs) / (N x flops)
             + tokens x layers x width x (N - 1) / N x reduce_s
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LAYERS, WIDTH, PARAMETERS, KV_BYTES_PER_TOKEN = 80, 8192, 68.98e9, 327_680
"""Llama-2-70B; weights and KV cache in 16 bits."""


@dataclass(frozen=True)
class SpeedConstants:
    """Of one device type; see the module for the formula."""

    layer_s: float
    layer_doubling_s: float
    sequence_layer_s: float
    arithmetic_factor: float
    """How many times longer than at the devices' peak arithmetic takes."""
    reduce_s: float
    """All-reduce of one number of a prompt token's hidden state."""


A100 = SpeedConstants(1.90e-4, 8.30e-5, 4.58e-6, 1.35, 1.23e-10)
H100 = SpeedConstants(1.40e-4, 5.42e-5, 3.82e-6, 1.50, 7.28e-11)
"""Median error against the measurements on A100 and H100: 3% in decode steps, 14% and 16% in prompts."""


@dataclass(frozen=True)
class Measurement:
    """One row of the table."""

    devices: int
    prompt_tokens: int
    batch: int
    answer_tokens: int
    prompt_s: float
    """For the whole batch."""
    token_s: float


def fit(rows: Sequence[Measurement], bandwidth: float, flops: float) -> SpeedConstants:
    """The constants with the least squares of relative errors.

    Args:
        rows: of one device type, repetitions as their medians.
        bandwidth: of one device, bytes per second.
        flops: of one device, dense 16-bit operations per second.
    """
    n, prompt, batch, answer, prompt_s, token_s = np.array([list(vars(row).values()) for row in rows]).T
    kv_bytes = batch * (prompt + answer / 2) * KV_BYTES_PER_TOKEN
    read_s = (2 * PARAMETERS + kv_bytes) / (n * bandwidth)
    beyond = np.stack([np.ones_like(n), np.log2(n), batch], axis=1) * LAYERS
    step = np.linalg.lstsq(beyond / token_s[:, None], (token_s - read_s) / token_s)[0]
    alone_s = 2 * PARAMETERS / (n * bandwidth) + beyond[:, :2] @ step[:2]
    work_s = (2 * PARAMETERS * prompt * batch + 4 * LAYERS * WIDTH * batch * prompt**2 / 2) / (n * flops)
    reduced = prompt * batch * LAYERS * WIDTH * (n - 1) / n
    prompts = np.stack([work_s, reduced], axis=1) / prompt_s[:, None]
    factors = np.linalg.lstsq(prompts, (prompt_s - alone_s) / prompt_s)[0]
    layer_s, doubling_s, sequence_s = step.tolist()
    arithmetic, reduce_s = factors.tolist()
    return SpeedConstants(layer_s, doubling_s, sequence_s, arithmetic, reduce_s)
