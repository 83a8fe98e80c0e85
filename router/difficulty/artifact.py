"""The difficulty score as a file: arrays and a card (numpy's .npz, no pickle), checked on reading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from router.difficulty.lexicon import Lexicon, lexicon_lines, parse_lexicon
from router.difficulty.score import DifficultyScore
from router.difficulty.wording import FEATURES, VOCABULARY_BITS
from router.model.arrays import ArtifactError, CheckedArrays, member_arrays, packed, unpacked

FORMAT = "difficulty-1"
"""Version of the layout; a file with another version is rejected."""


def dump_score(score: DifficultyScore) -> bytes:
    """Return the score as a file's content."""
    arrays = member_arrays("grams", score.grams) | member_arrays("trees", score.trees)
    arrays |= {"line": score.line, "spread": np.array([score.spread])}
    arrays |= {"sample": score.sample.astype(np.float32), "vocabulary": score.vocabulary}
    arrays["lexicon"] = np.frombuffer("\n".join(lexicon_lines(score.lexicon)).encode(), dtype=np.uint8)
    return packed({"format": FORMAT, "features": list(FEATURES), "card": dict(score.card)}, arrays)


def load_score(data: bytes) -> DifficultyScore:
    """Return the score in a file's content.

    Raises:
        ArtifactError: the file is truncated, of another version, for other features, or not an artifact at all.
    """
    arrays = CheckedArrays(unpacked(data))
    head = arrays.head((FORMAT,), FEATURES)
    return DifficultyScore(
        grams=arrays.hashed("grams", 1),
        trees=arrays.trees("trees", 1, len(FEATURES)),
        line=arrays.floats("line", 2),
        spread=float(arrays.floats("spread", 1)[0]),
        lexicon=_lexicon(arrays.take("lexicon", np.uint8, (None,))),
        vocabulary=arrays.take("vocabulary", np.uint8, ((1 << VOCABULARY_BITS) // 8,)),
        sample=arrays.floats("sample", None, 3),
        card=head["card"],
    )


def _lexicon(content: NDArray[np.uint8]) -> Lexicon:
    try:
        return parse_lexicon(content.tobytes().decode().splitlines())
    except ValueError as error:
        raise ArtifactError("has no readable lexicon: train it again") from error
