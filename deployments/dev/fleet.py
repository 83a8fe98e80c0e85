"""The fleet of `make dev`: a real gateway, simulated engines, scripted scaling and traffic, all in one process."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from cluster.spec import FleetSpec
from deployments.board.records import Decided
from deployments.dev.in_process import START_S, InProcessBoard, InProcessPool
from deployments.gateway.door import Door

REPORT_EVERY_S = 1.0
SCALE_EVERY_S = 20.0
SIZES = (2, 3, 2, 1)
"""Replicas of a pool, one size after the other."""
REQUESTS_PER_S = 2.0
WAVE_S = 120.0
"""The traffic rises from almost none to twice its mean and falls again in this time."""

PRICES = {"small": 0.1, "moe": 0.3, "large": 1.0}
TOKENS_PER_S = {"small": 60, "moe": 30, "large": 12}
SPEC: dict[str, Any] = {
    "name": "dev",
    "pools": {
        tier: {
            "tier": tier,
            "model": f"org/{tier}",
            "engine": {"kind": "simulated", "options": {"decode_tokens_per_s": TOKENS_PER_S[tier], "max_num_seqs": 4}},
            "replicas": {"min": 1, "max": 3},
            "prices": {"input_per_mtok": price, "output_per_mtok": 10 * price},
        }
        for tier, price in PRICES.items()
    },
}
PROMPTS = (
    "What is 7 + 5?",
    "Translate 'good morning' into French.",
    "Explain why the sky is blue, in two sentences.",
    "Prove that there are infinitely many primes, and name the step that fails for even numbers.",
    "Write a Python function that merges two sorted lists without using sorted(), then give its complexity.",
)


class DevFleet:
    """An ASGI app: a gateway, its pools, their reports, scripted scaling and traffic."""

    def __init__(self, spec: FleetSpec) -> None:
        self.board = InProcessBoard(spec)
        self.pools = {name: InProcessPool(spec, name) for name in spec.pools}
        self.spec = spec
        self.gateway = Door(self.pools, self.board)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return await self.gateway(scope, receive, send)
        await self.gateway.apply(self.spec)
        tasks = [asyncio.create_task(each()) for each in (self._report_forever, self._scale_forever, self._ask_forever)]
        try:
            return await self.gateway(scope, receive, send)
        finally:
            for task in tasks:
                task.cancel()

    async def _report_forever(self) -> None:
        while True:
            for state in itertools.chain.from_iterable(pool.reports() for pool in self.pools.values()):
                self.board.board.report(state)
            await asyncio.sleep(REPORT_EVERY_S)

    async def _scale_forever(self) -> None:
        """Give one pool after the other its next size."""
        for size in itertools.cycle(SIZES):
            for pool in self.pools.values():
                await asyncio.sleep(SCALE_EVERY_S)
                await self._scale(pool, size)

    async def _scale(self, pool: InProcessPool, size: int) -> None:
        """One scripted decision, which takes effect when a replica would have started."""
        before = len(pool.engines)
        self._decide(pool.name, before, size, before)
        if size > before:
            await asyncio.sleep(START_S)
        for state in pool.reports()[size:]:
            self.board.board.leave(state.replica_id)
        pool.resize(size)
        self._decide(pool.name, size, size, size)

    def _decide(self, pool: str, target: int, desired: int, ready: int) -> None:
        reason, signals = f"scripted: {desired} replicas", {"held": 0.0, "cold_start_s": START_S}
        self.board.board.exchange_scaling([Decided(pool, time.time(), target, desired, ready, reason, signals)])

    async def _ask_forever(self) -> None:
        """Requests at a rate that rises and falls."""
        transport = httpx.ASGITransport(app=self.gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://dev", timeout=None) as http:
            ongoing: set[asyncio.Task[Any]] = set()
            while True:
                rate = REQUESTS_PER_S * (1.05 - math.cos(2 * math.pi * time.time() / WAVE_S))
                await asyncio.sleep(random.expovariate(rate))
                body = {"model": "auto", "messages": [{"role": "user", "content": random.choice(PROMPTS)}]}
                asked = asyncio.create_task(http.post("/v1/chat/completions", json=body | {"max_tokens": 40}))
                ongoing.add(asked)
                asked.add_done_callback(ongoing.discard)


def make_app() -> DevFleet:
    """What uvicorn runs; called again after every change of a file."""
    return DevFleet(FleetSpec.model_validate(SPEC))
