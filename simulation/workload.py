"""A workload: requests with their lengths, as arrays in the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HASH_BLOCK_TOKENS = 512
"""Prompt tokens per hash of a Mooncake trace."""


@dataclass(frozen=True)
class Workload:
    """Requests in the order of arrival. All arrays have the same length."""

    arrival_s: Floats
    """Seconds since the start of the measured time, ascending; negative in a lead-in."""
    prompt_tokens: Ints
    """At least 1."""
    answer_tokens: Ints
    """At least 1."""
    hashes: Sequence[tuple[int, ...]] | None = None
    """Ids of each prompt's blocks of HASH_BLOCK_TOKENS tokens. Prompts with equal ids have equal text up to that block.
    None if the trace has no ids."""
    duration_s: float = 0.0
    """End of the measured time, in seconds."""

    def __len__(self) -> int:
        return len(self.arrival_s)

    def take(self, rows: NDArray[np.intp], arrival_s: Floats) -> Workload:
        """Selected requests with new arrival times, sorted by these."""
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
    """All requests of several loads with the same measured time. Different loads share no prefixes."""
    merged = Workload(
        np.concatenate([part.arrival_s for part in parts]),
        np.concatenate([part.prompt_tokens for part in parts]),
        np.concatenate([part.answer_tokens for part in parts]),
        _distinct_ids([part.hashes for part in parts]),
        parts[0].duration_s,
    )
    return merged.take(np.arange(len(merged)), merged.arrival_s)


def _distinct_ids(parts: Sequence[Sequence[tuple[int, ...]] | None]) -> list[tuple[int, ...]] | None:
    """The ids of all parts, changed so that no two parts share one; None if a part has no ids."""
    distinct: list[tuple[int, ...]] = []
    for number, part in enumerate(parts):
        if part is None:
            return None
        distinct += [tuple(each * len(parts) + number for each in ids) for ids in part]
    return distinct
