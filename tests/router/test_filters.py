"""Each filter alone: the reason it gives, or none."""

from __future__ import annotations

import pytest

from cluster.pool import PoolSpec
from cluster.state import PoolState, ReplicaState
from router.filters import capability, context, room, unready
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
    ("state", "minimum", "model", "reason"),
    [
        (None, 1, "auto", None),
        (None, 0, "auto", None),
        (ready(), 1, "auto", None),
        (ready(), 0, "auto", None),
        (NONE_READY, 1, "auto", "no ready replica"),
        ({}, 1, "auto", "no ready replica"),
        ({}, 1, "p", "no ready replica"),
        ({}, 0, "auto", "scaled to zero"),
        (NONE_READY, 0, "auto", "scaled to zero"),
        ({}, 0, "p", None),
    ],
)
def test_unready(state, minimum, model, reason):
    said = unready(RoutingRequest("x", model=model), "p", pool(minimum=minimum), state)
    assert said is None if reason is None else reason in said


@pytest.mark.parametrize(
    ("tokens", "limit", "state", "passes"),
    [
        (900, 1_000, None, True),
        (2_000, 1_000, None, True),  # the estimate may be twice too high
        (2_001, 1_000, None, False),
        (10**9, None, None, True),
        (2_001, 1_000, ready(4_000), True),
        (1_001, 1_000, ready(500), False),
    ],
)
def test_context(tokens, limit, state, passes):
    said = context(RoutingRequest("x", prompt_tokens=tokens), "p", pool(limit), state)
    assert (said is None) is passes


@pytest.mark.parametrize(
    ("tokens", "max_tokens", "limit", "passes"),
    [
        (100, None, 1_000, True),
        (100, 900, 1_000, True),
        (100, 901, 1_000, False),
        (100, 10**9, None, True),
    ],
)
def test_room(tokens, max_tokens, limit, passes):
    request = RoutingRequest("x", prompt_tokens=tokens, max_tokens=max_tokens)
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
    said = capability(RoutingRequest("x", needs=frozenset(needs)), "p", pool(capabilities=declared), None)
    assert said == (missing and f"does not declare {missing}")
