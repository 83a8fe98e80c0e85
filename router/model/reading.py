"""Parse a request's text once for all features: the query itself, its words, numbers and answer options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

READ_CHARS = 4_000
"""The features of a longer query come from its beginning and end, which bounds the time of a decision."""
MAX_NUMBER = 1e12
"""Larger numbers count as this one: they are identifiers, not quantities."""

# Every pattern reads any text in linear time, because a public endpoint also receives hostile text.
_TOKEN = re.compile(r"[^\W\d_]+|\d|[^\s\w]|_")
_NUMBER = re.compile(r"\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?")
_OPTION = re.compile(r"[ \t]*\(?[A-J][.):][ \t]*(?=\S)")
_SHOT = re.compile(
    r"[ \t#*]*(Q|Question|Problem|Input|User|Task|Example)(?:(?<=ple) \d{1,3})?[ \t]*(?:[:.]|$)(.*)", re.I
)
_ANSWER = re.compile(
    r"[ \t#*]*(?:A[ \t]*:|(?:Answer|Output|Solution|Response|Assistant|Label)[ \t]*(?:[:.]|$))[ \t*]*", re.I
)
_OPEN_ANSWER = re.compile(r"\W*(?:let.?s (?:think|solve|work)\b.{0,60}|the answer is)?\W*", re.I)


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
    """Return the query without the worked examples before it, and their number.

    Worked examples repeat a heading, with an answer in each block but the last. Headings that occur once are parts of
    the query. If the last block has its answer too, the examples illustrate a query that is elsewhere.
    """
    lines = text.split("\n")
    headings = [(place, match[1].lower()) for place, line in enumerate(lines) if (match := _SHOT.match(line))]
    counts = Counter(kind for _, kind in headings)
    repeated = next((kind for _, kind in reversed(headings) if counts[kind] > 1), None)
    shots = [place for place, kind in headings if kind == repeated]
    if repeated is None or len(lines) < 3 or not _are_examples(lines, shots):
        return text, 0
    single = [place for place, kind in headings if counts[kind] == 1 and place < shots[-1]]
    if any(place > shots[0] for place in single):
        return text, 0
    stated = lines[single[0] : shots[0]] if single else []
    return "\n".join((*stated, *lines[shots[-1] :])), len(shots) - 1


def _are_examples(lines: Sequence[str], shots: Sequence[int]) -> bool:
    """Whether the blocks before the last one are answered and the last one is not.

    Without headings of answers, the blocks are examples if their headings are "Example" or on separate lines, and
    if nothing before them could be the query.
    """
    first, last = lines[shots[0] : shots[1]], lines[shots[-1] :]
    if any(_ANSWER.match(line) for line in first):
        return not _is_answered(last)
    headings = [match for place in shots if (match := _SHOT.match(lines[place]))]
    headed = all(match[1].lower() == "example" or not match[2].strip() for match in headings)
    return headed and not any(line.strip() for line in lines[: shots[0]])


def _is_answered(block: Sequence[str]) -> bool:
    places = [place for place, line in enumerate(block) if _ANSWER.match(line)]
    if not places:
        return False
    written = "\n".join((_ANSWER.sub("", block[places[-1]], count=1), *block[places[-1] + 1 :]))
    return _OPEN_ANSWER.fullmatch(written) is None


def _stem_and_options(text: str) -> tuple[str, tuple[str, ...]]:
    lines = text.split("\n")
    marks = [(place, match.end()) for place, line in enumerate(lines) if (match := _OPTION.match(line))]
    if len(marks) < 2:
        return text, ()
    return "\n".join(lines[: marks[0][0]]), tuple([lines[place][end:] for place, end in marks])
