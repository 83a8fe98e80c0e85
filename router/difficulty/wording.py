"""A request as the difficulty score sees it: hashed n-grams of its characters and words, and its lexical features.

Characters rather than words, because a text in a language without spaces, with typing errors or with endings that
training has not seen still shares most of its short runs of characters with training.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.difficulty.lexicon import NAMES as LEXICON_NAMES
from router.difficulty.lexicon import UNSPACED, Lexicon
from router.model.lexical import NAMES as LEXICAL_NAMES
from router.model.lexical import lexical
from router.model.members import Floats
from router.model.ngrams import Counts, character_hashes, counted, token_hashes
from router.model.reading import read
from router.types import RoutingRequest

READ_CHARS = 600
"""Characters read at the beginning and at the end of the task: enough to see what is asked, and it bounds the time."""
RUNS = (2, 3, 4)
"""Lengths of the runs of characters."""
FAMILIAR_RUN = 3
"""Length of the runs that tell whether training has seen texts like this one."""
VOCABULARY_BITS = 20
"""The runs of a few thousand prompts fill less than a tenth of 2**20 places."""
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
FEATURES = (*LEXICAL_NAMES, *LEXICON_NAMES, "wording")
"""Names of the features of the score's trees; the last one is what the n-grams say."""
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
_LETTER = rf"(?:[^\W{UNSPACED}]|[{_MARKS}])"
_WORD = re.compile(rf"[{UNSPACED}]+|{_LETTER}+(?:[-'+#]+{_LETTER}*)*")
"""A run of a script without spaces, or a word; `\\w` lacks the vowel signs that are part of words in many scripts."""
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Wording:
    """One request as the members of the score see it."""

    features: Floats
    """All FEATURES but the last one."""
    grams: Counts
    runs: NDArray[np.intp]
    """Each run of FAMILIAR_RUN characters, as its place in the vocabulary."""


def wording(request: RoutingRequest, lexicon: Lexicon) -> Wording:
    """Return the wording of any request, in bounded time."""
    text = _plain(request.text)
    spelled = _WORD.findall(text)
    words = token_hashes(spelled)
    pairs = words[:-1] * _SPREAD + words[1:]
    characters = {length: character_hashes(text, length) for length in RUNS}
    runs = (characters[FAMILIAR_RUN] * _SPREAD >> np.uint64(64 - VOCABULARY_BITS)).astype(np.intp)
    task = RoutingRequest(_ends(request.text))  # the text around the task does not make it harder
    features = np.concatenate((lexical(task, read(task.text)), lexicon.features(spelled)))
    return Wording(features, counted([*characters.values(), words, pairs]), runs)


def words_of(text: str) -> list[str]:
    """Return the words of a text as the lexicon has them."""
    return _WORD.findall(_plain(text))


def _ends(text: str) -> str:
    return text if len(text) <= 2 * READ_CHARS else f"{text[:READ_CHARS]}\n{text[-READ_CHARS:]}"


def _plain(text: str) -> str:
    """The text in one case and one form of each character; which digits a number has does not matter."""
    plain = unicodedata.normalize("NFKC", _ends(text)).lower()
    return f" {' '.join(_DIGIT.sub('0', plain).split())} "
