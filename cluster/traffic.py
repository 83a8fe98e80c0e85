"""What a layout means for users: replicas and devices for a rate of requests.

Times are lower bounds from the roofline (`cluster.plan`); a replica is planned at USABLE_SHARE of what they allow.
"""

from __future__ import annotations

from dataclasses import dataclass

from cluster.batches import max_num_seqs
from cluster.kv_cache import sequence_bytes
from cluster.memory import GIB
from cluster.model_facts import ModelFacts
from cluster.plan import TARGETS, Layout, decode_step_s

USABLE_SHARE = 0.5
"""An assumption, not a measurement: the share of the roofline that is left after sampling, communication, uneven
arrivals and a spare for peaks."""


@dataclass(frozen=True)
class Traffic:
    """Requests of one size that arrive at a rate."""

    per_s: float
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True)
class Serving:
    """Replicas of a layout for some traffic."""

    replicas: int
    devices: int
    requests_per_s: float
    """That one replica is planned for."""
    users_at_once: int
    """Requests in progress, over all replicas."""
    least_ttft_s: float
    """Reading one prompt, without a queue."""
    least_tpot_s: float
    """Between two tokens of an answer, with a full batch."""
    bound: str
    """What keeps a replica from more."""


def serve(facts: ModelFacts, layout: Layout, traffic: Traffic) -> Serving | None:
    """Replicas that the traffic needs; None if not one of its requests fits the KV cache."""
    target, hardware = TARGETS[layout.target], TARGETS[layout.target].hardware
    held = traffic.prompt_tokens + traffic.answer_tokens
    fitting = int(layout.memory.kv_gib * GIB / sequence_bytes(facts, layout.pool, hardware, held))
    rows = max_num_seqs(layout.pool, hardware)
    batch = min(fitting, rows)
    if batch < 1:
        return None
    average = traffic.prompt_tokens + traffic.answer_tokens / 2
    step_s = decode_step_s(facts, layout.target, layout.pool, layout.memory, batch, average)
    prefill_s = 2 * facts.active_parameters * traffic.prompt_tokens / (layout.devices * target.tflops * 1e12)
    # A replica reads a prompt, and generates an answer next to the other sequences of the batch.
    busy_s = prefill_s + traffic.answer_tokens * step_s / batch
    each = USABLE_SHARE / busy_s
    replicas = max(1, -int(-traffic.per_s // each))
    # While one request generates a token, the prompts of those that join the batch are read too.
    tpot_s = step_s + prefill_s * batch / max(traffic.answer_tokens, 1)
    return Serving(
        replicas=replicas,
        devices=replicas * layout.devices,
        requests_per_s=each,
        users_at_once=round(traffic.per_s * (prefill_s + traffic.answer_tokens * tpot_s)),
        least_ttft_s=prefill_s,
        least_tpot_s=tpot_s,
        bound=_bound(prefill_s, busy_s, fitting, rows),
    )


def _bound(prefill_s: float, busy_s: float, fitting: int, rows: int) -> str:
    if prefill_s > busy_s / 2:
        return "arithmetic on prompts"
    return "KV cache, which limits the batch" if fitting < rows else "memory bandwidth"
