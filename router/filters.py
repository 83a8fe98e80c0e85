"""Filters: each returns why a pool cannot answer a request now, or None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster.pool import PoolSpec
from cluster.state import FleetState
from router.types import RoutingRequest

Filter = Callable[[RoutingRequest, str, PoolSpec, FleetState | None], str | None]


def unready(request: RoutingRequest, name: str, pool: PoolSpec, state: FleetState | None) -> str | None:
    """No ready replica, though the pool should have one."""
    return "no ready replica" if pool.replicas.min > 0 and _has_none(name, state) else None


def is_at_zero(name: str, pool: PoolSpec, state: FleetState | None) -> bool:
    """Whether a pool is scaled to zero: it can answer after a cold start."""
    return pool.replicas.min == 0 and _has_none(name, state)


def _has_none(name: str, state: FleetState | None) -> bool:
    """No replica. Without a state (no board) nothing is known, and routing continues."""
    return state is not None and not (name in state and state[name].ready)


def context(request: RoutingRequest, name: str, pool: PoolSpec, state: FleetState | None) -> str | None:
    """The prompt alone is longer than the pool's context, even if the estimate is too high by its whole error."""
    limit = max_context_tokens(name, pool, state)
    if limit and request.prompt_tokens / (1 + request.prompt_error) > limit:
        return f"about {request.prompt_tokens} prompt tokens, the context is {limit}"
    return None


def capability(request: RoutingRequest, name: str, pool: PoolSpec, state: FleetState | None) -> str | None:
    """The request needs a capability that the pool does not declare."""
    missing = request.needs.difference(pool.capabilities)
    return f"does not declare {', '.join(sorted(missing))}" if missing else None


def room(request: RoutingRequest, name: str, pool: PoolSpec, state: FleetState | None) -> str | None:
    """The prompt with the requested answer, or with one token, may not fit if the estimate is too low by its error."""
    limit = max_context_tokens(name, pool, state)
    if limit and request.prompt_tokens * (1 + request.prompt_error) + (request.max_tokens or 1) > limit:
        asked = f"{request.max_tokens} tokens of answer" if request.max_tokens else "an answer"
        return f"about {request.prompt_tokens} prompt tokens may leave no room for {asked}, the context is {limit}"
    return None


FILTERS: dict[str, Filter] = {"capability": capability, "context": context, "unready": unready}
"""Filters in order: those that waiting cannot fix come first."""

PREFERENCES: dict[str, Filter] = {"room": room}
"""Filters that count only if they leave a pool: the engine decides in the end."""


def max_context_tokens(name: str, pool: PoolSpec, state: FleetState | None) -> int:
    """Longest prompt plus answer, from the replicas' reports or the spec; 0 if unknown."""
    if state and name in state:
        reported = max((replica.max_context_tokens for replica in state[name].replicas), default=0)
        if reported:
            return reported
    option: Any = pool.engine.options.get("max_model_len")
    return option if isinstance(option, int) else 0
