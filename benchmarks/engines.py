"""`signalbox bench engines`: one workload on every engine that hosts models, on one local fleet."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from cluster.spec import FleetSpec
from demo.tasks import generate_tasks
from deployments.local.fleet import LocalFleet
from deployments.local.ports import free_port
from deployments.start_watch import FleetFailed

ENGINES = ("transformers", "deepspeed", "vllm")
PROMPT_TASKS = (1, 1, 1, 4, 4, 12)
"""Number of demo tasks joined into one prompt, drawn at random: about 25, 100 and 300 tokens."""
ANSWER_TOKENS = (8, 32, 96)
MAX_CONTEXT_TOKENS = 1024
REQUESTS_EACH = 4
"""Requests per unit of concurrency."""
LEAST_REQUESTS = 12
SEED = 11


@dataclass(frozen=True)
class Sample:
    """One streamed answer; times in seconds."""

    tokens: int
    ttft_s: float
    tpot_s: float


@dataclass(frozen=True)
class Row:
    """One engine at one concurrency."""

    engine: str
    concurrency: int
    requests: int
    tokens_per_s: float
    ttft_p50_s: float
    ttft_p99_s: float
    tpot_p50_s: float
    cpu_s_per_1k_tokens: float
    """CPU time of the replica and its ranks."""
    memory_mib: float
    """Proportional set size of the replica and its ranks."""


def fleet_spec(model: str, tensor: int, port: int) -> FleetSpec:
    """A pool for each engine, all with one model. Pools are idle while another one is measured."""
    common = {"dtype": "float32", "max_model_len": MAX_CONTEXT_TOKENS, "max_num_seqs": 32, "stream_interval": 1}
    budget = {"kv_budget_tokens": 32_768}
    options: dict[str, dict[str, Any]] = {
        "transformers": common | budget,
        "deepspeed": common | budget,
        "vllm": common | {"enforce_eager": True, "block_size": 32, "kv_cache_memory_bytes": 256 << 20},
    }
    pools = {
        kind: {
            "tier": "large",
            "model": model,
            "served_name": f"model-on-{kind}",
            "engine": {"kind": kind, "options": options[kind]},
            "parallel": {"tensor": 1 if kind == "transformers" else tensor},
        }
        for kind in ENGINES
    }
    hardware = {"node": {"device": "cpu", "nodes": 1, "devices_per_node": 1 + 2 * tensor, "memory_gib": 2.0}}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware, "gateway": {"port": port}})


def workload(count: int, seed: int = SEED) -> list[dict[str, Any]]:
    """Chat bodies of mixed lengths. Every answer has exactly `max_tokens` tokens."""
    draw = random.Random(seed)
    tasks = iter(generate_tasks(count * max(PROMPT_TASKS), seed=seed))
    bodies = []
    for _ in range(count):
        text = " ".join(next(tasks).prompt for _ in range(draw.choice(PROMPT_TASKS)))
        bodies.append({"messages": [{"role": "user", "content": text}], "temperature": 0, "ignore_eos": True,
                       "max_tokens": draw.choice(ANSWER_TOKENS), "stream": True})  # fmt: skip
    return bodies


def run(
    model: str,
    tensor: int,
    concurrencies: list[int],
    on_step: Callable[[str], None],
    on_request: Callable[[int, int], None],
) -> list[Row]:
    """Start the fleet, measure every engine at every concurrency, end the fleet.

    Args:
        on_step: callback(description) at every step.
        on_request: callback(done, total) after every request.
    """
    fleet = LocalFleet(fleet_spec(model, tensor, free_port()))
    plan = [(engine, concurrency) for engine in ENGINES for concurrency in concurrencies]
    total, done, rows = sum(_requests(concurrency) for _, concurrency in plan), 0, []
    try:
        fleet.start(on_step)
        for parts in fleet.progress(600.0):
            on_step(", ".join(f"{name} {part.state}" for name, part in parts.items()))
            if problems := [f"{name}: {part.problem}" for name, part in parts.items() if part.state == "failing"]:
                raise FleetFailed("\n".join(problems))
        for engine, concurrency in plan:
            on_step(f"{engine}, {concurrency} at a time")

            def one_done() -> None:
                nonlocal done
                done += 1
                on_request(done, total)

            rows.append(asyncio.run(_measure(fleet.url, engine, concurrency, one_done)))
    finally:
        fleet.stop()
    return rows


def _requests(concurrency: int) -> int:
    return max(LEAST_REQUESTS, REQUESTS_EACH * concurrency)


async def _measure(url: str, engine: str, concurrency: int, one_done: Callable[[], None]) -> Row:
    gate, bodies = asyncio.Semaphore(concurrency), workload(_requests(concurrency))
    async with httpx.AsyncClient(base_url=url, timeout=600.0) as client:
        processes = _processes((await client.get("/v1/fleet")).json()["pools"][engine])

        async def ask(body: dict[str, Any]) -> Sample:
            async with gate:
                sample = await _stream(client, {**body, "model": engine})
            one_done()
            return sample

        await _stream(client, {**bodies[0], "model": engine})  # the first request pays for the connection
        began, cpu_s = time.perf_counter(), _cpu_s(processes)
        samples = await asyncio.gather(*map(ask, bodies))
        took_s, cpu_s = time.perf_counter() - began, _cpu_s(processes) - cpu_s
    tokens = sum(sample.tokens for sample in samples)
    ttfts = sorted(sample.ttft_s for sample in samples)
    return Row(
        engine=engine,
        concurrency=concurrency,
        requests=len(samples),
        tokens_per_s=tokens / took_s,
        ttft_p50_s=statistics.median(ttfts),
        ttft_p99_s=ttfts[round(0.99 * (len(ttfts) - 1))],
        tpot_p50_s=statistics.median(sample.tpot_s for sample in samples),
        cpu_s_per_1k_tokens=1000 * cpu_s / tokens,
        memory_mib=_memory_mib(processes),
    )


async def _stream(client: httpx.AsyncClient, body: dict[str, Any]) -> Sample:
    began = first = last = time.perf_counter()
    events = 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line.removeprefix("data: "))["choices"]
            # The first event of a chat stream only has the role.
            if choices and (choices[0]["delta"].get("role") is None or choices[0]["delta"].get("content")):
                events += 1
                last = time.perf_counter()
                first = last if events == 1 else first
    tokens = body["max_tokens"]
    return Sample(tokens, first - began, (last - first) / (tokens - 1))


def _processes(pool: dict[str, Any]) -> list[psutil.Process]:
    """The replica, its children, and its ranks."""
    found: dict[int, psutil.Process] = {}
    for rank in pool["replicas"][0]["ranks"]:
        process = psutil.Process(rank["pid"])
        parent = process.parent()
        root = parent if parent and "ServeReplica" in " ".join(parent.cmdline()) else process
        found |= {each.pid: each for each in (root, *root.children(recursive=True))}
    return list(found.values())


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _memory_mib(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss) / 2**20
    return total
