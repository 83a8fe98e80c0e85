"""Lexical and structural features of a query: counts that show how much work it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from router.types import RoutingRequest

READ_CHARS = 4_000
"""The features of a longer query come from its beginning and end, which bounds the time of a decision."""

# Every pattern reads any text in linear time, because a public endpoint also receives hostile text.
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LIST_GAP = re.compile(r"\s*[,;/|、，]?\s*(?:and|und|et|y)?\s*", re.I)
_LIST_GAP_CHARS = 8
_MULTIPLE = re.compile(r"\b(?:half|halves|twice|thrice|double[sd]?|triple[sd]?)\b", re.I)
_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_OPERATOR = re.compile(r"(?<=\d)\s*[-+*/×÷^x]\s*(?=\d)")
_OPERATION = re.compile(r"\b(?:plus|minus|times|divided|multiplied|sum|difference|product)\b", re.I)
_SENTENCE = re.compile(r"[.!?](?=\s|$)|[。！？](?![。！？])")
_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]", re.M)
_QUESTION = re.compile(r"[?？]|\b(?:what|which|who|whose|when|where|why|how|was|wer|wie|qué|cuál|quel(?:le)?)\b", re.I)
_ASKED_WORDS = re.compile(r"\b(\d{2,5})[ -]?(?:words?|Wörter|mots|palabras)\b", re.I)
_CODE = re.compile(r"```|\bdef \w|\bclass \w|[{};]\s*$|=>|\bSELECT\b|#include|\bimport \w", re.M)
_CODE_WORD = re.compile(
    r"\b(?:python|javascript|typescript|java|rust|golang|c\+\+|sql|regex|bash|html|css|api|algorithm|"
    r"(?:a|the|this|my) (?:function|script|program|query|unit test)|linked list|stack ?trace)(?!\w)",
    re.I,
)
_MATH = re.compile(
    r"\\(?:frac|sum|int|sqrt)|[∑∫√≤≥]|\b(?:integral|derivative|theorem|equation|probability|matrix|polynomial|"
    r"irrational|prime numbers?|square root|proof|eigenvalues?|induction)\b",
    re.I,
)
_REASON = re.compile(
    r"\b(?:why|how(?! (?:many|much|old|long|far|are you))|explain|prove|derive|compare|analy[sz]e|design|implement|"
    r"debug|refactor|summari[sz]e|translate|pros and cons|trade-?offs?|"
    r"warum|erkläre|vergleiche|beweise|pourquoi|explique|compare[rz]|démontre|por qué|explica|compara|demuestra|"
    r"почему|объясни|сравни|докажи)\b|为什么|解释|证明|比较|分析|设计|なぜ|説明|証明|比較",
    re.I,
)
_SEQUENCE = re.compile(
    r"\b(?:then|after(?:wards)?|next|later|finally|first|second|each|every|per|"
    r"remain(?:s|ing)?|left|altogether|total|another|more|also|"
    r"dann|danach|jede[rsn]?|ensuite|puis|chaque|luego|después|cada)\b|然后|每个|接着|それから",
    re.I,
)


def features(request: RoutingRequest) -> Mapping[str, float]:
    """Return the named counts of one query; every value is finite and >= 0."""
    text = _read(request.text)
    numbers = list(_NUMBER.finditer(text))
    return {
        # Chinese and Japanese have no spaces: about two characters make a word.
        "words": _count(_WORD, text) + _count(_CJK, text) / 2,
        "sentences": max(1.0, _count(_SENTENCE, text)),
        "numbers": len(numbers) + _count(_MULTIPLE, text),
        "listed_numbers": _longest_list(text, numbers),
        "listed_items": _count(_ITEM, text),
        "operators": _count(_OPERATOR, text) + (_count(_OPERATION, text) if numbers else 0.0),
        "question_words": _count(_QUESTION, text),
        "sequence_words": _count(_SEQUENCE, text),
        "reason_words": _count(_REASON, text),
        "code_marks": _count(_CODE, text),
        "code_words": _count(_CODE_WORD, text),
        "math_marks": _count(_MATH, text),
        "asked_words": max((float(count) for count in _ASKED_WORDS.findall(text)), default=0.0),
        "max_tokens": float(request.max_tokens or 0),
        "characters": float(len(request.text)),
        "turns": float(request.turns),
        "system_characters": float(len(request.system)),
        "tools": float("tools" in request.needs),
    }


def _read(text: str) -> str:
    if len(text) <= READ_CHARS:
        return text
    return text[: READ_CHARS // 2] + "\n" + text[-READ_CHARS // 2 :]


def _count(pattern: re.Pattern[str], text: str) -> float:
    return float(len(pattern.findall(text)))


def _longest_list(text: str, numbers: Sequence[re.Match[str]]) -> float:
    """Return the length of the longest run of numbers with only separators between them; 0 if below three."""
    longest = run = 1
    for before, after in pairwise(numbers):
        gap = text[before.end() : after.start()]
        run = run + 1 if len(gap) <= _LIST_GAP_CHARS and _LIST_GAP.fullmatch(gap) else 1
        longest = max(longest, run)
    return float(longest if longest >= 3 else 0)
