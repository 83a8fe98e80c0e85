"""What each engine kind can do: one row of facts per kind.

A new engine needs a row here and a folder under `deployments/engines`. Other code does not compare kinds: it reads
these facts through `EngineSpec.traits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cluster.options import (
    EngineOptions,
    dtype,
    flag,
    headers,
    one_of,
    or_none,
    rate,
    share,
    text,
    texts,
    url,
    url_path,
    vllm_argument_names,
    whole_number,
)
from cluster.parallel import ParallelSpec

EngineKind = Literal["vllm", "deepspeed", "transformers", "remote", "simulated"]
LayoutCheck = Callable[[ParallelSpec, Mapping[str, Any]], dict[str, str]]
"""Problems of a layout over devices, by field of the pool; the mapping holds the engine's options."""


@dataclass(frozen=True)
class EngineTraits:
    """What one engine kind can do. The defaults fit an engine that runs the model in the replica's own process."""

    engine: str
    """Module and class, imported only when a pool uses it."""
    options: EngineOptions
    layout: LayoutCheck = lambda parallel, options: {}
    """Layouts over devices that it cannot run."""
    takes_devices: bool = True
    """False: the model runs elsewhere, and the pool has no hardware."""
    hosts_weights: bool = True
    """Whether it loads the model's weights, so that their memory counts."""
    judgeable: bool = True
    """Whether it reports log-probabilities on `EngineRequest.judged_tokens`, so that its answers can be judged."""
    text_only: bool = False
    """True: no tools, images or structured outputs."""
    pool_features: frozenset[str] = frozenset()
    """Fields of the pool that it supports, out of `speculation` and `adapters`."""
    reads_quantised: bool = True
    """Whether it can serve a quantised checkpoint."""
    batch_rows: int | None = 32
    """Sequences of one batch unless the spec sets `max_num_seqs`; None: as vLLM chooses by device."""
    frees_window: bool = False
    """Whether its KV cache drops tokens that no later token can see through a sliding window."""
    splits_input_embeddings: bool = True
    """Whether tensor parallelism splits the input embeddings too, not only the output's."""
    splits_experts_by_tensor: bool = True
    """Whether tensor parallelism splits the matrices of experts."""
    data_copies_share_node: bool = False
    """True: data-parallel copies are processes next to each other, so one node holds the whole replica."""
    shares_devices: bool = False
    """Whether a replica of one rank can keep to a share of a GPU (`gpu_fraction`)."""
    replica_is_rank: bool = True
    """Whether the replica's own process is the first of its ranks, so that it takes a device."""
    has_cpu_limits: bool = False
    """Whether `cluster.cpu_limits` lists what it cannot do on CPU."""
    exports_vllm_metrics: bool = False
    """Whether it exports vLLM's own metrics, which some dashboard panels show."""


# -- layouts ---------------------------------------------------------------------------------------------------------


def _deepspeed_layout(parallel: ParallelSpec, options: Mapping[str, Any]) -> dict[str, str]:
    """Layouts that DeepSpeed's parts do not have."""
    if parallel.pipeline > 1:
        return {"parallel.pipeline": "the deepspeed engine has no pipeline stages: use 1"}
    if parallel.tensor > 1 and parallel.data > 1:
        return {"parallel": "the deepspeed engine splits by tensor or by data, not by both: use only one of them"}
    if parallel.tensor > 1 and parallel.expert > 1:
        ranks = parallel.tensor
        return {"parallel": "DeepSpeed's AutoEP leaves attention whole on every rank, which is data parallelism: "
                            f"use {{data: {ranks}, expert: {ranks}}}"}  # fmt: skip
    if "zero_offload" in options and (parallel.tensor > 1 or parallel.expert > 1):
        return {"parallel": "ZeRO spreads weights over data-parallel ranks: use only data, or remove zero_offload"}
    return {}


def _one_process(parallel: ParallelSpec, options: Mapping[str, Any]) -> dict[str, str]:
    if parallel.devices == 1:
        return {}
    return {"parallel": "the transformers engine is one process: remove it, or use kind deepspeed or vllm"}


# -- options ---------------------------------------------------------------------------------------------------------

