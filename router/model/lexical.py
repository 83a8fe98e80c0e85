"""Lexical and structural features of a request: named counts that show the kind of task and how much work it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from router.model.reading import Reading, read
from router.types import RoutingRequest

Features = dict[str, float]

_DIGIT = re.compile(r"\d")
_ENDS = (". ", ".\n", "? ", "?\n", "! ", "!\n", "。", "！", "？")
_MARKS = "?$%\\=^(\"_,:;/'-+*<{"

WORD_GROUPS = {
    "each, every, per": "each every per",
    "more, less, than": "more less fewer than",
    "twice, half": "twice half third quarter double triple times",
    "if, then": "if then",
    "left, remaining": "left remaining remain",
    "many, much": "many much",
    "first, next, last": "after before first last next",
    "money": "cost costs price sell sells earn pays profit money dollars cents spent",
    "time": "day days week weeks month months year years hour hours minutes",
    "and": "and",
    "of": "of",
    "not, except": "not except never",
    "why, how": "why how explain compare prove",
}
"""Words that ask for steps, counted by group. Words that reveal a subject are left out on purpose, because they mislead
on subjects that training has not seen (docs/routing.md)."""
NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand dozen half "
    "twice double triple quarter".split()
)
_GROUP_OF = {word: index for index, words in enumerate(WORD_GROUPS.values()) for word in words.split()}
_LOGS = tuple(math.log1p(count) for count in range(100))


def lexical(request: RoutingRequest, reading: Reading) -> list[float]:
    """Return the values of NAMES in order; every value is finite."""
    words = [0.0] * len(WORD_GROUPS)
    for token, count in reading.counts.items():
        if (index := _GROUP_OF.get(token)) is not None:
            words[index] += count
    marks = [_LOGS[min(reading.counts.get(mark, 0), 99)] for mark in _MARKS]
    return [*_measures(request, reading).values(), *marks, *words]


def _measures(request: RoutingRequest, reading: Reading) -> Features:
    """Return the features that are not counts of one token, always with the same names in the same order."""
    return (
        _lengths(reading)
        | _options(reading)
        | _numbers(reading)
        | _last_question(reading)
        | _conversation(request, reading)
    )


def _lengths(reading: Reading) -> Features:
    words = reading.words
    count = len(words) or 1
    sentences = _sentences(reading.stem)
    lengths = [len(word) for word in words]
    characters = len(reading.text)
    return {
        "characters": math.log1p(characters),
        "stem characters": math.log1p(len(reading.stem)),
        "words": math.log1p(len(words)),
        "distinct words": len(set(words)) / count,
        "word length": _mean(lengths),
        "long words": sum([length > 8 for length in lengths]) / count,
        "longest word": float(min(max(lengths, default=0), 30)),
        "lines": _LOGS[min(reading.text.count("\n"), 99)],
        "sentences": float(sentences),
        "words per sentence": len(words) / sentences,
        "capitalised": len(reading.names) / count,
        "names": float(len(set(reading.names))),
        "upper-case words": float(reading.capitals),
        "bytes beyond ASCII": 1 - characters / (len(reading.text.encode("utf-8", "surrogatepass")) or 1),
    }


def _sentences(text: str) -> int:
    """Return the number of sentences, at least one: the last one ends with the text."""
    before = text.rstrip()
    return 1 + sum([before.count(end) for end in _ENDS])


def _options(reading: Reading) -> Features:
    options = reading.options
    lengths = [float(len(option)) for option in options]
    stem_words = set(reading.stem.lower().split())
    option_words = [word for option in options for word in option.lower().split()]
    return {
        "options": float(len(options)),
        "option length": math.log1p(_mean(lengths)),
        "option length spread": _spread(lengths) / (_mean(lengths) or 1),
        "longest option": math.log1p(max(lengths, default=0.0)),
        "shortest option": math.log1p(min(lengths, default=0.0)),
        "numeric options": sum([_DIGIT.search(option) is not None for option in options]) / (len(options) or 1),
        "options repeat the stem": sum([word in stem_words for word in option_words]) / (len(option_words) or 1),
    }


def _numbers(reading: Reading) -> Features:
    numbers = reading.numbers
    logs = [math.log1p(number) for number in numbers]
    return {
        "numbers": float(len(numbers)),
        "distinct numbers": float(len(set(numbers))),
        "number share": len(numbers) / (len(reading.words) or 1),
        "greatest number": max(logs, default=0.0),
        "least number": min(logs, default=0.0),
        "mean number": _mean(logs),
        "number spread": _spread(logs),
        "numbers over 100": float(sum([number > 100 for number in numbers])),
        "fractional numbers": float(sum([number != int(number) for number in numbers])),
        "numbers up to 3": float(sum([number <= 3 for number in numbers])),
        "numbers from 10": float(sum([number >= 10 for number in numbers])),
        "number words": float(sum([reading.counts[word] for word in NUMBER_WORDS & reading.counts.keys()])),
        "operators": float(sum([reading.counts.get(mark, 0) for mark in "+-*/×÷="])),
    }


def _last_question(reading: Reading) -> Features:
    """Return the features of the stem's last sentence, which usually asks the question."""
    stem = reading.stem.rstrip()
    last = stem[max(stem.rfind(end) for end in _ENDS) + 1 :]
    return {
        "last sentence words": float(len(last.split())),
        "last sentence digits": float(len(_DIGIT.findall(last))),
    }


def _conversation(request: RoutingRequest, reading: Reading) -> Features:
    return {
        "turns": float(min(request.turns, 50)),
        "system characters": math.log1p(len(request.system)),
        "tools": math.log1p(request.tools),
        "max tokens": math.log1p(request.max_tokens or 0),
        "worked examples": float(min(reading.shots, 20)),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation; 0 for no values."""
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values]))


NAMES = (
    *_measures(RoutingRequest(""), read("")),
    *(f"mark {mark}" for mark in _MARKS),
    *WORD_GROUPS,
)
"""Names of the features."""
