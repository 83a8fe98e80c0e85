"""Cost of the path through proxy, gateway and handle, compared with vLLM's own server on the same model.

    python -m benchmarks.data_path            # needs a running `signalbox serve examples/laptop.yaml`

Streams from the `large` pool at several concurrencies. CPU time counts every serving process except the one that runs
the model, per 1000 output tokens; ratios between the two rows of one run are the result, absolute times depend on the
machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.local.ports import free_port

FLEET_URL = os.environ.get("SIGNALBOX_URL", "http://127.0.0.1:8000")
PROMPT = "Sort these numbers from smallest to largest: 74, 77, 86, 93, 48, 81, 78, 95, 98"
TOKENS = 128
CONCURRENCIES = (1, 8, 32)
REQUESTS_EACH = 3


@dataclass(frozen=True)
class Measured:
    """One concurrency on one server."""

    tokens_per_s: float
    cpu_s_per_1k_tokens: float
    ttft_p50_ms: float


def start_bare_server() -> tuple[subprocess.Popen[bytes], str]:
    """vLLM's own server with the options of the laptop's `large` pool."""
    pool = load_spec(PROJECT_ROOT / "examples" / "laptop.yaml").pools["large"]
    port = free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port),
               "--model", pool.model, "--served-model-name", "large"]  # fmt: skip
    for name, value in pool.engine.options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            command.append(flag)
        else:
            command += [flag, json.dumps(value) if isinstance(value, dict) else str(value)]
    env = os.environ | {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    log = Path("/tmp") / f"signalbox-bare-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=1).status_code == 200:
                return process, url
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit(f"vLLM's server did not start, see {log}")


def serving_cpu_s(root: psutil.Process) -> float:
    """CPU seconds so far of a process and its children, without the ones that run a model."""
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            if not any(word in " ".join(process.cmdline()) for word in ("EngineCore", "VLLM::Worker")):
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.Error:
            continue
    return total


async def one_stream(client: httpx.AsyncClient) -> float:
    """Stream one answer; seconds to its first token event."""
    body = {"model": "large", "messages": [{"role": "user", "content": PROMPT}], "stream": True,
            "max_tokens": TOKENS, "ignore_eos": True, "temperature": 0}  # fmt: skip
    began, first = time.perf_counter(), 0.0
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for chunk in answer.aiter_bytes():
            if not first and chunk:
                first = time.perf_counter() - began
    return first


async def measure(url: str, root: psutil.Process, concurrency: int) -> Measured:
    """Run REQUESTS_EACH rounds at a concurrency."""
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
        await asyncio.gather(*(one_stream(client) for _ in range(concurrency)))  # warm connections and caches
        cpu, began = serving_cpu_s(root), time.perf_counter()
        firsts: list[float] = []
        for _ in range(REQUESTS_EACH):
            firsts += await asyncio.gather(*(one_stream(client) for _ in range(concurrency)))
        wall, cpu = time.perf_counter() - began, serving_cpu_s(root) - cpu
    tokens = TOKENS * concurrency * REQUESTS_EACH
    return Measured(tokens / wall, 1000 * cpu / tokens, 1000 * sorted(firsts)[len(firsts) // 2])


def fleet_process() -> psutil.Process:
    """The running `signalbox serve`."""
    port = httpx.URL(FLEET_URL).port
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "serve" in words and any(word.endswith("signalbox") for word in words[:2]):
            return process
    raise SystemExit(f"no fleet on port {port}: run `signalbox serve examples/laptop.yaml` first")


def main() -> None:
    """Measure both servers and print the table."""
    out = Console()
    fleet = fleet_process()
    bare, bare_url = start_bare_server()
    table = Table("concurrency", "server", "tokens/s", "of bare", "CPU s / 1k tokens", "TTFT p50 ms")
    try:
        for concurrency in CONCURRENCIES:
            plain = asyncio.run(measure(bare_url, psutil.Process(bare.pid), concurrency))
            ours = asyncio.run(measure(FLEET_URL, fleet, concurrency))
            for name, row in (("vLLM's own", plain), ("signalbox", ours)):
                share = f"{row.tokens_per_s / plain.tokens_per_s:.2f}"
                table.add_row(str(concurrency), name, f"{row.tokens_per_s:.0f}", share,
                              f"{row.cpu_s_per_1k_tokens:.3f}", f"{row.ttft_p50_ms:.0f}")  # fmt: skip
    finally:
        bare.terminate()
        bare.wait()
    out.print(table)


if __name__ == "__main__":
    main()
