"""Tell a turn that only continues, agrees, thanks or reminds of a format from one that asks for work."""

from __future__ import annotations

import re

from router.task_words import SPACED, UNSPACED

MAX_CHARACTERS = 120
"""A longer turn is not a continuation."""
MAX_REPLY_CHARACTERS = 12
"""A reply of one word up to this length ("B", "Encore") chooses or agrees, in any language."""

_ROWS = tuple(frozenset(words.split()) for words in SPACED.values())
_PIECES = re.compile("|".join(sorted(map(re.escape, UNSPACED), key=len, reverse=True)))
_GAPS = re.compile(r"[\s.,;:!?…。，、；：！？؟،।¿¡'’\"“”()\[\]\-–—*_~]+")
_UNSPACED_LETTER = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_MACHINE = re.compile(
    r"\s*(?:<(tool[_-]?(?:response|result|output|call)s?|function[_-]?(?:response|result)s?|observation|"
    r"system[_-]?reminder|reminder)\b[^>]{0,200}>|\[?(?:tool|function)[ _-](?:result|response|output)\b|observation:)",
    re.I,
)


def is_continuation(text: str) -> bool:
    """Whether a turn states no new task in any language of `router.task_words`, or has no words at all."""
    text = text.strip()
    if len(text) > MAX_CHARACTERS:
        return False
    words = [word for word in _GAPS.split(text.casefold()) if any(map(str.isalnum, word))]
    if not words or any(row.issuperset(words) for row in _ROWS):
        return True
    return bool(_UNSPACED_LETTER.search(text)) and not any(map(str.isalnum, _PIECES.sub("", text.casefold())))


def is_short_reply(text: str) -> bool:
    """Whether a turn is one short word or number without a question mark: a reply to what the model asked."""
    text = text.strip()
    asks = any(mark in text for mark in "?？؟\u037e")
    return (
        len(text) <= MAX_REPLY_CHARACTERS and len(text.split()) < 2 and not asks and not _UNSPACED_LETTER.search(text)
    )


def without_machine_blocks(text: str) -> str:
    """Return a user's turn without the tool results and reminders that a program put at its beginning."""
    place = 0
    while match := _MACHINE.match(text, place):
        end = text.find(f"</{match[1]}>", match.end()) if match[1] else -1
        if end < 0:
            return ""
        place = end + len(match[1]) + 3
    return text[place:]
