"""Engine options: the names and values that each engine kind accepts.

vLLM's own names ship in vllm_arguments.json, so that checking needs no vLLM: the fields of AsyncEngineArgs and of the
serving layer's BaseFrontendArgs. A test holds the file against the installed release and says how to renew it. vLLM
checks the values when it starts; here only those are checked that the arithmetic of `cluster.memory` reads, and those
that the rest of the spec already says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from cluster.problems import Problems, did_you_mean, shown

DTYPES = ("auto", "float32", "float", "bfloat16", "float16", "half")

SAID_ELSEWHERE = {
    "model": "model",
    "tokenizer": "tokenizer",
    "served_model_name": "served_name or aliases",
    "tensor_parallel_size": "parallel.tensor",
    "pipeline_parallel_size": "parallel.pipeline",
    "data_parallel_size": "parallel.data",
    "enable_expert_parallel": "parallel.expert",
    "speculative_config": "speculation",
    "enable_lora": "adapters",
    "lora_modules": "adapters",
}
"""vLLM arguments that the pool's own fields set; a second place could only contradict the first."""

NO_EFFECT = {
    "quant": "it does nothing in init_inference: serve a quantised checkpoint with kind vllm",
    "moe": "it does nothing in init_inference: write the pool's parallel.expert",
    "replace_with_kernel_inject": "its kernels do not know current models: leave it out",
    "enable_cuda_graph": "it needs kernel injection: leave it out",
    "tensor_parallel": "the pool says this itself: write it as parallel.tensor",
    "zero": "write zero_offload: cpu",
}
"""DeepSpeed's own arguments that change nothing without a word in the pinned release: refused instead."""

CHOSEN_BY_US = frozenset({"distributed_executor_backend", "data_parallel_backend", "worker_cls"})
"""vLLM arguments that follow from the layout, so that ranks run in the replica's placement group and report."""


def check_engine_options(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse options the engine does not know, and values the arithmetic cannot use.

    Raises:
        Problems: one text per option, under `options.<name>`.
    """
    values = VALUES[kind]
    known = vllm_argument_names() if kind == "vllm" else frozenset(values)
    problems = {}
    if kind == "remote" and "base_url" not in options:
        problems["options.base_url"] = "is missing: write the remote's address, such as http://10.0.0.7:8000/v1"
    for name, value in options.items():
        if kind == "vllm" and name in SAID_ELSEWHERE:
            problems[f"options.{name}"] = f"the pool says this itself: write it as {SAID_ELSEWHERE[name]}"
        elif kind == "vllm" and name in CHOSEN_BY_US:
            problems[f"options.{name}"] = "Signalbox chooses this by the pool's parallel and placement: leave it out"
        elif kind == "deepspeed" and name in NO_EFFECT:
            problems[f"options.{name}"] = f"DeepSpeed would ignore it; {NO_EFFECT[name]}"
        elif name not in known:
            hint = did_you_mean(name, sorted(known))
            problems[f"options.{name}"] = f"not an argument of the {kind} engine; {hint}"
        elif name in values and (wanted := values[name](value)):
            problems[f"options.{name}"] = f"found {shown(value)}: write {wanted}"
        if len(problems) == 20:
            break
    if problems:
        raise Problems(problems)


@cache
def vllm_argument_names() -> frozenset[str]:
    """Argument names of the vLLM release this project pins."""
    return frozenset(json.loads((files("cluster") / "vllm_arguments.json").read_text()))


# -- values: each check says what to write, or nothing ---------------------------------------------------------------


def _whole_number(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return "" if good else "a whole number of at least 1"


def _rate(value: Any) -> str:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
    return "" if good else "a number above 0"


def _share(value: Any) -> str:
    return "a number above 0 and at most 1" if _rate(value) or value > 1 else ""


def _dtype(value: Any) -> str:
    return "" if value in DTYPES else f"one of {', '.join(DTYPES)}"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else "a name"


def _url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    good = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    return "" if good else "an address, such as http://10.0.0.7:8000/v1"


def _path(value: Any) -> str:
    return "" if isinstance(value, str) and value.startswith("/") else "a path, such as /models"


def _texts(value: Any) -> str:
    good = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return "" if good else "a list of names"


def _headers(value: Any) -> str:
    good = isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)
    if good and any(name.lower() == "authorization" for name in value):
        return "the key's place in api_key_env or api_key_file: a spec is no place for secrets"
    return "" if good else "a mapping of header names to texts"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _offload(value: Any) -> str:
    return "" if value in ("cpu", "none") else "cpu (host memory) or none (spread over the ranks only)"


def _or_none(check: Callable[[Any], str]) -> Callable[[Any], str]:
    """vLLM's default for some arguments is None."""
    return lambda value: "" if value is None else check(value)


VLLM_VALUES: dict[str, Callable[[Any], str]] = {
    # vLLM can also choose a context length by itself (-1); a fleet whose pools must route by length cannot.
    "max_model_len": _or_none(_whole_number),
    "max_num_seqs": _or_none(_whole_number),
    "max_num_batched_tokens": _or_none(_whole_number),
    "block_size": _or_none(_whole_number),
    "max_loras": _whole_number,
    "max_lora_rank": _whole_number,
    "kv_cache_memory_bytes": _or_none(_whole_number),
    "stream_interval": _whole_number,
    "gpu_memory_utilization": _share,
    "dtype": _dtype,
    "quantization": _or_none(_text),
    "kv_cache_dtype": _text,
}
REMOTE_VALUES: dict[str, Callable[[Any], str]] = {
    "base_url": _url,  # up to and with /v1
    "model": _text,  # the remote's name of the model; default: the pool's `model`
    "api_key_env": _text,  # environment variable of the replica that holds the key
    "api_key_file": _text,  # or the file of a mounted secret
    "headers": _headers,
    "health_path": _or_none(_path),  # below base_url; default /models; null asks nothing
    "read_timeout_s": _rate,  # between two bytes; default 120
    "max_concurrency": _whole_number,  # requests at once from one replica; default 64
    "max_model_len": _whole_number,  # longest prompt plus answer, for routing
    "drop_fields": _texts,  # fields of the body that the remote refuses
}
TRANSFORMERS_VALUES: dict[str, Callable[[Any], str]] = {
    "dtype": _dtype,  # default: the checkpoint's
    "max_model_len": _whole_number,  # longest prompt plus answer; default: the model's
    "max_num_seqs": _whole_number,  # sequences at once; default 32
    "max_num_batched_tokens": _whole_number,  # of one prefill, padding included; default 4096
    "kv_budget_tokens": _whole_number,  # tokens the KV cache may hold; default: what fits beside the weights
    "stream_interval": _whole_number,  # tokens per event after the first; default 1
    "trust_remote_code": _flag,
}
DEEPSPEED_VALUES = TRANSFORMERS_VALUES | {"zero_offload": _offload}
SIMULATED_VALUES: dict[str, Callable[[Any], str]] = {
    "prefill_tokens_per_s": _rate,
    "decode_tokens_per_s": _rate,
    "kv_capacity_tokens": _whole_number,
    "max_model_len": _whole_number,
    "max_num_seqs": _whole_number,
}
VALUES: dict[str, dict[str, Callable[[Any], str]]] = {
    "vllm": VLLM_VALUES,
    "deepspeed": DEEPSPEED_VALUES,
    "transformers": TRANSFORMERS_VALUES,
    "remote": REMOTE_VALUES,
    "simulated": SIMULATED_VALUES,
}
