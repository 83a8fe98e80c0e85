"""vLLM's arguments of every example for GPUs, checked by vLLM's own parser and config classes, on any machine."""

from __future__ import annotations

from dataclasses import fields

import offline_vllm  # noqa: F401  # before vllm
import pytest
from vllm import AsyncEngineArgs
from vllm.config import CacheConfig, ParallelConfig
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.engines.vllm.arguments import vllm_arguments

pytestmark = pytest.mark.engine

EXAMPLES = ("a100", "deepseek", "h100", "l4", "qwen", "simulation")
POOLS = [
    pytest.param(spec, pool, id=f"{name}-{pool}")
    for name in EXAMPLES
    for spec in [load_spec(PROJECT_ROOT / "examples" / f"{name}.yaml")]
    for pool in spec.pools
]
OF_PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "enable_expert_parallel")


def words(options):
    """Options as a command line of `vllm serve`."""
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            yield flag
        elif value is not False and value is not None:
            yield f"{flag}={value}"


@pytest.mark.parametrize(("spec", "pool"), POOLS)
def test_vllms_parser_reads_the_same_from_its_command_line(spec, pool):
    made, namespace = vllm_arguments(spec, pool)
    given = dict(spec.pools[pool].engine.options)
    layout = {name: getattr(made, name) for name in OF_PARALLEL}
    shared = {"model": made.model, "max_num_seqs": made.max_num_seqs, "scheduling_policy": "priority"}
    parser = make_arg_parser(FlexibleArgumentParser())
    parsed = parser.parse_args(list(words(shared | layout | given)))
    read = AsyncEngineArgs.from_cli_args(parsed)
    for name in {*shared, *layout, *given} & {field.name for field in fields(AsyncEngineArgs)}:
        assert getattr(read, name) == getattr(made, name), name
    for name in given.keys() - {field.name for field in fields(AsyncEngineArgs)}:
        assert getattr(parsed, name) == getattr(namespace, name), name


@pytest.mark.parametrize(("spec", "pool"), POOLS)
def test_vllms_config_classes_take_layout_and_memory(spec, pool):
    made, _ = vllm_arguments(spec, pool)
    parallel = ParallelConfig(
        **{name: getattr(made, name) for name in OF_PARALLEL},
        worker_cls=made.worker_cls,
        distributed_executor_backend=made.distributed_executor_backend,
    )
    assert parallel.world_size * parallel.data_parallel_size == spec.pools[pool].parallel.devices
    assert made.worker_cls == "deployments.engines.vllm.gpu_rank.GpuRank"
    assert made.distributed_executor_backend == ("ray" if spec.pools[pool].parallel.devices > 1 else "uni")
    cache = CacheConfig(gpu_memory_utilization=made.gpu_memory_utilization, cache_dtype=made.kv_cache_dtype)
    assert 0 < cache.gpu_memory_utilization <= 1


@pytest.mark.parametrize(("spec", "pool"), POOLS)
def test_named_parsers_and_quantisations_exist(spec, pool):
    options = spec.pools[pool].engine.options
    if name := options.get("tool_call_parser"):
        assert ToolParserManager.get_tool_parser(name)
    if name := options.get("reasoning_parser"):
        assert ReasoningParserManager.get_reasoning_parser(name)
    assert options.get("quantization") in (None, *QUANTIZATION_METHODS)
