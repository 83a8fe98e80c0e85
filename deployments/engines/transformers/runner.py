"""Runs forward passes of a transformers model over batches whose rows change. Every rank has a runner that executes the
same plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from deployments.engines.batch.batching import Plan


@dataclass
class Batch:
    """Rows that run together, padded on the left to a common width."""

    rows: list[int]
    mask: Tensor
    """[rows, width]: 1 for tokens, 0 for padding."""
    cache: DynamicCache


class Runner:
    """Executes plans on this rank.

    With `copies` > 1, data-parallel ranks share the rows (`row % copies == copy`) and `gather` joins their logits.
    """

    def __init__(
        self,
        model: Any,
        device: torch.device,
        copy: int = 0,
        copies: int = 1,
        gather: Callable[[Tensor, int], list[Tensor]] | None = None,
    ) -> None:
        self.model, self.device = model, device
        self.copy, self.copies, self.gather = copy, copies, gather
        self.batches: dict[int, Batch] = {}

    @torch.inference_mode()
    def execute(self, plan: Plan) -> Tensor:
        """Execute a plan. Returns logits [rows, vocabulary] of the last position, in the order of `plan.rows`."""
        if plan.drop:
            self._drop(set(plan.drop))
        if plan.prefill:
            logits = self._prefill(plan.bucket, [each for each in plan.prefill if self._is_mine(each[0])])
        elif plan.decode:
            logits = self._decode(plan.bucket, [each for each in plan.decode if self._is_mine(each[0])])
        else:
            return torch.empty(0)
        return logits if self.copies == 1 else self._joined(logits, plan.rows)

    def _is_mine(self, row: int) -> bool:
        return row % self.copies == self.copy

    def _prefill(self, bucket: int, new: list[tuple[int, tuple[int, ...]]]) -> Tensor:
        if not new:
            return self._idle_pass()
        width = max(len(tokens) for _, tokens in new)
        ids = torch.tensor([[0] * (width - len(tokens)) + list(tokens) for _, tokens in new], device=self.device)
        mask = torch.tensor([[0] * (width - len(tokens)) + [1] * len(tokens) for _, tokens in new], device=self.device)
        batch = Batch([row for row, _ in new], mask, DynamicCache())
        logits = self._forward(batch, ids, (mask.cumsum(1) - 1).clamp(min=0))
        running = self.batches.get(bucket)
        self.batches[bucket] = _joined_batches(running, batch) if running else batch
        return logits

    def _decode(self, bucket: int, newest: list[tuple[int, int]]) -> Tensor:
        if not newest:
            return self._idle_pass()
        batch, token_of = self.batches[bucket], dict(newest)
        ids = torch.tensor([[token_of[row]] for row in batch.rows], device=self.device)
        batch.mask = F.pad(batch.mask, (0, 1), value=1)
        logits = self._forward(batch, ids, batch.mask.sum(1, keepdim=True) - 1)
        place = {row: index for index, row in enumerate(batch.rows)}
        return logits[[place[row] for row, _ in newest]]

    def _forward(self, batch: Batch, ids: Tensor, positions: Tensor) -> Tensor:
        logits: Tensor = self.model(
            input_ids=ids,
            attention_mask=batch.mask,
            position_ids=positions,
            past_key_values=batch.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1].float()

    def _idle_pass(self) -> Tensor:
        """Run a dummy pass if this copy has no rows, because the other copies wait for it in collectives."""
        ids = torch.zeros(1, 1, dtype=torch.long, device=self.device)
        logits: Tensor = self.model(input_ids=ids, use_cache=False).logits
        return logits[:0, -1].float()

    def _joined(self, logits: Tensor, rows: tuple[int, ...]) -> Tensor:
        """Logits of all copies in the order of the plan's rows on the first rank; empty on other ranks."""
        assert self.gather is not None
        counts = [sum(row % self.copies == copy for row in rows) for copy in range(self.copies)]
        parts = self.gather(F.pad(logits, (0, 0, 0, max(counts) - len(logits))), self.copies)
        next_index = [0] * self.copies
        ordered = []
        for row in rows if parts else ():
            copy = row % self.copies
            ordered.append(parts[copy][next_index[copy]])
            next_index[copy] += 1
        return torch.stack(ordered) if ordered else torch.empty(0)

    def _drop(self, dropped: set[int]) -> None:
        for number, batch in list(self.batches.items()):
            kept = [index for index, row in enumerate(batch.rows) if row not in dropped]
            if not kept:
                del self.batches[number]
            elif len(kept) < len(batch.rows):
                self.batches[number] = _kept(batch, kept)


def _kept(batch: Batch, indices: list[int]) -> Batch:
    """Selected rows of a batch, without columns that contain only padding."""
    mask = batch.mask[indices]
    first = int(mask.any(0).int().argmax())
    layers = [(keys[indices, :, first:], values[indices, :, first:]) for keys, values in _layers(batch)]
    return Batch([batch.rows[index] for index in indices], mask[:, first:], DynamicCache(layers))


def _joined_batches(a: Batch, b: Batch) -> Batch:
    """The rows of both batches, with the narrower one padded on the left."""
    width = max(a.mask.shape[1], b.mask.shape[1])
    mask = torch.cat([F.pad(each.mask, (width - each.mask.shape[1], 0)) for each in (a, b)])
    layers = [
        (torch.cat(_padded(keys, width)), torch.cat(_padded(values, width)))
        for keys, values in (zip(*pair, strict=True) for pair in zip(_layers(a), _layers(b), strict=True))
    ]
    return Batch(a.rows + b.rows, mask, DynamicCache(layers))


def _padded(tensors: tuple[Tensor, ...], width: int) -> list[Tensor]:
    """Keys or values [rows, heads, tokens, head size] padded to a number of tokens."""
    return [F.pad(each, (0, 0, width - each.shape[2], 0)) for each in tensors]


def _layers(batch: Batch) -> list[tuple[Tensor, Tensor]]:
    layers: list[Any] = batch.cache.layers
    return [(layer.keys, layer.values) for layer in layers]
