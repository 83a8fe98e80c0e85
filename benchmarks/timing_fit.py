"""Whether the simulation's engine is a real one: fitted to vLLM at 2, 4 and 16 clients, it predicts 1, 8 and 32.

    python -m benchmarks.timing_fit measure FILE --rounds 2      # 4 minutes on a quiet machine; adds to FILE
    python -m benchmarks.timing_fit report FILE --plot fit.html  # needs no engine

Clients ask the demo's large model in this process through the engine of `deployments`, one request at a time each, with
prompts of 32 to 512 tokens that share no prefix and answers of 32 to 200 tokens. The same clients then play against
`simulation.replica`, whose constants `simulation.fitting` takes from the fitted concurrencies alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

# One thread for the model leaves the other core of a laptop to clients and serving layer.
os.environ |= {"OMP_NUM_THREADS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}

import psutil
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.engines.base import Engine, make_engine
from deployments.wire.frames import Chunk, EngineRequest
from simulation.closed_loop import Answered, ClosedLoop, lengths
from simulation.fitting import EngineLimits, EngineSpeed, Measurement, Numbers, by_concurrency, fit, numbers

MEASURED = (1, 2, 4, 8, 16, 32)
FITTED = (2, 4, 16)
SECONDS, LEAD_IN_S = 14.0, 4.0
OPTIONS: dict[str, Any] = {
    "dtype": "float32", "enforce_eager": True, "max_model_len": 1024, "block_size": 32, "stream_interval": 1,
    "max_num_seqs": 32, "max_num_batched_tokens": 2048, "kv_cache_memory_bytes": 256 << 20,
}  # fmt: skip
FILE = TypeAdapter(Measurement)
TITLES = {
    "ttft_p50_s": ("TTFT p50 ms", 1e3),
    "tpot_p50_s": ("TPOT p50 ms", 1e3),
    "tokens_per_s": ("tokens per second", 1.0),
}
"""Each number's title, and what it is multiplied with to be read."""


# -- measuring ---------------------------------------------------------------------------------------------------------


async def measure(rounds: int, before: Measurement | None, keep: Callable[[Measurement], None]) -> None:
    """Start an engine and run all concurrencies `rounds` times, one after the other, so that no level has all of the
    bad minutes.

    Args:
        keep: gets what is measured so far, after each run.
    """
    engine_spec = {"kind": "vllm", "options": OPTIONS}
    model = str(PROJECT_ROOT / "demo" / "models" / "large")
    pool = {"tier": "large", "model": model, "served_name": "large", "engine": engine_spec}
    spec = FleetSpec.model_validate({"pools": {"large": pool}})
    engine = make_engine(spec, "large")
    await engine.start()
    try:
        await _rounds(engine, rounds, before or _empty(engine), keep)
    finally:
        await engine.stop()


async def _rounds(engine: Engine, rounds: int, made: Measurement, keep: Callable[[Measurement], None]) -> None:
    """All concurrencies, added to what was measured before."""
    known = len(made.runs) // len(MEASURED)
    plan = [(number, clients) for number in range(known, known + rounds) for clients in MEASURED]
    for number, clients in track(plan, "measuring", console=Console(stderr=True)):
        run = ClosedLoop(clients, SECONDS, LEAD_IN_S)
        answers = await _answers(engine, run, f"{clients} clients, round {number}")
        made = replace(made, runs=(*made.runs, replace(run, answers=answers)))
        keep(made)


def _empty(engine: Engine) -> Measurement:
    """What is to be said of the engine and the machine."""
    limits = EngineLimits(
        engine.stats().kv_capacity_tokens, OPTIONS["max_num_seqs"], OPTIONS["max_num_batched_tokens"],
        engine.stats().max_context_tokens, OPTIONS["block_size"],
    )  # fmt: skip
    model = next((each for each in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in each), "")
    machine = f"{psutil.cpu_count()} cores of {model.partition(': ')[2] or platform.processor()}"
    return Measurement("vLLM, demo/models/large, float32", f"{machine}, {time.strftime('%Y-%m-%d')}", limits)


async def _answers(engine: Engine, run: ClosedLoop, seed: str) -> tuple[Answered, ...]:
    """The answers to a run's clients, in the order of asking."""
    answers: list[tuple[int, Answered]] = []
    draw = enumerate(lengths(seed))
    began, busy_s = time.perf_counter(), _busy_s()

    async def client() -> None:
        while time.perf_counter() - began <= run.seconds:
            number, (prompt_tokens, answer_tokens) = next(draw)
            answers.append((number, await _ask(engine, f"{seed} {number}", prompt_tokens, answer_tokens, began)))

    await asyncio.gather(*(client() for _ in range(run.concurrency)))
    others = (_busy_s() - busy_s) / (time.perf_counter() - began)
    Console(stderr=True).print(f"{seed}: {len(answers)} answers, other processes had {others:.1f} cores")
    return tuple(answer for _, answer in sorted(answers))


