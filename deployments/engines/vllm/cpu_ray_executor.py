"""vLLM ranks as Ray actors on CPU, on one or several nodes. On GPUs vLLM's own Ray executor is used.

vLLM's Ray executor asks its platform for the resource of a rank, but the CPU platform names none. This module sets it:
a rank runs in a bundle of `{"CPU": 1}` of the replica's placement group and reserves nothing of it. Importing this
module changes vLLM in the importing process. vLLM imports it as `distributed_executor_backend`.
"""

from __future__ import annotations

from typing import Any

import ray
from vllm.distributed.device_communicators import cpu_communicator
from vllm.platforms import current_platform
from vllm.v1.executor import ray_executor_v2

if not current_platform.is_cpu():
    raise RuntimeError(f"{__name__} is for CPU ranks, on {current_platform.device_name} use vLLM's executor `ray`")

type(current_platform).ray_device_key = "CPU"


class CpuRayWorker(ray_executor_v2.RayWorkerProc):
    """A rank in a Ray actor."""

    def get_node_and_physical_gpu_ids(self) -> tuple[str, list[int]]:
        """The rank's node, and no GPUs."""
        return ray.get_runtime_context().get_node_id(), []

    def initialize_worker(self, *args: Any, assigned_physical_gpu_ids: Any = None, **kwargs: Any) -> None:
        """As in vLLM, but without the map of GPUs, which CPU workers cannot read."""
        _name_shared_memory_by_node()
        super().initialize_worker(*args, **kwargs)


def _name_shared_memory_by_node() -> None:
    """Give shared memory a different name on each node, so that ranks on different nodes use the network.

    vLLM names it by the port of the process group, which is equal on all nodes. Ranks on two machines would each open
    a separate segment and wait for each other forever.
    """
    communicator: Any = cpu_communicator._CPUSHMDistributed
    stock, node = communicator.make_group_name, ray.get_runtime_context().get_node_id()
    communicator.make_group_name = staticmethod(lambda group: f"{stock(group)}-{node[:8]}")


ray_executor_v2.RayWorkerProc = CpuRayWorker  # type: ignore[misc]


class CpuRayExecutor(ray_executor_v2.RayExecutorV2):
    """vLLM's Ray executor for bundles of CPUs."""

    @staticmethod
    def _get_actor_resource_kwargs() -> dict[str, Any]:
        return {"num_gpus": 0}
