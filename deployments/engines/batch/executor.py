"""The seam between a batch engine and the libraries that run its model: plans go in, a token for each row comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cluster.state import RankState
from deployments.engines.batch.batching import Plan, Sequence
from deployments.engines.batch.openai_body import Asked


@dataclass(frozen=True)
class LoadedModel:
    """What loading a model teaches the engine."""

    tokenizer: Any
    """A transformers tokenizer of the fast kind."""
    max_context_tokens: int
    eos_ids: frozenset[int]
    sampling_defaults: dict[str, Any]
    """From the model's generation_config.json."""


class Executor(Protocol):
    """Runs forward passes on all ranks. Called from one thread after `load`."""

    def load(self) -> LoadedModel:
        """Put the model on every rank. Raises whatever made it fail."""

    def step(self, plan: Plan, sequences: list[Sequence]) -> list[Any]:
        """Execute a plan on all ranks and choose a token (`transformers_sampling.Picked`) for each of its rows.

        Raises:
            Exception: a rank is gone; the executor is of no more use.
        """

    def sampler(self, asked: Asked, seed: int) -> Any:
        """What `step` needs to know to choose one row's tokens."""

    def ranks(self) -> tuple[RankState, ...]:
        """The processes that hold the model."""

    def stop(self) -> None:
        """End the other ranks."""
