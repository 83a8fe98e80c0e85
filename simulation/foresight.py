"""Knowledge for policies beyond signals: the capacity of a replica, and the future load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from cluster.spec import FleetSpec
from cluster.usage import Usage
from router.types import NoPool, RoutingRequest
from simulation.arrivals import Arrivals
from simulation.baselines import Capacity, Knowledge, Load
from simulation.desk import SimulatedDesk
from simulation.outcomes import TPOT_LIMIT_S
from simulation.replica import EPOCH_S
from simulation.timing import EngineShape
from simulation.workload import Floats, Workload


def knowledge(spec: FleetSpec, shapes: Mapping[str, EngineShape], arrivals: Arrivals) -> Knowledge:
    """Capacities, and the demand per pool if load does not affect routing. The demand is routed on first use."""
    load = arrivals.workload
    context = float(load.prompt_tokens.mean() + load.answer_tokens.mean() / 2)
    offered = cache(lambda: _offered(spec, arrivals))

    def demand(pool: str, begin_s: float, end_s: float) -> Load:
        return offered()[pool](begin_s - EPOCH_S, end_s - EPOCH_S)

    return Knowledge(
        capacity={name: capacity(shape, context) for name, shape in shapes.items()},
        demand=demand,
        span_s=(EPOCH_S + min(float(load.arrival_s[0]), 0.0), EPOCH_S + load.duration_s),
    )


def capacity(shape: EngineShape, context_tokens: float) -> Capacity:
    """The capacity of one replica.

    Args:
        shape: the replica's engine.
        context_tokens: mean tokens of a request in the KV cache.
    """
    times, chunk = shape.times, shape.max_num_batched_tokens
    fitting = max(1, min(shape.max_num_seqs, int(shape.kv_tokens / context_tokens)))
    steps = [times.decode_s(batch, batch * context_tokens) for batch in range(1, fitting + 1)]
    batch = max(1, sum(step_s <= TPOT_LIMIT_S for step_s in steps))
    return Capacity(
        prompt_tokens_per_s=chunk / times.prefill_s(0, 0.0, chunk, chunk**2 / 2),
        answer_tokens_per_s=batch / steps[batch - 1],
        unloaded_tpot_s=steps[0],
        slo_tpot_s=TPOT_LIMIT_S,
    )


def _offered(spec: FleetSpec, arrivals: Arrivals) -> dict[str, Callable[[float, float], Load]]:
    """Functions for the mean load of every pool between two times of the simulation."""
    desk, load = SimulatedDesk(spec, arrivals.model), arrivals.workload
    longest = int(load.answer_tokens.max())
    requests = (
        replace(query, prompt_tokens=prompt, max_tokens=longest)
        for query, prompt in zip(arrivals.queries, load.prompt_tokens.tolist(), strict=True)
    )
    answers = load.answer_tokens.tolist()
    pools = np.array([_routed(desk, request, answer) for request, answer in zip(requests, answers, strict=True)])
    return {
        name: _mean_load(load.take(rows := np.flatnonzero(pools == name), load.arrival_s[rows])) for name in spec.pools
    }


def _routed(desk: SimulatedDesk, request: RoutingRequest, answer_tokens: int) -> str:
    """The pool of a request that is answered immediately; empty if the router has none."""
    try:
        ticket = desk.open(request, EPOCH_S)
    except NoPool:
        return ""
    ticket.spent(ticket.decision.pool, Usage(request.prompt_tokens, answer_tokens))
    ticket.answered(ticket.decision.pool)
    ticket.close()
    return ticket.decision.pool


def _mean_load(load: Workload) -> Callable[[float, float], Load]:
    sums = [_sums(np.ones(len(load))), _sums(load.prompt_tokens), _sums(load.answer_tokens)]

    def between(begin_s: float, end_s: float) -> Load:
        first, last = np.searchsorted(load.arrival_s, [begin_s, end_s])
        seconds = max(end_s - begin_s, 1e-9)
        return Load(*(float(each[last] - each[first]) / seconds for each in sums))

    return between


def _sums(values: np.ndarray) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
