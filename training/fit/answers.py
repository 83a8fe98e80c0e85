"""Features of a cheap answer's text that show whether it is right, to judge an answer after it is written."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from router.confidence.final_answer import final_answer
from router.model.learned import View, view
from router.model.lexical import lexical
from router.model.reading import Reading, read
from router.types import RoutingRequest

# `3 * 60 = 180`, with up to twelve operands. Commas, currency and percent signs are removed before. Text after a
# closing bracket, and the middle of a chain (`1 + 2 = 3 + 4`), is not matched, because it is half an equation.
_NUMBER = r"\d{1,12}(?:\.\d{1,8})?"
_BEGIN = r"(?<![\d.)])(?<!\)[-+*/])(?<!\) [-+*/] )"
_END = r"(?![ \t]*[-+*/\d]|\.\d)"
_EQUATION = re.compile(rf"{_BEGIN}(-?{_NUMBER}(?:\s*[-+*/]\s*{_NUMBER}){{1,11}})\s*=\s*(-?{_NUMBER}){_END}")
_TERM = re.compile(rf"([-+]?)\s*({_NUMBER}(?:\s*[*/]\s*{_NUMBER})*)")
_FACTOR = re.compile(rf"([*/]?)\s*({_NUMBER})")
_SIGNS = str.maketrans({"×": "*", "÷": "/", "x": "*", "−": "-"} | dict.fromkeys(",$€£%\\"))
_DOUBT = re.compile(
    r"\b(?:however|wait|sorry|mistake|actually|assum\w*|unclear|cannot|can't|not (?:enough|possible|specified))\b", re.I
)
TOLERANCE = 0.011
"""Maximum distance at which a result counts as rounded."""

ANSWER_NAMES = (
    "equations", "wrong equations", "has wrong equation", "answer words per query word", "finished", "final answer",
    "final answer size", "fractional final answer", "negative final answer", "final answer is in the query",
    "query numbers used", "numbers from nowhere", "doubts", "lines", "repeated lines", "last line words",
)  # fmt: skip


def answer_view(request: RoutingRequest, answer: str) -> View:
    """The input of an ensemble for a query and an answer: features of both, and words and spelling of the answer."""
    query, written = read(request.text), read(answer)
    seen = view(replace(request, text=answer))
    both = [*lexical(request, query), *seen.features, *answer_features(query, written)]
    return replace(seen, features=np.array(both))


def answer_features(query: Reading, answer: Reading) -> list[float]:
    """The values of ANSWER_NAMES, in order. All are finite."""
    equations = [_holds(match) for match in _EQUATION.finditer(answer.text.translate(_SIGNS))]
    wrong = sum(not holds for holds in equations)
    final = final_answer(answer.text) or ""
    value = _value(final)
    lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
    given, used = set(query.numbers), set(answer.numbers)
    return [
        float(len(equations)),
        wrong / (len(equations) or 1),
        float(wrong > 0),
        len(answer.words) / (len(query.words) or 1),
        float(answer.text.rstrip()[-1:] in ".!?}0123456789"),
        float(bool(final)),
        math.log1p(abs(value)),
        float(value != int(value)),
        float(value < 0),
        float(value in given),
        len(given & used) / (len(given) or 1),
        len(used - given) / (len(used) or 1),
        float(len(_DOUBT.findall(answer.text))),
        math.log1p(len(lines)),
        1 - len(set(lines)) / (len(lines) or 1),
        float(len(lines[-1].split()) if lines else 0),
    ]


def _value(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return max(-1e12, min(value, 1e12)) if math.isfinite(value) else 0.0


def _holds(equation: re.Match[str]) -> bool:
    """Whether an equation is right; multiplication and division bind first."""
    total = 0.0
    for sign, product in _TERM.findall(equation.group(1)):
        value = 1.0
        for operator, number in _FACTOR.findall(product):
            if operator != "/":
                value *= float(number)
            elif float(number) == 0:
                return False
            else:
                value /= float(number)
        total += -value if sign == "-" else value
    return abs(total - float(equation.group(2))) <= TOLERANCE * max(1.0, abs(total) / 100)
