"""The transformers engine: one process, for any decoder that transformers loads. It is the reference engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from cluster.pool import PoolSpec
from cluster.spec import FleetSpec
from cluster.state import RankState
from deployments.engines.batch.batching import Plan
from deployments.engines.batch.engine import BatchEngine
from deployments.engines.batch.executor import LoadedModel
from deployments.engines.batch.openai_body import Sampling
from deployments.engines.transformers.runner import Runner
from deployments.engines.transformers.sampling import SamplingExecutor

DTYPES = {"float": torch.float32, "half": torch.float16}


def load_weights(pool: PoolSpec) -> Any:
    """Load the pool's model on the host, in the dtype of the spec (default: the checkpoint's).

    Raises:
        RuntimeError: transformers cannot load it; the message has the reason.
    """
    if Path(pool.model).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    options = pool.engine.options
    dtype = options.get("dtype", "auto")
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            pool.model,
            dtype=DTYPES.get(dtype, dtype),
            trust_remote_code=bool(options.get("trust_remote_code", False)),
        )
    except (OSError, ValueError, ImportError) as error:
        raise RuntimeError(f"transformers cannot load {pool.model}: {error}") from error
    return model.eval()


def describe(pool: PoolSpec) -> LoadedModel:
    """Facts from the model's folder other than its weights."""
    config = AutoConfig.from_pretrained(pool.model).get_text_config()
    try:
        generation: Any = GenerationConfig.from_pretrained(pool.model)
    except OSError:  # older checkpoints have none
        generation = GenerationConfig.from_dict({})
    tokenizer = AutoTokenizer.from_pretrained(pool.tokenizer or pool.model)
    eos_ids = generation.eos_token_id if generation.eos_token_id is not None else config.eos_token_id
    end_ids = {*(eos_ids if isinstance(eos_ids, list) else [eos_ids]), tokenizer.eos_token_id} - {None}
    defaults = {name: getattr(generation, name, None) for name in Sampling.model_fields}
    return LoadedModel(
        tokenizer=tokenizer,
        max_context_tokens=int(pool.engine.options.get("max_model_len") or config.max_position_embeddings),
        eos_ids=frozenset(end_ids),
        sampling_defaults={name: value for name, value in defaults.items() if value is not None},
    )


def own_device(on_gpu: bool) -> torch.device:
    """The rank's device. Ray makes one GPU visible to each rank."""
    if not on_gpu:
        torch.set_num_threads(1)  # in the spec, a CPU device is one core
    return torch.device("cuda:0" if on_gpu else "cpu")


class OneProcess(SamplingExecutor):
    """Runs plans in this process; see `deployments.engines.batch.executor.Executor`."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        self.pool = spec.pools[pool_name]
        self.on_gpu = spec.hardware_of(pool_name).is_gpu
        self.runner: Runner

    def load(self) -> LoadedModel:
        """Load the model on the device."""
        device = own_device(self.on_gpu)
        self.runner = Runner(load_weights(self.pool).to(device), device)
        return describe(self.pool)

    def forward(self, plan: Plan) -> torch.Tensor:
        """Run one forward pass."""
        return self.runner.execute(plan)

    def ranks(self) -> tuple[RankState, ...]:
        """This process."""
        return (RankState(0, "", os.getpid()),)

    def stop(self) -> None:
        """Nothing to stop."""


class TransformersEngine(BatchEngine):
    """Hosts a model in the replica's process."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        super().__init__(spec, pool_name, OneProcess(spec, pool_name))
