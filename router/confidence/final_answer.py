r"""The final answer of a text whose answer can be compared: a number, a choice, what is boxed or named so."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

LOOKED_AT = 20_000
"""Characters from the end of the text; a final answer stands at the end."""
NUMBER = r"-?(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+)"
LIST = re.compile(rf"{NUMBER}(?:[,;]?\s+{NUMBER})+\.?")
SHORT_WORDS = 5
"""A text of one line with at most so many words is an answer as a whole."""

MARKED = (
    re.compile(r"####[ \t]*([^\n]+)"),
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\n]+)'),
)
"""Ways of marking the answer, the surest first."""
CHOICE = re.compile(r"(?:.*\banswer\b\s*(?:is|:)?\s*)?[*(\[]*([A-J])[*)\].:]*", re.IGNORECASE)


def final_answer(text: str) -> str | None:
    """The answer that a text ends with, written in one way, or None when it has none that can be compared.

    In this order: what follows `####`, what is in `\\boxed{}`, a JSON field `answer`, a lone choice letter (`B`, `(b)`,
    `Answer: B`) on the last line that has words, a list of numbers that is this whole line, its last number, or a text
    that is nothing but a few words.
    """
    end = text[-LOOKED_AT:]
    for pattern in MARKED:
        if found := pattern.findall(end):
            return _normal(found[-1])
    line = next((line.strip() for line in reversed(end.splitlines()) if re.search(r"\w", line)), "")
    if choice := CHOICE.fullmatch(line[-200:]):
        return choice[1].upper()
    numbers = re.findall(NUMBER, line)
    if numbers:
        return ", ".join(map(_number, numbers)) if LIST.fullmatch(line) else _number(numbers[-1])
    is_short = line == end.strip() and len(line.split()) <= SHORT_WORDS
    return _normal(line) if is_short else None


def _normal(answer: str) -> str | None:
    """One spelling for equal answers: a single number alone, else words without case, quotes and end marks."""
    numbers = re.findall(NUMBER, answer)
    if len(numbers) == 1:
        return _number(numbers[0])
    return " ".join(answer.lower().split()).strip("\"'$*.!()[] ") or None


def _number(written: str) -> str:
    """`1,250.50` -> `1250.5`, `18.00` -> `18`."""
    try:
        value = Decimal(written.replace(",", ""))
    except InvalidOperation:  # more digits than a number has
        return written
    return format(value.normalize(), "f") if value else "0"
