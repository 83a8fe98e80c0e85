"""Pipeline stages for vLLM on CPU: a plugin (`vllm.general_plugins`) that vLLM loads in each of its processes.

A later stage copies its input into buffers that vLLM creates in its first dummy run. On CPU without compilation there
is no dummy run, and the first request would crash the engine. This plugin creates the buffers with the model. It is for
CPU only: on other platforms `register` does nothing.
"""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Patch vLLM on CPU; the plugin's entry point."""
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    from vllm.distributed.parallel_state import get_pp_group
    from vllm.v1.worker.cpu_model_runner import CPUModelRunner

    runner: Any = CPUModelRunner
    stock = runner.load_model
    if getattr(stock, "makes_stage_buffers", False):
        return

    def load_model(self: Any, *args: Any, **named: Any) -> None:
        stock(self, *args, **named)
        if not get_pp_group().is_first_rank:
            self.intermediate_tensors = self.model.make_empty_intermediate_tensors(
                batch_size=self.max_num_tokens, dtype=self.model_config.dtype, device=self.device
            )

    load_model.makes_stage_buffers = True  # type: ignore[attr-defined]
    runner.load_model = load_model
