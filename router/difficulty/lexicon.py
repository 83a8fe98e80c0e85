"""Words that show how hard a request is, in many languages: each with the difficulty of requests that centre on it.

A few thousand labelled prompts hold few of the words that a stranger uses. A lexicon holds what a person knows about
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from router.model.members import Floats

HARDEST = 9
"""Difficulties in the lexicon are digits 0..9."""
SHORTEST_STEM = 3
"""Least letters of a stem."""
PHRASE_WORDS = 3
UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f"
"""Ranges of Japanese, Chinese and Thai characters, which are written without spaces."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
UNSPACED_CHARS = 6
"""Most characters of a term in a script without spaces."""

PARTS = {"first words": slice(0, 12), "last words": slice(-12, None), "beginning": slice(0, 30)}
"""Where a request usually says what is to be done, in words."""
NAMES = (
    "terms", "easy terms", "hard terms", "mean of the hardest three", "first term", "last term",
    *(f"{which} of {part}" for part in ("all", *PARTS) for which in ("hardest", "easiest", "mean")),
)  # fmt: skip
"""Names of the features, in the order of `Lexicon.features`."""
EASY, HARD = 2, 6
"""Digits up to which, and from which, a term is called easy and hard."""
UNKNOWN = 3.0
"""Digit of a request without a known term."""


@dataclass(frozen=True)
class Lexicon:
    """Terms with their digits."""

    terms: Mapping[str, float]
    """Words, phrases with spaces between words, and terms of scripts without spaces."""
    stems: Mapping[str, float]
    """Beginnings of words."""
    openers: frozenset[str]
    """First words of phrases."""
    lengths: Mapping[str, tuple[int, ...]]
    """Lengths of the stems that begin with the same SHORTEST_STEM letters, longest first."""

    def digits(self, words: Sequence[str]) -> list[float]:
        """Return the digit of each term among lower-case words, in order, the longest term first where several begin.

        A word is in at most one term.
        """
        return [digit for found in self._by_word(words) for digit in found]

    def features(self, words: Sequence[str]) -> Floats:
        """Return the values of NAMES for lower-case words; every value is finite."""
        by_word = self._by_word(words)
        digits = [digit for found in by_word for digit in found]
        counts = [len(digits), sum([each <= EASY for each in digits]), sum([each >= HARD for each in digits])]
        top = sorted(digits)[-3:]
        ends = [sum(top) / len(top), digits[0], digits[-1]] if digits else [UNKNOWN] * 3
        parts = [digits, *([digit for found in by_word[part] for digit in found] for part in PARTS.values())]
        return np.array([*np.log1p(counts), *ends, *(value for part in parts for value in _range(part))])

    def _by_word(self, words: Sequence[str]) -> list[list[float]]:
        """The digits of the terms that begin at each word."""
        found: list[list[float]] = []
        while len(found) < len(words):
            taken, digits = self._at(words, len(found))
            found += [digits, *([] for _ in range(taken - 1))]
        return found

    def _at(self, words: Sequence[str], place: int) -> tuple[int, list[float]]:
        """How many words the term at a place takes, and its digits; one word without digits if there is no term."""
        word = words[place]
        if word in self.openers:
            for length in range(min(PHRASE_WORDS, len(words) - place), 1, -1):
                if (digit := self.terms.get(" ".join(words[place : place + length]))) is not None:
                    return length, [digit]
        if (digit := self.terms.get(word)) is not None:
            return 1, [digit]
        if _UNSPACED.match(word):
            return 1, self._unspaced(word)
        for length in self.lengths.get(word[:SHORTEST_STEM], ()):
            if (digit := self.stems.get(word[:length])) is not None:
                return 1, [digit]
        return 1, []

    def _unspaced(self, text: str) -> list[float]:
        found: list[float] = []
        place = 0
        while place < len(text):
            for length in range(min(UNSPACED_CHARS, len(text) - place), 1, -1):
                if (digit := self.terms.get(text[place : place + length])) is not None:
                    found.append(digit)
                    place += length
                    break
            else:
                place += 1
        return found


def _range(digits: Sequence[float]) -> tuple[float, float, float]:
    """The largest, the least and the mean digit."""
    return (max(digits), min(digits), sum(digits) / len(digits)) if digits else (UNKNOWN, UNKNOWN, UNKNOWN)


def parse_lexicon(lines: Iterable[str]) -> Lexicon:
    """Return the lexicon of lines `term<TAB>digit`; a stem ends with `*`, words of a phrase are joined by `_`.

    A term of several languages has their mean.

    Raises:
        ValueError: a line has no digit, or a stem is too short.
    """
    read: dict[str, list[float]] = {}
    for line in lines:
        term, _, digit = line.rpartition("\t")
        read.setdefault(term, []).append(float(digit))
    means = {term: sum(digits) / len(digits) for term, digits in read.items()}
    stems = {term[:-1]: digit for term, digit in means.items() if term.endswith("*")}
    if short := [stem for stem in stems if len(stem) < SHORTEST_STEM]:
        raise ValueError(f"stem {short[0]}* has fewer than {SHORTEST_STEM} letters")
    terms = {term.replace("_", " "): digit for term, digit in means.items() if not term.endswith("*")}
    lengths: dict[str, set[int]] = {}
    for stem in stems:
        lengths.setdefault(stem[:SHORTEST_STEM], set()).add(len(stem))
    return Lexicon(
        terms,
        stems,
        openers=frozenset(term.partition(" ")[0] for term in terms if " " in term),
        lengths={first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()},
    )


def lexicon_lines(lexicon: Lexicon) -> list[str]:
    """Return the lines from which `parse_lexicon` makes this lexicon."""
    stems = [f"{stem}*\t{digit:g}" for stem, digit in lexicon.stems.items()]
    return [*(f"{term.replace(' ', '_')}\t{digit:g}" for term, digit in lexicon.terms.items()), *stems]
