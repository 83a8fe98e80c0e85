"""What each vLLM rank says about itself: a worker extension, so that the answer comes from the live process."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SEGMENT = re.compile(r"/dev/shm/\S*(?:psm_|cpushm|sem\.mp-)\S*")
"""Shared memory of vLLM's message queues and of its CPU ranks, and locks shared by processes."""


class RankReport:
    """Mixed into vLLM's worker class by `worker_extension_cls`; called with `collective_rpc("rank_report")`."""

    model_runner: Any
    rank: int

    def rank_report(self) -> dict[str, Any]:
        """Rank, process, Ray node ("" outside Ray) and the experts held in the first MoE layer.

        Called when the ranks work together: from then on their shared memory needs no names any more.
        """
        unlink_shared_memory()
        return {"rank": self.rank, "pid": os.getpid(), "node_id": _ray_node(), "experts": self._local_experts()}

    def _local_experts(self) -> list[int]:
        """Global ids of the experts in this rank's memory; empty when every rank holds all of them."""
        for module in self.model_runner.model.modules():
            if type(module).__name__ == "RoutedExperts":
                held = module.expert_map_manager
                return [] if held.expert_map is None else list(held.get_local_expert_ids())
        return []


def unlink_shared_memory() -> None:
    """Remove the names of the segments that this process and its children have mapped; the memory lasts as long as
    somebody maps it.

    vLLM would leave them behind when a rank is killed, hundreds of MB for each replaced replica.
    """
    process = psutil.Process()
    for pid in (process.pid, *(child.pid for child in process.children(recursive=True))):
        with suppress(OSError):
            for name in set(SEGMENT.findall(Path(f"/proc/{pid}/maps").read_text())):
                Path(name).unlink(missing_ok=True)


def _ray_node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""
