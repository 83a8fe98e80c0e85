"""Placement arithmetic: can a pool's replicas be laid out on the nodes there are?"""

from __future__ import annotations

import math

from cluster.cpu_limits import cpu_problems
from cluster.model_facts import ModelFacts
from cluster.pool import PlacementStrategy, PoolSpec
from cluster.sharing import CONTEXT_GIB, UNITS, SharedDevices, devices_taken, highest_utilization, units
from cluster.spec import FleetSpec, HardwareSpec


def placement_problems(spec: FleetSpec, name: str, facts: ModelFacts | None) -> dict[str, str]:
    """Why not even one replica of a pool can be laid out: by field of the pool, what is wrong and what to write."""
    pool = spec.pools[name]
    if not pool.devices:
        return {}
    hardware = spec.hardware_of(name)
    ranks, existing = pool.parallel.devices, hardware.nodes * hardware.devices_per_node
    problems = {}
    if ranks > existing:
        problems["parallel"] = f"a replica needs {ranks} devices, the nodes have {existing}: split it less or add nodes"
    elif pool.placement == "strict_pack" and ranks > hardware.devices_per_node:
        problems["placement"] = (
            f"strict_pack needs {ranks} devices in one node, a node has {hardware.devices_per_node}: use pack, or "
            "nodes with more devices"
        )
    elif pool.placement == "strict_spread" and ranks > hardware.nodes:
        problems["placement"] = (
            f"strict_spread needs {ranks} nodes, there are {hardware.nodes}: use spread, or add nodes"
        )
    shares_node = pool.copies_share_a_node
    if shares_node and pool.placement in ("spread", "strict_spread"):
        problems["placement"] = (
            f"{pool.placement} is impossible for data-parallel copies, which share a node: use strict_pack, or more "
            "replicas instead of parallel.data"
        )
    elif shares_node and ranks > hardware.devices_per_node:
        problems["parallel.data"] = (
            f"data-parallel copies share a node: a replica needs {ranks} devices, a node has "
            f"{hardware.devices_per_node}: use more replicas instead"
        )
    problems |= _sharing_problems(pool, hardware)
    if not hardware.is_gpu and pool.engine.traits.has_cpu_limits:
        problems |= cpu_problems(pool, facts)
    return problems | (layout_problems(pool, facts) if facts else {})


def _sharing_problems(pool: PoolSpec, hardware: HardwareSpec) -> dict[str, str]:
    """Why an engine would use more than its share of a GPU."""
    asked = pool.engine.options.get("gpu_memory_utilization")
    highest = highest_utilization(pool.gpu_fraction, hardware.device_memory_gib)
    if pool.gpu_fraction == 1 or asked is None or asked <= highest:
        return {}
    text = (
        f"{asked} leaves less than {CONTEXT_GIB} GiB of gpu_fraction {pool.gpu_fraction} for the CUDA context: remove "
        f"it, use at most {math.floor(highest * 100) / 100}, or raise gpu_fraction"
    )
    return {"engine.options.gpu_memory_utilization": text}


def layout_problems(pool: PoolSpec, facts: ModelFacts) -> dict[str, str]:
    """Why a model cannot be split as the spec says, by field of the pool. vLLM rejects the same when it starts."""
    tensor, pipeline, expert = pool.parallel.tensor, pool.parallel.pipeline, pool.parallel.expert
    problems = {}
    if facts.heads % tensor:
        problems["parallel.tensor"] = f"{facts.heads} attention heads cannot be split over {tensor}: use a divisor"
    elif not facts.is_mla and facts.kv_heads % tensor and tensor % facts.kv_heads:
        problems["parallel.tensor"] = (
            f"{facts.kv_heads} KV heads cannot be split over {tensor}: use a divisor or a multiple of {facts.kv_heads}"
        )
    if pipeline > facts.layers:
        problems["parallel.pipeline"] = f"{facts.layers} layers cannot be split over {pipeline}: use at most that many"
    if facts.experts and tensor > 1 and not pool.engine.traits.splits_experts_by_tensor:
        problems["parallel.tensor"] = (
            f"tensor parallelism of the {pool.engine.kind} engine leaves experts whole on every rank: use "
            f"{{data: {tensor}, expert: {tensor}}} instead"
        )
    if expert > 1 and not facts.experts:
        problems["parallel.expert"] = "the model has no experts: use expert: 1"
    elif facts.experts % expert:
        problems["parallel.expert"] = f"{facts.experts} experts cannot be split over {expert}: use a divisor"
    if facts.quantised and not pool.engine.traits.reads_quantised:
        problems["model"] = (
            f"is quantised ({facts.quantised}), which the {pool.engine.kind} engine would undo or ignore: use kind vllm"
        )
    asked = pool.engine.options.get("max_model_len") or 0
    if asked > facts.max_context_tokens and not facts.stretches_context and "hf_overrides" not in pool.engine.options:
        problems["engine.options.max_model_len"] = (
            f"{asked} exceeds the model's context of {facts.max_context_tokens} tokens: use at most that"
        )
    return problems


