"""Writes the chosen pools as a commented spec."""

from __future__ import annotations

from deployments.hardware.catalogue import in_words
from deployments.hardware.machine import Machine
from deployments.hardware.starter import ChosenFleet, ChosenPool, choose_fleet

PRICES = {"small": (0.05, 0.15), "moe": (0.1, 0.4), "large": (0.6, 1.8)}
"""Of a million prompt tokens and a million generated ones, as in `examples/qwen.yaml`."""
CPU_RANK_GIB = 1.5
"""A rank with one of the demo models."""
ABOUT = {
    "small": "Most queries end here.",
    "moe": "Many experts, of which each token uses few: better answers at the cost of a small model.",
    "large": "For the hardest queries.",
}
REMOTE = """
  # A model on another server: Ollama, vLLM, or a hosted API. It takes no device of this machine.
  # elsewhere:
  #   tier: large
  #   model: llama3.3
  #   engine: {kind: remote, options: {base_url: "http://127.0.0.1:11434/v1"}}
"""


def starter_spec(machine: Machine) -> str:
    """A spec for this machine, as YAML.

    Raises:
        NothingFits: it has GPUs, but no model can be chosen for them.
    """
    return _for_gpus(choose_fleet(machine.gpus)) if machine.gpus else _for_cpu(machine)


def _for_gpus(fleet: ChosenFleet) -> str:
    name = fleet.device.lower()
    unused = f"\n# Not used: {in_words(fleet.unused)}." if fleet.unused else ""
    pools = "\n".join(_pool(pool, name) for pool in fleet.pools)
    return f"""\
# A fleet for this machine: {in_words(fleet.gpus)}.{unused}
# Written by `signalbox init`. docs/spec.md lists every field; `signalbox check` says whether it fits.

hardware:
  {name}: {{device: {fleet.device}, devices_per_node: {len(fleet.gpus)}}}

# Token prices steer the router. These are examples; write your own.
pools:
{pools}{REMOTE}"""


def _pool(pool: ChosenPool, hardware: str) -> str:
    options = "\n".join(f"        {key}: {_yaml(value)}" for key, value in pool.options.items())
    prompt, answer = PRICES[pool.tier]
    return f"""\
  {pool.tier}:
    # {ABOUT[pool.tier]}
    tier: {pool.tier}
    model: {pool.model} # downloaded at the first start; a folder works as well
    hardware: {hardware}
    capabilities: [tools, structured_outputs]
{_place(pool)}
    replicas: {{min: 1, max: {pool.replicas}}}
    prices: {{input_per_mtok: {prompt}, output_per_mtok: {answer}}}
    engine:
      kind: vllm
      options: # vLLM's own arguments
{options}
"""


def _place(pool: ChosenPool) -> str:
    if pool.share < 1:
        return f"    gpu_fraction: {pool.share} # of the GPU, which the pools share"
    parallel = f"{{tensor: {pool.tensor}, expert: {pool.tensor}}}" if pool.is_moe else f"{{tensor: {pool.tensor}}}"
    return f"    parallel: {parallel} # GPUs of one replica\n    placement: strict_pack"


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _for_cpu(machine: Machine) -> str:
    ranks = max(2, min(machine.cpus, int(machine.memory_gib / 2 / CPU_RANK_GIB)))
    return f"""\
# A fleet for this machine: no GPU, {machine.cpus} CPUs, {machine.memory_gib:.0f} GiB of memory.
# Written by `signalbox init`. docs/spec.md lists every field; `signalbox check` says whether it fits.
# The demo models are tiny and know arithmetic only. For real answers, add a pool on another server (below).

hardware:
  cpu: {{device: cpu, devices_per_node: {ranks}, memory_gib: {CPU_RANK_GIB}}} # ranks at once, and the memory of each

pools:
{_cpu_pool("small", 0.1, ranks - 1)}
{_cpu_pool("large", 1, 1)}{REMOTE}"""


def _cpu_pool(tier: str, price: float, replicas: int) -> str:
    return f"""\
  {tier}:
    tier: {tier}
    model: demo/models/{tier}
    replicas: {{min: 1, max: {replicas}}}
    prices: {{input_per_mtok: {price:g}, output_per_mtok: {10 * price:g}}}
    engine:
      kind: vllm
      options: # vLLM's own arguments
        dtype: float32
        enforce_eager: true # compiling takes longer than the first answers
        max_model_len: 1024
        block_size: 32
        kv_cache_memory_bytes: 33554432 # 32 MiB
        max_num_seqs: 32
"""
