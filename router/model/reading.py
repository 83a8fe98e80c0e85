"""A request's text taken apart once, for all features: the query proper, its words, numbers and answer options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

READ_CHARS = 4_000
"""Longer queries are judged by their beginning and end, so that a decision's time is bounded."""
MAX_NUMBER = 1e12
"""Greater numbers are read as this one: identifiers, not quantities."""

# Every pattern reads any text in linear time: what is sent to a public endpoint is not always a query.
_TOKEN = re.compile(r"[^\W\d_]+|\d|[^\s\w]|_")
_NUMBER = re.compile(r"\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?")
_OPTION = re.compile(r"[ \t]*\(?[A-J][.):][ \t]*(?=\S)")
_SHOT = re.compile(r"[ \t#*]*(?:Q|Question|Problem|Input|User|Task|Example(?: \d{1,3})?)[ \t]*(?:[:.]|$)", re.I)


@dataclass(frozen=True)
class Reading:
    """What the features of one query are counted from."""

    text: str
    """The query proper: without worked examples before it, shortened in the middle to READ_CHARS."""
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
    """Words that were written with one capital at their beginning."""
    capitals: int
    """Words of several letters that were written in capitals only."""
    numbers: tuple[float, ...]
    """Numbers, finite and at most MAX_NUMBER."""
    shots: int
    """Worked examples that stood before the query."""


def read(text: str) -> Reading:
    """Take a text apart; any text, in linear time."""
    query, shots = _query_proper(text)
    shown = query if len(query) <= READ_CHARS else query[: READ_CHARS // 2] + "\n" + query[-READ_CHARS // 2 :]
    stem, options = _stem_and_options(shown)
    written = _TOKEN.findall(shown)
    tokens = tuple([token.lower() for token in written])
    capitalised = [token for token, lower in zip(written, tokens, strict=True) if token != lower]
    return Reading(
        text=shown,
        stem=stem,
        options=options,
        tokens=tokens,
        counts=Counter(tokens),
        words=tuple([token for token in tokens if token.isalpha()]),
        names=tuple([token for token in capitalised if token.istitle()]),
        capitals=sum([token.isupper() and len(token) > 1 for token in capitalised]),
        numbers=tuple([min(float(match.replace(",", "")), MAX_NUMBER) for match in _NUMBER.findall(shown)]),
        shots=shots,
    )


def _query_proper(text: str) -> tuple[str, int]:
    """The text from the last of several like headings on, and how many blocks came before it."""
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