def draft_problems(facts: ModelFacts, draft: ModelFacts) -> dict[str, str]:
    """Why a model cannot draft for another, by field of the pool."""
    if facts.vocabulary != draft.vocabulary:
        text = f"the draft has {draft.vocabulary} tokens, the model {facts.vocabulary}: use a draft of the same family"
        return {"speculation.model": text}
    return {}


def hardware_demand(spec: FleetSpec) -> dict[str, tuple[int, int, int]]:
    """Per hardware: devices that all pools' minimum replicas take, that their maximum would take, and that exist."""
    demand = {}
    for name, hardware in spec.hardware.items():
        pools = pools_on(spec, name).values()
        low = devices_taken((name, pool.device_share, pool.replicas.min) for pool in pools)
        high = devices_taken((name, pool.device_share, pool.replicas.max) for pool in pools)
        demand[name] = (low, high, hardware.nodes * hardware.devices_per_node)
    return demand


def pools_on(spec: FleetSpec, hardware_name: str) -> dict[str, PoolSpec]:
    """The pools that run on a kind of hardware, by name."""
    pools = spec.pools.items()
    return {name: pool for name, pool in pools if pool.devices and spec.hardware_name(name) == hardware_name}


def ranks_per_device(spec: FleetSpec, hardware_name: str) -> int:
    """The most ranks that a device of a kind of hardware may host."""
    return max((UNITS // units(pool.gpu_fraction) for pool in pools_on(spec, hardware_name).values()), default=1)


def unplaced(spec: FleetSpec, hardware_name: str) -> list[str]:
    """Pools whose minimum replicas find no room together, though their devices may suffice in number.

    Replicas with the most ranks are placed first, those bound to one node before the others, each on the fullest nodes
    that take it. For sizes that divide one another, as device counts do, nothing is lost by this order. Replicas that
    share devices come last, the largest first, as their devices may be on any node.
    """
    nodes = _free_nodes(spec.hardware[hardware_name])
    pools = pools_on(spec, hardware_name)
    replicas = [
        (name, pool)
        for name, pool in pools.items()
        if pool.gpu_fraction == 1
        for _ in range(min(pool.replicas.min, sum(nodes) // pool.parallel.devices + 1))
    ]
    replicas.sort(key=lambda each: (not each[1].placement.startswith("strict"), -each[1].parallel.devices))
    left = []
    for name, pool in replicas:
        strategy = "strict_pack" if pool.copies_share_a_node else pool.placement
        if not _place(nodes, pool.parallel.devices, strategy) and name not in left:
            left.append(name)
    return left + _unshared(pools, sum(nodes))


def _unshared(pools: dict[str, PoolSpec], devices: int) -> list[str]:
    """Pools whose minimum replicas find no share on so many devices."""
    shared = SharedDevices(devices)
    sharing = [(name, pool) for name, pool in pools.items() if pool.gpu_fraction < 1]
    sharing.sort(key=lambda each: -each[1].gpu_fraction)
    return [
        name for name, pool in sharing if not all(shared.place(pool.gpu_fraction) for _ in range(pool.replicas.min))
    ]


def _free_nodes(hardware: HardwareSpec) -> list[int]:
    return [hardware.devices_per_node] * hardware.nodes


def _place(nodes: list[int], ranks: int, strategy: PlacementStrategy) -> bool:
    """Take a replica's devices from the free ones per node; False, and nothing taken, when they are not there."""
    order = sorted((n for n in range(len(nodes)) if nodes[n]), key=lambda n: nodes[n])
    if strategy == "strict_spread":
        # From the emptiest nodes, so that whole ones do not go to a single rank each.
        chosen = dict.fromkeys(order[::-1][:ranks], 1) if len(order) >= ranks else {}
    elif strategy == "strict_pack":
        chosen = next(({n: ranks} for n in order if nodes[n] >= ranks), {})
    else:
        chosen = _anywhere(nodes, order, ranks)
    for node, taken in chosen.items():
        nodes[node] -= taken
    return bool(chosen)


def _anywhere(nodes: list[int], order: list[int], ranks: int) -> dict[int, int]:
    """One node where that is possible, several otherwise."""
    chosen: dict[int, int] = next(({n: ranks} for n in order if nodes[n] >= ranks), {})
    if not chosen and sum(nodes) >= ranks:
        for node in order[::-1]:
            chosen[node] = min(nodes[node], ranks - sum(chosen.values()))
            if sum(chosen.values()) == ranks:
                break
    return chosen
