"""Expert parallelism for vLLM on CPU: a plugin (`vllm.general_plugins`) that vLLM loads in each of its processes.

vLLM's CPU kernel for experts ignores which experts a rank holds, and reads weights of missing experts. With this plugin
each rank computes the tokens for its own experts and leaves zeros for the rest; vLLM sums the ranks' outputs. The
plugin is for CPU only: on other platforms `register` does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def register() -> None:
    """Patch vLLM on CPU; the plugin's entry point."""
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return
    from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator
    from vllm.model_executor.layers.fused_moe.experts.cpu_moe import CPUUnquantizedExperts

    experts: Any = CPUUnquantizedExperts
    communicator: Any = CpuCommunicator
    if getattr(experts.apply, "keeps_to_local_experts", False):
        return
    experts.apply = on_local_experts(experts.apply)
    communicator.all_gatherv = all_gatherv
    communicator.reduce_scatterv = reduce_scatterv


def on_local_experts(stock: Callable[..., None]) -> Callable[..., None]:
    """vLLM's `CPUUnquantizedExperts.apply`, restricted to the experts of this rank."""

    def apply(
        self: Any,
        output: torch.Tensor,
        hidden_states: torch.Tensor,
        w1: torch.Tensor,
        w2: torch.Tensor,
        topk_weights: torch.Tensor,
        topk_ids: torch.Tensor,
        activation: Any,
        global_num_experts: int,
        expert_map: torch.Tensor | None,
        *rest: Any,
        **named: Any,
    ) -> None:
        """Writes `output` [tokens, hidden]; `topk_ids` and `topk_weights` are [tokens, experts per token]."""
        if expert_map is None:
            stock(
                self, output, hidden_states, w1, w2, topk_weights, topk_ids, activation,
                global_num_experts, None, *rest, **named,
            )  # fmt: skip
            return
        local_ids = expert_map[topk_ids.long()]
        tokens, choices = (local_ids >= 0).nonzero(as_tuple=True)
        output.zero_()
        if not tokens.numel():
            return
        inputs = hidden_states.index_select(0, tokens)
        part = torch.empty_like(inputs)
        weights = topk_weights[tokens, choices].unsqueeze(1).contiguous()
        ids = local_ids[tokens, choices].unsqueeze(1).to(topk_ids.dtype).contiguous()
        # Every token-expert pair is a separate row with one expert, so a token may appear twice.
        stock(self, part, inputs, w1, w2, weights, ids, activation, global_num_experts, None, *rest, **named)
        output.index_add_(0, tokens, part.to(output.dtype))

    apply.keeps_to_local_experts = True  # type: ignore[attr-defined]
    return apply


def all_gatherv(
    self: Any, input_: torch.Tensor | list[torch.Tensor], dim: int = 0, sizes: list[int] | None = None
) -> torch.Tensor | list[torch.Tensor]:
    """Rows of all ranks in rank order; `sizes` are their numbers of rows. vLLM uses dim 0 only."""
    if isinstance(input_, list):
        return [_gather_rows(self, tensor, sizes) for tensor in input_]
    return _gather_rows(self, input_, sizes)


def _gather_rows(communicator: Any, rows: torch.Tensor, sizes: list[int] | None) -> torch.Tensor:
    """Gather rows. gloo gathers equal shapes only, so shorter parts are padded and cut afterwards."""
    sizes = sizes or [rows.shape[0]] * communicator.world_size
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: rows.shape[0]] = rows
    parts = [torch.empty_like(padded) for _ in sizes]
    torch.distributed.all_gather(parts, padded, group=communicator.device_group)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def reduce_scatterv(self: Any, input_: torch.Tensor, dim: int = -1, sizes: list[int] | None = None) -> torch.Tensor:
    """The sum over all ranks, of which each rank keeps its own rows. vLLM uses dim 0 only."""
    total = input_.contiguous().clone()
    torch.distributed.all_reduce(total, group=self.device_group)
    sizes = sizes or [total.shape[0] // self.world_size] * self.world_size
    own_rows: torch.Tensor = torch.split(total, sizes)[self.rank_in_group]
    return own_rows.contiguous()
