"""What speculative decoding costs and gains on the demo models, in vLLM in one process.

    python -m benchmarks.speculation

The large model answers demo tasks greedily: plainly, with the small model as its draft, and with n-grams of the text so
far. Results are the share of guesses that are accepted, and tokens per second relative to plain decoding in the same
run; absolute times depend on the machine.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}

from rich.console import Console
from rich.progress import track
from rich.table import Table
from vllm import LLM, SamplingParams

from cluster.loading import PROJECT_ROOT
from demo.tasks import generate_tasks

MODELS = PROJECT_ROOT / "demo" / "models"
CONCURRENCIES = (1, 8, 32)
TASKS = 48
DRAFT = {"method": "draft_model", "model": str(MODELS / "small")}
VARIANTS: dict[str, dict[str, Any] | None] = {
    "plain": None,
    "draft, 2 tokens": DRAFT | {"num_speculative_tokens": 2},
    "draft, 4 tokens": DRAFT | {"num_speculative_tokens": 4},
    "draft, 8 tokens": DRAFT | {"num_speculative_tokens": 8},
    # Last: once vLLM has compiled its lookup, no other engine starts in the same process.
    "n-gram, 3 tokens": {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3},
}


@dataclass(frozen=True)
class Measured:
    """One variant: generated tokens per second by concurrency, and the share of guesses accepted."""

    tokens_per_s: dict[int, float]
    accepted_ratio: float | None


def measure(speculation: dict[str, Any] | None) -> Measured:
    """Answer the tasks with a batch of each size."""
    llm = LLM(
        model=str(MODELS / "large"), dtype="float32", enforce_eager=True, kv_cache_memory_bytes=64 << 20, block_size=32,
        max_model_len=512, distributed_executor_backend="uni", disable_log_stats=False, speculative_config=speculation,
    )  # fmt: skip
    chats: list[Any] = [[{"role": "user", "content": task.prompt}] for task in generate_tasks(TASKS, seed=31)]
    sampling = SamplingParams(max_tokens=96, temperature=0)
    llm.chat(chats[:4], sampling, use_tqdm=False)
    speeds = {}
    for concurrency in CONCURRENCIES:
        began, tokens = time.perf_counter(), 0
        for start in range(0, TASKS, concurrency):
            outputs = llm.chat(chats[start : start + concurrency], sampling, use_tqdm=False)
            tokens += sum(len(output.outputs[0].token_ids) for output in outputs)
        speeds[concurrency] = tokens / (time.perf_counter() - began)
    counts = {metric.name: getattr(metric, "value", 0) for metric in llm.get_metrics()}
    guessed = counts.get("vllm:spec_decode_num_draft_tokens")
    return Measured(speeds, counts["vllm:spec_decode_num_accepted_tokens"] / guessed if guessed else None)


def main() -> None:
    """Measure every variant and print the table."""
    console = Console(width=100)
    measured = {name: measure(VARIANTS[name]) for name in track(VARIANTS, "measuring", console=Console(stderr=True))}
    plain = measured["plain"].tokens_per_s
    table = Table("decoding", "accepted", *(f"tokens/s at {n}" for n in CONCURRENCIES), title="speculative decoding")
    for name, result in measured.items():
        cells = [f"{speed:.0f} ({speed / plain[n]:.2f} x)" for n, speed in result.tokens_per_s.items()]
        table.add_row(name, "" if result.accepted_ratio is None else f"{result.accepted_ratio:.0%}", *cells)
    console.print(table)


if __name__ == "__main__":
    main()
