"""Hashed n-grams of words or characters: a query as a sparse vector with a fixed number of buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS = 15
BUCKETS = 1 << BUCKET_BITS
"""Enough that collisions cost little; the weights take 64 kB per tier in half precision."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_LAST = np.ones(1, dtype=bool)
_BEFORE = np.full(1, -1, dtype=np.intp)


@dataclass(frozen=True)
class Counts:
    """The buckets of a text in ascending order, with the count of each."""

    buckets: NDArray[np.intp]
    counts: NDArray[np.float64]

    def weighted(self, idf: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sublinear tf-idf of the buckets, scaled to length 1 (Salton and Buckley 1988)."""
        values = (1.0 + np.log(self.counts)) * idf[self.buckets]
        length = float(np.sqrt(values @ values))
        scaled: NDArray[np.float64] = values / length if length else values
        return scaled


def token_hashes(tokens: Sequence[str]) -> NDArray[np.uint64]:
    """Return a 32-bit hash of each token, the same in every process."""
    return np.array([_hash(token) for token in tokens], dtype=np.uint64)


@lru_cache(maxsize=1 << 14)
def _hash(token: str) -> int:
    return crc32(token.encode("utf-8", "surrogatepass"))


def word_ngrams(hashes: NDArray[np.uint64]) -> Counts:
    """Return the counts of single tokens and of pairs of neighbours, from the tokens' hashes."""
    pairs = hashes[:-1] * _BASE + hashes[1:]  # unsigned overflow wraps around, as a hash needs
    return _counts(np.concatenate((hashes, pairs)))


def character_hashes(text: str, length: int) -> NDArray[np.uint64]:
    """Return the hash of every run of `length` characters, shape (len(text) - length + 1,); empty for shorter texts."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    runs = max(0, len(points) - length + 1)
    hashes = np.full(runs, length, dtype=np.uint64)
    for place in range(length):
        hashes = hashes * _BASE + points[place : place + runs]
    return hashes


def counted(hashes: Sequence[NDArray[np.uint64]]) -> Counts:
    """Return the counts of several kinds of n-grams together."""
    return _counts(np.concatenate(hashes))


def _counts(keys: NDArray[np.uint64]) -> Counts:
    # The upper bits of a product with an odd constant are well mixed; 16-bit integers are sorted by radix.
    buckets = np.sort((keys * _SPREAD >> np.uint64(64 - BUCKET_BITS)).astype(np.uint16), kind="stable")
    ends = np.flatnonzero(np.concatenate((buckets[1:] != buckets[:-1], _LAST[: len(buckets)])))
    counts = ends - np.concatenate((_BEFORE[: len(buckets)], ends[:-1]))
    return Counts(buckets[ends].astype(np.intp), counts.astype(np.float64))
