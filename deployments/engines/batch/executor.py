"""The interface between a batch engine and the libraries that run its model: plans in, one token per row out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cluster.state import RankState
from deployments.engines.batch.batching import Plan, Sequence
from deployments.engines.batch.openai_body import GenerationParameters


@dataclass(frozen=True)
class LoadedModel:
    """Facts about a loaded model that the engine needs."""

    tokenizer: Any
    """A fast transformers tokenizer."""
    max_context_tokens: int
    eos_ids: frozenset[int]
    sampling_defaults: dict[str, Any]
    """From the model's generation_config.json."""


class Executor(Protocol):
    """Runs forward passes on all ranks. After `load`, one thread calls it."""

    def load(self) -> LoadedModel:
        """Load the model on every rank. It raises the error that made loading fail."""

    def step(self, plan: Plan, sequences: list[Sequence]) -> list[Any]:
        """Execute a plan on all ranks and choose a token (`transformers_sampling.Picked`) for each of its rows.

        Raises:
            Exception: a rank is dead; the executor must not be used again.
        """

    def sampler(self, parameters: GenerationParameters, seed: int) -> Any:
        """The sampler with which `step` chooses one row's tokens."""

    def ranks(self) -> tuple[RankState, ...]:
        """The processes that hold the model."""

    def stop(self) -> None:
        """Stop the other ranks."""
