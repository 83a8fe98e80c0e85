"""A vLLM rank on a GPU."""

from __future__ import annotations

from vllm.v1.worker.gpu_worker import Worker

from deployments.engines.vllm.ranks import ReportingRank


class GpuRank(ReportingRank, Worker):
    """vLLM's worker."""
