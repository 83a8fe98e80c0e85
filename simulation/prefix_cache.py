"""The prompt blocks that a replica has cached from earlier requests."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.workload import HASH_BLOCK_TOKENS


class PrefixCache:
    """An LRU cache of blocks. The blocks of running requests are the most recent, so they stay."""

    def __init__(self, capacity_tokens: int) -> None:
        self._capacity = capacity_tokens // HASH_BLOCK_TOKENS
        self._blocks: dict[int, None] = {}

    def hit_tokens(self, hashes: Sequence[int]) -> int:
        """Tokens at the start of a prompt that are cached."""
        hits = 0
        for block in hashes:
            if block not in self._blocks:
                break
            hits += 1
        return hits * HASH_BLOCK_TOKENS

    def keep(self, hashes: Sequence[int]) -> None:
        """Store a prompt's blocks as the most recent ones."""
        blocks = self._blocks
        # A prompt's end is useful only together with its start, so the start becomes more recent.
        for block in reversed(hashes):
            blocks.pop(block, None)
            blocks[block] = None
        while len(blocks) > self._capacity:
            del blocks[next(iter(blocks))]
