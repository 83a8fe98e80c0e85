"""What only a GPU can show, in 15 minutes on a machine with one: `python tests/gpu/check_gpu.py`.

Each step prints one line with its figures; the exit status is the number of steps that failed. docs/hardware.md says
which machine it needs and what it proves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from fleet_process import RunningFleet, start_fleet, stop_fleet  # noqa: E402

from cluster.facts import facts_of  # noqa: E402
from cluster.loading import load_spec  # noqa: E402
from cluster.memory import pool_memory  # noqa: E402

SIGNALBOX = str(Path(sys.executable).parent / "signalbox")
FRACTION = 0.3
"""Of a GPU's memory, for each of two pools."""
CONTEXT_GIB = 1.5
"""A process's CUDA context and its allocator's rounding, which the plan counts for the whole pool."""


def command(*words: str) -> str:
    """Run a command of Signalbox and return what it prints."""
    done = subprocess.run([SIGNALBOX, *words], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def used_gib() -> float:
    """Memory in use on all GPUs, as nvidia-smi reports it."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return sum(map(float, subprocess.check_output(query, text=True).split())) / 1024


class Box:
    """The machine, and the spec that `signalbox init` wrote for it."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder, self.model = folder, model
        self.hardware: dict[str, Any] = {}

    def spec(self, name: str, **options: Any) -> Path:
        """A spec with two pools that share the first GPU."""
        engine = {"kind": "vllm", "options": {"max_model_len": 1024, **options}}
        pool = {"model": self.model, "engine": engine, "gpu_fraction": FRACTION}
        pools = {tier: pool | {"tier": tier, "served_name": f"tiny-{tier}"} for tier in ("small", "large")}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"hardware": {"gpu": self.hardware}, "pools": pools}))
        return path

    @contextmanager
    def fleet(self, name: str, **options: Any) -> Iterator[RunningFleet]:
        """A running fleet with that spec."""
        running = start_fleet(self.spec(name, **options), self.folder / f"{name}.log")
        try:
            yield running
        finally:
            stop_fleet(running)


# -- steps -----------------------------------------------------------------------------------------------------------


def init_writes_a_spec_that_fits(box: Box) -> str:
    """`signalbox init` names this machine's GPUs, and `signalbox check` passes what it wrote."""
    path = box.folder / "init.yaml"
    command("init", "-o", str(path))
    command("check", str(path))
    (box.hardware,) = yaml.safe_load(path.read_text())["hardware"].values()
    return f"{box.hardware}"


def two_pools_serve_within_their_plan(box: Box) -> str:
    """Pools answer on the GPU, and nvidia-smi shows no more memory than the plan's share."""
    before = used_gib()
    with box.fleet("two") as fleet:
        spec = load_spec(fleet.spec)
        for pool in spec.pools:
            answer = fleet.chat("What is 7 + 5?", model=pool, max_tokens=16)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-signalbox-pool"] == pool
        took = used_gib() - before
        plans = [pool_memory(facts_of(pool.model), pool, spec.hardware_of(name)) for name, pool in spec.pools.items()]
        planned = sum(plan.usable_gib for plan in plans)
        held = [fleet.living(name)["kv_capacity_tokens"] for name in spec.pools]
        assert took <= planned + CONTEXT_GIB * len(plans), f"nvidia-smi: {took:.1f} GiB, plan: {planned:.1f} GiB"
        for plan, tokens in zip(plans, held, strict=True):
            assert tokens >= 0.9 * plan.kv_tokens, f"vLLM: {tokens} KV tokens, plan: {plan.kv_tokens}"
        return (
            f"nvidia-smi {took:.1f} GiB, plan {planned:.1f} GiB; KV tokens {held}, plan {[p.kv_tokens for p in plans]}"
        )


def a_killed_engine_is_replaced(box: Box) -> str:
    """A pool whose process is killed is back by itself, and gives its memory back in between."""
    with box.fleet("kill") as fleet:
        old, before = fleet.living("small")["replica_id"], used_gib()
        began = time.monotonic()
        fleet.replica_process("small").kill()
        fleet.wait_replaced("small", old)
        took_s = time.monotonic() - began
        assert fleet.chat("What is 7 + 5?", model="small", max_tokens=8).status_code == 200
        after = used_gib()
        assert after <= before + CONTEXT_GIB, f"{before:.1f} GiB before, {after:.1f} GiB after: memory is left behind"
        return f"back after {took_s:.0f} s, {before:.1f} GiB before, {after:.1f} GiB after"


def a_stream_survives_the_end_of_its_fleet(box: Box) -> str:
    """On a running cluster, Ctrl-C lets a stream finish, and leaves the cluster."""
    ray, port = str(Path(sys.executable).parent / "ray"), "26379"
    start = [ray, "start", "--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={box.folder}/ray"]
    subprocess.run([*start, "--disable-usage-stats"], check=True, capture_output=True, timeout=120)
    try:
        program = (sys.executable, str(ROOT / "tests" / "support" / "serve_attached.py"), f"127.0.0.1:{port}")
        running = start_fleet(box.spec("attached"), box.folder / "attached.log", program)
        tokens: list[bytes] = []
        reader = threading.Thread(target=_read_stream, args=(running.url, tokens))
        reader.start()
        while not tokens:
            time.sleep(0.01)
        stop_fleet(running)
        reader.join(60)
        assert tokens[-1] == b"data: [DONE]", tokens[-1]
        status = subprocess.run([ray, "status", f"--address=127.0.0.1:{port}"], capture_output=True, timeout=60)
        assert status.returncode == 0, "the cluster has ended"
        return f"{len(tokens)} events, the last one is [DONE]; the cluster runs on"
    finally:
        _end_cluster(box.folder)


def _read_stream(url: str, lines: list[bytes]) -> None:
    body = {"model": "small", "stream": True, "max_tokens": 900, "ignore_eos": True}
    body |= {"messages": [{"role": "user", "content": "What is 7 + 5?"}]}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=120) as answer:
        lines.extend(line.encode() for line in answer.iter_lines() if line)


def _end_cluster(folder: Path) -> None:
    """End the processes of the cluster that this script started: those that name its folder."""
    import psutil

    for process in psutil.process_iter():
        try:
            if f"{folder}/ray" in " ".join(process.cmdline()):
                process.kill()
        except psutil.Error:
            continue


def a_quantised_pool_loads(box: Box) -> str:
    """vLLM quantises the weights to fp8 while it loads them."""
    with box.fleet("fp8", quantization="fp8") as fleet:
        answer = fleet.chat("What is 7 + 5?", model="small", max_tokens=16)
        assert answer.status_code == 200, answer.text
        return repr(answer.json()["choices"][0]["message"]["content"])


STEPS: tuple[Callable[[Box], str], ...] = (
    init_writes_a_spec_that_fits,
    two_pools_serve_within_their_plan,
    a_killed_engine_is_replaced,
    a_quantised_pool_loads,
    a_stream_survives_the_end_of_its_fleet,
)


def main() -> int:
    """Run all steps. Returns how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(ROOT / "demo" / "models" / "large"), help="a small model's folder")
    with tempfile.TemporaryDirectory(prefix="signalbox-gpu-", dir="/tmp") as folder:
        box, failed = Box(Path(folder), parser.parse_args().model), 0
        for step in STEPS:
            began = time.monotonic()
            try:
                outcome = f"ok: {step(box)}"
            except Exception:
                failed += 1
                outcome = f"FAILED:\n{traceback.format_exc()}"
            print(f"{step.__name__} ({time.monotonic() - began:.0f} s) {outcome}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
