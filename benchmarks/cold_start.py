"""How much a cache that outlives replicas shortens a start, measured with a demo model in vLLM.

    python -m benchmarks.cold_start [--runs 3] [--model large] [--json FILE]

Every start is a separate process, as a replica is. There are two each, with `torch.compile` and without (`eager`):
the first on an empty cache folder, as in a container that lost its home, the second on what the first one left.
Printed is the median of each phase and of the whole in seconds, and the CPU seconds of the process and its children,
which a busy machine changes less.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.caches import cache_environment
from deployments.engines.base import make_engine
from deployments.wire.start_phases import Phase, StartClock

OPTIONS = {"dtype": "float32", "max_model_len": 512, "block_size": 32, "kv_cache_memory_bytes": 64 << 20}
CACHES = ("empty", "full")
MARK = "PHASES "


def fleet_spec(model: str, eager: bool, folder: Path) -> FleetSpec:
    """A fleet of one pool with a demo model."""
    engine = {"kind": "vllm", "options": OPTIONS | {"enforce_eager": eager}}
    pool = {"tier": "small", "model": str(PROJECT_ROOT / "demo" / "models" / model), "engine": engine}
    return FleetSpec.model_validate({"pools": {"p": pool}, "cache_folder": str(folder)})


def start_here(spec: FleetSpec) -> dict[Phase, float]:
    """Start the engine in this process; seconds by phase."""

    async def start() -> dict[Phase, float]:
        clock = StartClock()
        with clock.phase("import"):
            engine = make_engine(spec, "p")
        phases_s = {**clock.seconds, **await engine.start()}
        await engine.stop()
        return phases_s

    return asyncio.run(start())


def start_process(spec: FleetSpec) -> dict[str, float]:
    """Start the engine in a new process with the spec's caches; seconds by phase, and `cpu` seconds of the process.

    Raises:
        RuntimeError: the process failed; its last lines.
    """
    single = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    environment = os.environ | single | cache_environment(spec)
    before_s = children_cpu_s()
    command = [sys.executable, __file__, "--child", spec.model_dump_json()]
    done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode or not told:
        raise RuntimeError(done.stderr[-2000:])
    phases: dict[str, float] = json.loads(told[-1].removeprefix(MARK))
    return phases | {"cpu": children_cpu_s() - before_s}


def children_cpu_s() -> float:
    """CPU seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(model: str, runs: int) -> dict[str, list[dict[str, float]]]:
    """Starts of every variant."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in track(range(runs), "starting", console=Console(stderr=True)):
        for name in ("compiled", "eager"):
            with tempfile.TemporaryDirectory() as folder:
                spec = fleet_spec(model, name == "eager", Path(folder))
                for cache in CACHES:
                    found.setdefault(f"{name}, {cache} cache", []).append(start_process(spec))
    return found


def medians(starts: list[dict[str, float]]) -> dict[str, float]:
    """Of each phase that there is, of the start as a replica reports it, and of its CPU time."""
    names = [name for name in get_args(Phase) if name in starts[0]]
    start = statistics.median(sum(each[name] for name in names) for each in starts)
    return {name: statistics.median(each[name] for each in starts) for name in (*names, "cpu")} | {"start": start}


def show(found: dict[str, list[dict[str, float]]]) -> None:
    """Print the table."""
    rows = {name: medians(starts) for name, starts in found.items()}
    names = [name for name in (*get_args(Phase), "start", "cpu") if any(name in row for row in rows.values())]
    table = Table("start", *names, title="seconds of a start, medians")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[each]:.1f}" if each in row else "" for each in names))
    Console(width=110).print(table)


def main(
    runs: Annotated[int, typer.Option(min=1, help="Starts of each variant.")] = 3,
    model: Annotated[str, typer.Option(help="A folder of demo/models.")] = "large",
    json_file: Annotated[Path | None, typer.Option("--json", help="Every start, as JSON.")] = None,
    child: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measure cold starts."""
    if child:
        print(MARK + json.dumps(start_here(FleetSpec.model_validate_json(child))))
        return
    found: dict[str, Any] = measure(model, runs)
    show(found)
    if json_file:
        json_file.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
