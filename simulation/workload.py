"""What arrives: requests with their lengths, as arrays in the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HASH_BLOCK_TOKENS = 512
"""Prompt tokens that one hash of a Mooncake trace stands for."""


@dataclass(frozen=True)
class Workload:
    """Requests in the order of arrival; arrays of one length."""

    arrival_s: Floats
    """Seconds since the start of what is measured; negative in a lead-in. Never falling."""
    prompt_tokens: Ints
    """At least 1."""
    answer_tokens: Ints
    """At least 1."""
    hashes: Sequence[tuple[int, ...]] | None = None
    """For each request, ids of its prompt's blocks of HASH_BLOCK_TOKENS tokens: equal ids, equal text up to there.
    None where the trace says nothing of that."""
    duration_s: float = 0.0
    """End of what is measured."""

    def __len__(self) -> int:
        return len(self.arrival_s)

    def take(self, rows: NDArray[np.intp], arrival_s: Floats) -> Workload:
        """Some requests, at times of their own, in the order of these."""
        order = np.argsort(arrival_s, kind="stable")
        rows = rows[order]
        return replace(
            self,
            arrival_s=arrival_s[order],
            prompt_tokens=self.prompt_tokens[rows],
            answer_tokens=self.answer_tokens[rows],
            hashes=None if self.hashes is None else [self.hashes[row] for row in rows.tolist()],
        )


def merge(parts: Sequence[Workload]) -> Workload:
    """All requests of some loads that are measured for the same time. The loads share no prefixes with each other."""
    together = Workload(
        np.concatenate([part.arrival_s for part in parts]),
        np.concatenate([part.prompt_tokens for part in parts]),
        np.concatenate([part.answer_tokens for part in parts]),
        _apart([part.hashes for part in parts]),
        parts[0].duration_s,
    )
    return together.take(np.arange(len(together)), together.arrival_s)


def _apart(parts: Sequence[Sequence[tuple[int, ...]] | None]) -> list[tuple[int, ...]] | None:
    """Ids of all parts, those of no two parts alike."""
    made: list[tuple[int, ...]] = []
    for number, part in enumerate(parts):
        if part is None:
            return None
        made += [tuple(each * len(parts) + number for each in ids) for ids in part]
    return made
