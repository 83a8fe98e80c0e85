"""What each vLLM rank says about itself: part of its worker, so that the answer comes from the live process."""

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
"""Shared memory of vLLM's message queues and of its CPU ranks, and locks shared by processes."""


class ReportingRank:
    """Stands before vLLM's worker class (`worker_cls`) and measures the steps that EngineCore asks of a starting
    worker; `collective_rpc("rank_report")` asks for the result."""

    model_runner: Any
    vllm_config: Any
    rank: int

    @cached_property
    def start_clock(self) -> StartClock:
        """Phases of this rank's start."""
        return StartClock()

    def load_model(self, *args: Any, **kwargs: Any) -> Any:
        """As the worker's."""
        with self._measured("load"):
            return super().load_model(*args, **kwargs)  # type: ignore[misc]

    def determine_available_memory(self) -> Any:
        """As the worker's."""
        with self._measured(self.dummy_run_phase()):
            return super().determine_available_memory()  # type: ignore[misc]

    def initialize_from_config(self, kv_cache_config: Any) -> Any:
        """As the worker's."""
        with self._measured("kv_cache"):
            return super().initialize_from_config(kv_cache_config)  # type: ignore[misc]

    def compile_or_warm_up_model(self) -> Any:
        """As the worker's."""
        with self._measured("capture"):
            return super().compile_or_warm_up_model()  # type: ignore[misc]

    def dummy_run_phase(self) -> Phase:
        """What the run is for by which the worker finds out how much memory there is, compilation aside."""
        return "kv_cache"

    @contextmanager
    def _measured(self, phase: Phase) -> Iterator[None]:
        """Measure a phase without the compilation that vLLM says it did meanwhile."""
        config = self.vllm_config.compilation_config
        before_s = config.compilation_time + config.encoder_compilation_time
        with self.start_clock.phase(phase):
            yield
        compiled_s = config.compilation_time + config.encoder_compilation_time - before_s
        if compiled_s > 0:
            self.start_clock.split(phase, {"compile": compiled_s})

    def rank_report(self) -> dict[str, Any]:
        """Rank, process, Ray node ("" outside Ray), the experts held in the first MoE layer, and the start's phases.

        Called when the ranks work together: from then on their shared memory needs no names any more.
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
