"""`python task_accuracy.py FOLDER`: variants of the demo's large model answer the same tasks in vLLM; prints JSON.

Quantised checkpoints are written to FOLDER. For each variant: share of right answers, generated tokens, the vLLM error
where it refuses, and for speculative decoding how many guessed tokens were accepted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import offline_vllm  # noqa: F401
from cpu_features import has_avx512
from vllm import LLM, SamplingParams

from demo.evaluate import EVALUATION_SEED, MAX_REPLY_TOKENS
from demo.quantise import METHODS, quantise
from demo.tasks import LEVELS, generate_tasks, grade

MODELS = Path(__file__).parent.parent.parent / "demo" / "models"
TASKS_PER_LEVEL = 100
SIZES = {
    "enforce_eager": True,
    "kv_cache_memory_bytes": 64 << 20,
    "block_size": 32,
    "max_model_len": 512,
    "max_num_seqs": 64,
    "distributed_executor_backend": "uni",
    "disable_log_stats": False,
}
DRAFT = {"method": "draft_model", "model": str(MODELS / "small"), "num_speculative_tokens": 4}
NGRAM = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3}


def variants(folder: Path) -> dict[str, dict[str, Any]]:
    """Engine arguments by name."""
    model = {"model": str(MODELS / "large")}
    plain, half = model | {"dtype": "float32"}, model | {"dtype": "bfloat16"}
    able = [method for method in METHODS if has_avx512() or method == "int8"]
    quantised = {method: {"model": str(folder / method), "dtype": "bfloat16"} for method in able}
    refused = {"bitsandbytes": "bitsandbytes", "online fp8": "fp8", "online mxfp8": "mxfp8"}
    return {
        "plain": plain,
        "draft": plain | {"speculative_config": DRAFT},
        "bfloat16": half,
        **quantised,
        "fp8 KV cache": half | {"kv_cache_dtype": "fp8"},
        "online int8": half | {"quantization": "int8_per_channel_weight_only"},
        **{name: half | {"quantization": method} for name, method in refused.items()},
        "sleep mode": half | {"enable_sleep_mode": True},
        # Last: once vLLM has compiled its lookup, no other engine starts in the same process.
        "ngram": plain | {"speculative_config": NGRAM},
    }


def answer(arguments: dict[str, Any]) -> dict[str, Any]:
    """One variant's answers to all tasks."""
    tasks = [t for level in LEVELS for t in generate_tasks(TASKS_PER_LEVEL, seed=EVALUATION_SEED, levels=(level,))]
    try:
        llm = LLM(**SIZES, **arguments)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    sampling = SamplingParams(max_tokens=MAX_REPLY_TOKENS, temperature=0)
    chats = [[{"role": "user", "content": task.prompt}] for task in tasks]
    outputs = [output.outputs[0] for output in llm.chat(chats, sampling, use_tqdm=False)]
    right = sum(grade(task, output.text) for task, output in zip(tasks, outputs, strict=True))
    counts = {metric.name.removeprefix("vllm:"): getattr(metric, "value", None) for metric in llm.get_metrics()}
    return {
        "accuracy": right / len(tasks),
        "tokens": [list(output.token_ids) for output in outputs],
        "guessed": counts.get("spec_decode_num_draft_tokens"),
        "accepted": counts.get("spec_decode_num_accepted_tokens"),
    }


def main(folder: Path) -> None:
    """Answer with every variant."""
    for method in METHODS:
        quantise(method, MODELS / "large", folder / method)
    print("RESULTS " + json.dumps({name: answer(given) for name, given in variants(folder).items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
