"""Parse a request's text once for all features: the query itself, its words, numbers and answer options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

READ_CHARS = 4_000
"""The features of a longer query come from its beginning and end, which bounds the time of a decision."""
MAX_NUMBER = 1e12
"""Larger numbers count as this one: they are identifiers, not quantities."""

# Every pattern reads any text in linear time, because a public endpoint also receives hostile text.
_TOKEN = re.compile(r"[^\W\d_]+|\d|[^\s\w]|_")
_NUMBER = re.compile(r"\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?")
_OPTION = re.compile(r"[ \t]*\(?[A-J][.):][ \t]*(?=\S)")
_SHOT = re.compile(r"[ \t#*]*(?:Q|Question|Problem|Input|User|Task|Example(?: \d{1,3})?)[ \t]*(?:[:.]|$)", re.I)


@dataclass(frozen=True)
class Reading:
    """The parts of one query from which features are counted."""

    text: str
    """The query without the worked examples before it, shortened in the middle to READ_CHARS."""
    stem: str
    """The text up to its answer options."""
    options: tuple[str, ...]
    """Answer options of a multiple-choice question."""
    tokens: tuple[str, ...]
    """Lower-case words, single digits and marks, in order."""
    counts: Mapping[str, int]
    """How often each token occurs."""
    words: tuple[str, ...]
    """The tokens that are words."""
    names: tuple[str, ...]
    """Words with a capital first letter and lower-case letters after it."""
    capitals: int
    """Number of words of two or more letters in capitals only."""
    numbers: tuple[float, ...]
    """Numbers, finite and at most MAX_NUMBER."""
    shots: int
    """Number of worked examples before the query."""


def read(text: str) -> Reading:
    """Parse any text, in linear time."""
    query, shots = _query_proper(text)
    excerpt = query if len(query) <= READ_CHARS else query[: READ_CHARS // 2] + "\n" + query[-READ_CHARS // 2 :]
    stem, options = _stem_and_options(excerpt)
    raw_tokens = _TOKEN.findall(excerpt)
    tokens = tuple([token.lower() for token in raw_tokens])
    capitalised = [token for token, lower in zip(raw_tokens, tokens, strict=True) if token != lower]
    return Reading(
        text=excerpt,
        stem=stem,
        options=options,
        tokens=tokens,
        counts=Counter(tokens),
        words=tuple([token for token in tokens if token.isalpha()]),
        names=tuple([token for token in capitalised if token.istitle()]),
        capitals=sum([token.isupper() and len(token) > 1 for token in capitalised]),
        numbers=tuple([min(float(match.replace(",", "")), MAX_NUMBER) for match in _NUMBER.findall(excerpt)]),
        shots=shots,
    )


def _query_proper(text: str) -> tuple[str, int]:
    """Return the text from the last of several example headings on, and the number of blocks before it."""
    lines = text.split("\n")
    headings = [place for place, line in enumerate(lines) if _SHOT.match(line)] if len(lines) > 2 else []
    if len(headings) < 2:
        return text, 0
    return "\n".join(lines[headings[-1] :]), len(headings) - 1


def _stem_and_options(text: str) -> tuple[str, tuple[str, ...]]:
    lines = text.split("\n")
    marks = [(place, match.end()) for place, line in enumerate(lines) if (match := _OPTION.match(line))]
    if len(marks) < 2:
        return text, ()
    return "\n".join(lines[: marks[0][0]]), tuple([lines[place][end:] for place, end in marks])
