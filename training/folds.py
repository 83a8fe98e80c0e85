"""Training rows and test rows. No question is ever in both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.labels import normalised

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """One split; rows are indexes into the sequences that were split."""

    train: Rows
    test: Rows


def question_folds(texts: Sequence[str], folds: int, seed: int = 0) -> list[Fold]:
    """Random folds of questions. A question's fold depends only on its text and the seed, not on its file."""
    keys = np.array([_lot(normalised(text), seed) % folds for text in texts])
    return [Fold(np.flatnonzero(keys != fold), np.flatnonzero(keys == fold)) for fold in range(folds) if fold in keys]


def named_folds(names: Sequence[str], texts: Sequence[str]) -> list[Fold]:
    """A fold for each name (a subject, a dataset): it is tested, and the other names' different questions train."""
    questions = [normalised(text) for text in texts]
    folds = []
    for name in dict.fromkeys(names):
        inside = np.array([other == name for other in names])
        tested = {question for question, is_inside in zip(questions, inside, strict=True) if is_inside}
        unseen = np.array([question not in tested for question in questions])
        folds.append(Fold(np.flatnonzero(~inside & unseen), np.flatnonzero(inside)))
    return folds


def some_labels(rows: Rows, count: int | None, seed: int = 0) -> Rows:
    """At most `count` of the rows, drawn at random, in their original order."""
    if count is None or count >= len(rows):
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def _lot(text: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode(errors="surrogatepass")).digest()[:8], "big")
