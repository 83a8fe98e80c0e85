"""Chooses tokens from logits with transformers' processors. Only rank 0 samples and sends the tokens to other ranks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence as Sized
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from deployments.engines.batch.batching import Plan, Sequence
from deployments.engines.batch.openai_body import GenerationParameters, Sampling

GREEDY_BELOW = 1e-5
"""Temperatures below this mean greedy decoding, as in vLLM."""


@dataclass(frozen=True)
class Picked:
    """A chosen token and, on request, log-probabilities of the model's distribution before penalties."""

    token_id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class RowSampler:
    """Sampling parameters of one row as logits processors, with its random generator."""

    def __init__(self, sampling: Sampling, seed: int) -> None:
        self.sampling = sampling
        self.is_greedy = sampling.temperature < GREEDY_BELOW
        self.is_plain = self.is_greedy and sampling.changes_nothing
        self.generator = torch.Generator().manual_seed(seed)
        self.penalty = LogitsProcessorList()
        if sampling.repetition_penalty != 1:
            self.penalty.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
        self.warpers = LogitsProcessorList()
        if not self.is_greedy:
            self.warpers.append(TemperatureLogitsWarper(sampling.temperature))
            if sampling.top_k > 0:
                self.warpers.append(TopKLogitsWarper(sampling.top_k))
            if sampling.top_p < 1:
                self.warpers.append(TopPLogitsWarper(sampling.top_p))
            if sampling.min_p > 0:
                self.warpers.append(MinPLogitsWarper(sampling.min_p))

    def choose(self, logits: Tensor, sequence: Sequence) -> int:
        """Choose a token from the logits [vocabulary] of a row."""
        scores: Any = self._penalised(logits.clone(), sequence)[None]
        ids: Any = torch.tensor([sequence.token_ids], device=scores.device)
        scores = self.warpers(ids, self.penalty(ids, scores))
        scores = scores.nan_to_num(nan=-torch.inf)
        if not scores.isfinite().any():  # biases and penalties exclude all tokens: use the model's choice
            return int(logits.argmax())
        if self.is_greedy:
            return int(scores.argmax())
        return int(torch.multinomial(scores.softmax(-1).cpu(), 1, generator=self.generator))

    def _penalised(self, logits: Tensor, sequence: Sequence) -> Tensor:
        """Apply OpenAI's presence and frequency penalties and biases, and prevent an end before `min_tokens`."""
        sampling = self.sampling
        if sequence.generated and (sampling.presence_penalty or sampling.frequency_penalty):
            seen, counts = torch.unique(torch.tensor(sequence.generated, device=logits.device), return_counts=True)
            logits[seen] -= sampling.presence_penalty + sampling.frequency_penalty * counts
        for token_id, bias in sampling.logit_bias.items():
            logits[token_id] += bias
        if len(sequence.generated) < sampling.min_tokens:
            logits[list(sequence.eos_ids)] = -torch.inf
        return logits


class SamplingExecutor(ABC):
    """Common part of executors with transformers models. They implement `forward`; this class chooses tokens."""

    @abstractmethod
    def forward(self, plan: Plan) -> Tensor:
        """Execute a plan on all ranks. Returns logits [rows, vocabulary] in the order of its rows."""

    def step(self, plan: Plan, sequences: list[Sequence]) -> list[Picked]:
        """See `deployments.engines.batch.executor.Executor`."""
        logits = self.forward(plan)
        return sample(logits, sequences) if sequences else []

    def sampler(self, parameters: GenerationParameters, seed: int) -> RowSampler:
        """See `deployments.engines.batch.executor.Executor`."""
        return RowSampler(parameters, seed)


def sample(logits: Tensor, sequences: Sized[Sequence]) -> list[Picked]:
    """Choose a token for each row of logits [rows, vocabulary]. Plain greedy rows use one common operation."""
    greedy_ids = logits.argmax(-1).tolist()
    picked = []
    for row, (sequence, token_id) in enumerate(zip(sequences, greedy_ids, strict=True)):
        sampler: RowSampler = sequence.sampler
        chosen = token_id if sampler.is_plain else sampler.choose(logits[row], sequence)
        picked.append(_with_logprobs(chosen, logits[row], sampler.sampling.logprobs))
    return picked


def _with_logprobs(token_id: int, logits: Tensor, count: int | None) -> Picked:
    if count is None:
        return Picked(token_id)
    logprobs = logits.log_softmax(-1)
    top = logprobs.topk(count)
    pairs = tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
    return Picked(token_id, float(logprobs[token_id]), pairs)