SET_BY_POOL = {
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

SET_BY_LAYOUT = ("distributed_executor_backend", "data_parallel_backend", "worker_cls")
"""vLLM arguments that follow from the layout, so that ranks run in the replica's placement group and report."""

VLLM_OPTIONS = EngineOptions(
    values={
        # vLLM can also choose a context length by itself (-1); a fleet whose pools must route by length cannot.
        "max_model_len": or_none(whole_number),
        "max_num_seqs": or_none(whole_number),
        "max_num_batched_tokens": or_none(whole_number),
        "block_size": or_none(whole_number),
        "max_loras": whole_number,
        "max_lora_rank": whole_number,
        "kv_cache_memory_bytes": or_none(whole_number),
        "stream_interval": whole_number,
        "gpu_memory_utilization": share,
        "dtype": dtype,
        "quantization": or_none(text),
        "kv_cache_dtype": text,
    },
    refused={name: f"the pool sets this: use {field} instead" for name, field in SET_BY_POOL.items()}
    | dict.fromkeys(SET_BY_LAYOUT, "Signalbox sets this from the pool's parallel and placement: remove it"),
    all_names=vllm_argument_names,
)
TRANSFORMERS_OPTIONS = EngineOptions(
    values={
        "dtype": dtype,  # default: the checkpoint's
        "max_model_len": whole_number,  # longest prompt plus answer; default: the model's
        "max_num_seqs": whole_number,  # sequences at once; default 32
        "max_num_batched_tokens": whole_number,  # of one prefill, padding included; default 4096
        "kv_budget_tokens": whole_number,  # tokens the KV cache may hold; default: what fits next to the weights
        "stream_interval": whole_number,  # tokens per event after the first; default 1
        "trust_remote_code": flag,
    }
)
DEEPSPEED_OPTIONS = EngineOptions(
    values={
        **TRANSFORMERS_OPTIONS.values,
        "zero_offload": one_of(cpu="weights in host memory", none="weights spread over the ranks only"),
    },
    # DeepSpeed's own arguments that silently change nothing in the pinned release.
    refused={
        "quant": "has no effect in init_inference: serve a quantised checkpoint with kind vllm",
        "moe": "has no effect in init_inference: use the pool's parallel.expert",
        "replace_with_kernel_inject": "its kernels do not support current models: remove it",
        "enable_cuda_graph": "it needs kernel injection: remove it",
        "tensor_parallel": "the pool sets this: use parallel.tensor instead",
        "zero": "has no effect in init_inference: use zero_offload: cpu",
    },
)
REMOTE_OPTIONS = EngineOptions(
    values={
        "base_url": url,  # up to and with /v1
        "model": text,  # the remote's name of the model; default: the pool's `model`
        "api_key_env": text,  # environment variable of the replica that holds the key
        "api_key_file": text,  # or the file of a mounted secret
        "headers": headers,
        "health_path": or_none(url_path),  # below base_url; default /models; null checks nothing
        "read_timeout_s": rate,  # between two bytes; default 120
        "max_concurrency": whole_number,  # requests at once from one replica; default 64
        "max_model_len": whole_number,  # longest prompt plus answer, for routing
        "drop_fields": texts,  # fields of the body that the remote rejects
    },
    required={"base_url": "the remote's address, such as http://10.0.0.7:8000/v1"},
)
SIMULATED_OPTIONS = EngineOptions(
    values={
        "prefill_tokens_per_s": rate,
        "decode_tokens_per_s": rate,
        "kv_capacity_tokens": whole_number,
        "max_model_len": whole_number,
        "max_num_seqs": whole_number,
    }
)

# -- the table ---------------------------------------------------------------------------------------------------------

ENGINE_KINDS: Mapping[EngineKind, EngineTraits] = {
    "vllm": EngineTraits(
        engine="deployments.engines.vllm.engine:VllmEngine",
        options=VLLM_OPTIONS,
        pool_features=frozenset({"speculation", "adapters"}),
        batch_rows=None,
        frees_window=True,
        data_copies_share_node=True,
        shares_devices=True,
        replica_is_rank=False,
        has_cpu_limits=True,
        exports_vllm_metrics=True,
    ),
    "deepspeed": EngineTraits(
        engine="deployments.engines.deepspeed.engine:DeepSpeedEngine",
        options=DEEPSPEED_OPTIONS,
        layout=_deepspeed_layout,
        text_only=True,
        reads_quantised=False,
        splits_input_embeddings=False,
        splits_experts_by_tensor=False,
    ),
    "transformers": EngineTraits(
        engine="deployments.engines.transformers.engine:TransformersEngine",
        options=TRANSFORMERS_OPTIONS,
        layout=_one_process,
        text_only=True,
        reads_quantised=False,
    ),
    "remote": EngineTraits(
        engine="deployments.engines.remote:RemoteEngine",
        options=REMOTE_OPTIONS,
        takes_devices=False,
        hosts_weights=False,
        judgeable=False,
    ),
    "simulated": EngineTraits(
        engine="deployments.engines.simulated:SimulatedEngine",
        options=SIMULATED_OPTIONS,
        hosts_weights=False,
        judgeable=False,
        shares_devices=True,
    ),
}
