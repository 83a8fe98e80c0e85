"""Reports of each vLLM rank. The code is part of the worker, so reports come from the live process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from deployments.wire.start_phases import Phase, StartClock

SEGMENT = re.compile(r"/dev/shm/\S*(?:psm_|cpushm|sem\.mp-)\S*")
"""Shared memory of vLLM's message queues and CPU ranks, and locks between processes."""


class ReportingRank:
    """A mixin for vLLM's worker class (`worker_cls`) that measures the start steps that EngineCore calls.

    `collective_rpc("rank_report")` returns the result.
    """

    model_runner: Any
    vllm_config: Any
    rank: int

    @cached_property
    def start_clock(self) -> StartClock:
        """Phases of this rank's start."""
        return StartClock()

    def load_model(self, *args: Any, **kwargs: Any) -> Any:
        """See the worker's method."""
        with self._measured("load"):
            return super().load_model(*args, **kwargs)  # type: ignore[misc]

    def determine_available_memory(self) -> Any:
        """See the worker's method."""
        with self._measured(self.dummy_run_phase()):
            return super().determine_available_memory()  # type: ignore[misc]

    def initialize_from_config(self, kv_cache_config: Any) -> Any:
        """See the worker's method."""
        with self._measured("kv_cache"):
            return super().initialize_from_config(kv_cache_config)  # type: ignore[misc]

    def compile_or_warm_up_model(self) -> Any:
        """See the worker's method."""
        with self._measured("capture"):
            return super().compile_or_warm_up_model()  # type: ignore[misc]

    def dummy_run_phase(self) -> Phase:
        """Phase of the dummy run in which the worker measures the available memory, without compilation."""
        return "kv_cache"

    @contextmanager
    def _measured(self, phase: Phase) -> Iterator[None]:
        """Measure a phase without the compilation time that vLLM reports for it."""
        config = self.vllm_config.compilation_config
        before_s = config.compilation_time + config.encoder_compilation_time
        with self.start_clock.phase(phase):
            yield
        compiled_s = config.compilation_time + config.encoder_compilation_time - before_s
        if compiled_s > 0:
            self.start_clock.split(phase, {"compile": compiled_s})

    def rank_report(self) -> dict[str, Any]:
        """Rank, process, Ray node ("" outside Ray), the experts in the first MoE layer, and the start's phases.

        It is called when the ranks are connected. From then on their shared memory needs no names.
        """
        unlink_shared_memory()
        return {
            "rank": self.rank,
            "pid": os.getpid(),
            "node_id": _ray_node(),
            "experts": self._local_experts(),
            "phases_s": self.start_clock.seconds,
        }

    def _local_experts(self) -> list[int]:
        """Global ids of the experts in this rank's memory; empty if every rank holds all of them."""
        for module in self.model_runner.model.modules():
            if type(module).__name__ == "RoutedExperts":
                manager = module.expert_map_manager
                return [] if manager.expert_map is None else list(manager.get_local_expert_ids())
        return []


def unlink_shared_memory() -> None:
    """Remove the names of the segments that this process and its children have mapped.

    The memory stays until the last process unmaps it. Without this, a killed rank would leave its segments behind,
    hundreds of MB per replaced replica.
    """
    process = psutil.Process()
    for pid in (process.pid, *(child.pid for child in process.children(recursive=True))):
        with suppress(OSError):
            for name in set(SEGMENT.findall(Path(f"/proc/{pid}/maps").read_text())):
                Path(name).unlink(missing_ok=True)


def _ray_node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""
