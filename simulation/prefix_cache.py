"""Which prompt blocks a replica still holds from earlier requests."""

from __future__ import annotations

from collections.abc import Sequence

from simulation.workload import HASH_BLOCK_TOKENS


class PrefixCache:
    """Least recently used blocks go first. The blocks of running requests are the newest, so they stay."""

    def __init__(self, capacity_tokens: int) -> None:
        self._most = capacity_tokens // HASH_BLOCK_TOKENS
        self._blocks: dict[int, None] = {}

    def hit_tokens(self, hashes: Sequence[int]) -> int:
        """Tokens at the beginning of a prompt that need not be computed again."""
        hits = 0
        for block in hashes:
            if block not in self._blocks:
                break
            hits += 1
        return hits * HASH_BLOCK_TOKENS

    def keep(self, hashes: Sequence[int]) -> None:
        """Take in a prompt's blocks as the newest ones."""
        blocks = self._blocks
        # The end of a prompt is of use only with its beginning: the beginning is the newer one.
        for block in reversed(hashes):
            blocks.pop(block, None)
            blocks[block] = None
        while len(blocks) > self._most:
            del blocks[next(iter(blocks))]