async def _ask(engine: Engine, name: str, prompt_tokens: int, answer_tokens: int, began: float) -> Answered:
    """Ask with a prompt that no other begins like, and read the stream."""
    draw = random.Random(name)
    body = {
        "model": "large", "prompt": [draw.randrange(3, 500) for _ in range(prompt_tokens)],
        "max_tokens": answer_tokens, "ignore_eos": True, "temperature": 0, "stream": True,
    }  # fmt: skip
    start_s, times = time.perf_counter(), []
    async for frame in engine.generate(EngineRequest("completion", body, name.replace(" ", "-"))):
        if isinstance(frame, Chunk) and frame.token_ids:
            times.append(time.perf_counter())
    assert times, "the engine refused the request"
    first, end = times[0], times[-1]
    return Answered(prompt_tokens, answer_tokens, *(round(each - began, 5) for each in (start_s, first, end)))


def _busy_s() -> float:
    """CPU seconds of all processes but this one and its children."""
    me = psutil.Process()
    mine = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    cpu = psutil.cpu_times()
    return sum(cpu) - cpu.idle - cpu.iowait - sum(each.user + each.system for each in mine)


def read(path: Path) -> Measurement:
    """What `write` kept.

    Raises:
        ValueError: it is not there, or no such file, or of a measurement that was broken off in its first round.
    """
    try:
        found = FILE.validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ValueError("is not there: write it with `measure`") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{where or 'file'}: {problem['msg']}: write a file of `measure`") from error
    if missing := set(MEASURED) - {run.concurrency for run in found.runs}:
        raise ValueError(f"lacks runs of {sorted(missing)} clients: remove it and measure again")
    return found


def write(path: Path, measurement: Measurement) -> None:
    """Keep a measurement."""
    path.write_bytes(FILE.dump_json(measurement))


# -- reporting ---------------------------------------------------------------------------------------------------------


def compare(measurement: Measurement) -> tuple[EngineSpeed, dict[int, tuple[Numbers, Numbers]]]:
    """The fitted engine, and measured and simulated numbers by concurrency."""
    speed = fit([run for run in measurement.runs if run.concurrency in FITTED], measurement.limits)
    made = {}
    for clients, runs in by_concurrency(measurement.runs).items():
        made[clients] = numbers(runs), numbers([speed.play(run, measurement.limits) for run in runs])
    return speed, made


def table(compared: dict[int, tuple[Numbers, Numbers]], title: str) -> Table:
    """Measured, simulated and error by concurrency."""
    made = Table("clients", "", *(name for name, _ in TITLES.values()), title=title)
    for clients, (real, simulated) in compared.items():
        cells = [
            f"{factor * getattr(real, name):.1f} -> {factor * getattr(simulated, name):.1f} "
            f"({getattr(simulated, name) / getattr(real, name) - 1:+.0%})"
            for name, (_, factor) in TITLES.items()
        ]
        made.add_row(str(clients), "fitted" if clients in FITTED else "predicted", *cells)
    return made


def write_plot(compared: dict[int, tuple[Numbers, Numbers]], path: Path) -> None:
    """Three charts over concurrency as one HTML file that needs no network."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=3, subplot_titles=[title for title, _ in TITLES.values()])
    clients = list(compared)
    symbols = ["circle-open" if each in FITTED else "circle" for each in clients]
    for column, (name, (_, factor)) in enumerate(TITLES.items(), start=1):
        real, simulated = ([factor * getattr(pair[side], name) for pair in compared.values()] for side in (0, 1))
        once = {"showlegend": column == 1, "row": 1, "col": column}
        figure.add_scatter(
            x=clients, y=simulated, name="simulated", mode="lines", line_color="#1b9e77", legendgroup="s", **once
        )
        figure.add_scatter(
            x=clients, y=real, name="measured (open: fitted to)", mode="markers", legendgroup="m",
            marker={"size": 10, "color": "#d95f02", "symbol": symbols}, **once,
        )  # fmt: skip
    figure.update_xaxes(title_text="clients", type="log", tickvals=clients)
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(title="A real engine and its simulation", template="plotly_white", height=450)
    figure.write_html(path, include_plotlyjs=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    measuring, reporting = ways.add_parser("measure"), ways.add_parser("report")
    for way in (measuring, reporting):
        way.add_argument("file", type=Path, help="measured answers, JSON")
    measuring.add_argument("--rounds", type=int, default=2, help="how often each concurrency is run, 14 s each")
    reporting.add_argument("--plot", type=Path, help="write charts to this HTML file")
    arguments = parser.parse_args()
    try:
        before = read(arguments.file) if arguments.way == "report" or arguments.file.exists() else None
    except ValueError as error:
        parser.error(f"{arguments.file}: {error}")
    if arguments.way == "measure":
        asyncio.run(measure(arguments.rounds, before, lambda made: write(arguments.file, made)))
        return
    assert before is not None
    speed, compared = compare(before)
    print(speed)
    Console(width=110).print(table(compared, f"{before.engine}; {before.machine}"))
    if arguments.plot:
        write_plot(compared, arguments.plot)


if __name__ == "__main__":
    main()
