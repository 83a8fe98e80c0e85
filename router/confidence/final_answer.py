r"""Find the final answer of a text, if it can be compared: a number, a choice, or what is marked as the answer."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

READ_CHARS = 20_000
"""Characters to read from the end of the text, where a final answer is."""
NUMBER = r"-?(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+)"
LIST = re.compile(rf"{NUMBER}(?:[,;]?\s+{NUMBER})+\.?")
SHORT_WORDS = 5
"""A text of one line with at most this many words is an answer as a whole."""

MARKED = (
    re.compile(r"####[ \t]*([^\n]+)"),
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\n]+)'),
)
"""Ways to mark the answer, the most reliable first."""
CHOICE = re.compile(r"(?:.*\banswer\b\s*(?:is|:)?\s*)?[*(\[]*([A-J])[*)\].:]*", re.IGNORECASE)


def final_answer(text: str) -> str | None:
    """Return the answer at the end of a text in a normal form; None if no answer can be compared.

    The order is: the text after `####`, the content of `\\boxed{}`, a JSON field `answer`, a lone choice letter (`B`,
    `(b)`, `Answer: B`) on the last line with words, a list of numbers that fills this line, its last number, or a text
    of only a few words.
    """
    end = text[-READ_CHARS:]
    for pattern in MARKED:
        if matches := pattern.findall(end):
            return _normal(matches[-1])
    line = next((line.strip() for line in reversed(end.splitlines()) if re.search(r"\w", line)), "")
    if choice := CHOICE.fullmatch(line[-200:]):
        return choice[1].upper()
    numbers = re.findall(NUMBER, line)
    if numbers:
        return ", ".join(map(_number, numbers)) if LIST.fullmatch(line) else _number(numbers[-1])
    is_short = line == end.strip() and len(line.split()) <= SHORT_WORDS
    return _normal(line) if is_short else None


def _normal(answer: str) -> str | None:
    """Return one spelling for equal answers: a lone number, or words without case, quotes and punctuation."""
    numbers = re.findall(NUMBER, answer)
    if len(numbers) == 1:
        return _number(numbers[0])
    return " ".join(answer.lower().split()).strip("\"'$*.!()[] ") or None


def _number(text: str) -> str:
    """`1,250.50` -> `1250.5`, `18.00` -> `18`."""
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:  # more digits than Decimal accepts
        return text
    return format(value.normalize(), "f") if value else "0"
