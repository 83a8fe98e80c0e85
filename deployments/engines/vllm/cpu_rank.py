"""A vLLM rank on CPU."""

from __future__ import annotations

from vllm.config import CompilationMode
from vllm.v1.worker.cpu_worker import CPUWorker

from deployments.engines.vllm.ranks import ReportingRank
from deployments.wire.start_phases import Phase


class CpuRank(ReportingRank, CPUWorker):
    """vLLM's CPU worker. It compiles in its dummy run without reporting the time, so the whole run counts as that."""

    def dummy_run_phase(self) -> Phase:
        """See ReportingRank."""
        return "kv_cache" if self.compilation_config.mode == CompilationMode.NONE else "compile"
