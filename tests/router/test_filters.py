"""Each filter alone: the reason it gives, or none."""

from __future__ import annotations

import pytest

from cluster.pool import PoolSpec
from cluster.state import PoolState, ReplicaState
from router.filters import capability, context, is_at_zero, room, unready
from router.types import RoutingRequest


def pool(limit=1_000, minimum=1, **changes):
    options = {} if limit is None else {"max_model_len": limit}
    replicas = {"min": minimum, "max": 2}
    engine = {"kind": "simulated", "options": options}
    return PoolSpec.model_validate({"tier": "small", "model": "m", "engine": engine, "replicas": replicas, **changes})


def ready(limit=0):
    return {"p": PoolState("p", (ReplicaState("p", "p-0", "node", 0.0, max_context_tokens=limit),))}


NONE_READY = {"p": PoolState("p")}


@pytest.mark.parametrize(
    ("state", "minimum", "reason", "sleeps"),
    [
        (None, 1, None, False),
        (None, 0, None, False),
        (ready(), 1, None, False),
        (ready(), 0, None, False),
        (NONE_READY, 1, "no ready replica", False),
        ({}, 1, "no ready replica", False),
        ({}, 0, None, True),
        (NONE_READY, 0, None, True),
    ],
)
def test_without_a_replica_a_pool_is_unready_or_asleep(state, minimum, reason, sleeps):
    assert unready(RoutingRequest("x"), "p", pool(minimum=minimum), state) == reason
    assert is_at_zero("p", pool(minimum=minimum), state) is sleeps


@pytest.mark.parametrize(
    ("tokens", "error", "limit", "state", "passes"),
    [
        (900, 0.0, 1_000, None, True),
        (1_000, 0.0, 1_000, None, True),
        (1_001, 0.0, 1_000, None, False),
        (1_500, 0.5, 1_000, None, True),  # the estimate may be too high
        (1_501, 0.5, 1_000, None, False),
        (10**9, 0.5, None, None, True),
        (2_001, 0.0, 1_000, ready(4_000), True),
        (1_001, 0.5, 1_000, ready(500), False),
    ],
)
def test_context(tokens, error, limit, state, passes):
    request = RoutingRequest("x", prompt_tokens=tokens, prompt_error=error)
    assert (context(request, "p", pool(limit), state) is None) is passes


@pytest.mark.parametrize(
    ("tokens", "error", "max_tokens", "limit", "passes"),
    [
        (100, 0.0, None, 1_000, True),
        (999, 0.0, None, 1_000, True),
        (1_000, 0.0, None, 1_000, False),
        (600, 0.5, None, 1_000, True),
        (700, 0.5, None, 1_000, False),  # the estimate may be too low
        (100, 0.0, 900, 1_000, True),
        (100, 0.0, 901, 1_000, False),
        (100, 0.5, 850, 1_000, True),
        (100, 0.5, 851, 1_000, False),
        (100, 0.5, 10**9, None, True),
    ],
)
def test_room(tokens, error, max_tokens, limit, passes):
    request = RoutingRequest("x", prompt_tokens=tokens, prompt_error=error, max_tokens=max_tokens)
    assert (room(request, "p", pool(limit), None) is None) is passes


@pytest.mark.parametrize(
    ("needs", "declared", "missing"),
    [
        (set(), (), None),
        ({"tools"}, ("tools",), None),
        ({"tools"}, (), "tools"),
        ({"vision", "tools"}, ("tools",), "vision"),
        ({"vision", "tools"}, (), "tools, vision"),
    ],
)
def test_capability(needs, declared, missing):
    reason = capability(RoutingRequest("x", needs=frozenset(needs)), "p", pool(capabilities=declared), None)
    assert reason == (missing and f"does not declare {missing}")
