"""Separate the question and the instructions of a turn from the context that was pasted around them.

Marked context is left out if the turn is long: fences, quotes, mails, tags and labelled blocks. Unmarked prose is left
out only of a very long turn that asks before or behind it. A text that asks nothing else stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from router.task_words import CONTEXT, QUESTION, WORK, WORK_UNSPACED

CONTEXT_FROM = 1_000
"""Characters. A shorter turn stays whole: its code or passage is part of what makes it hard."""
PROSE_FROM = 4_000
"""Characters. A longer turn also loses unmarked prose between its first and last blocks."""
PROSE_BLOCK = 200
"""Characters of a block that may be pasted prose; a shorter one may be a rule or a step."""
ASKING_LINE = 400
"""Characters. A longer line is a paragraph; only its beginning and end can ask."""
READ_CHARACTERS = 40_000
"""Characters outside tags that are read, from the beginning and the end. The middle of a longer turn is context."""

_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_QUOTED = re.compile(r"[ \t]{0,3}>|(?:From|Sent|To|Cc|Subject|Date|Von|An|Betreff|De|À|Objet):[ \t]")
_LABEL = re.compile(rf"[ \t#*\[<(]*(?:{CONTEXT})[ \t]*(?:[\d\w.-]{{0,12}}[ \t]*)?(?:[\])>*]*[:：]|[\])>]|[*]*$)", re.I)
_NUMBERED = re.compile(r"[ \t]*\[\d{1,3}\]")
_ASKED = re.compile(rf"[ \t#*\[<(]*(?:{QUESTION})[ \t]*(?:\d{{1,3}}[ \t]*)?[\])>*]*[ \t]*(?:[:：>]|$)", re.I)
_TAG = re.compile(rf"<({CONTEXT})\b[^>\n]{{0,200}}>", re.I)
_ITEM = re.compile(r"[ \t]*(?:[-*•#|]|\d{1,3}[.)])[ \t]?")
_MARK = re.compile(r"(?<=\S)[?？؟\u037e](?:\W|$)|\s[?？؟]\s*$")
_VERB = re.compile(
    rf"^[\W\d]*(?:(?:please|now|then|bitte|s'il vous plaît|por favor|пожалуйста|you (?:must|should|will)|(?:can|could) "
    rf"you|your task is to|based on .{{1,60}}?,|using .{{1,60}}?,|given .{{1,60}}?,)\s+)?(?:{WORK})\b",
    re.I,
)
_VERB_UNSPACED = re.compile(WORK_UNSPACED)


def asks(line: str) -> bool:
    """Whether a line is a question or begins with a verb of work; of a long line its beginning and end are read."""
    ends = (line,) if len(line) <= ASKING_LINE else (line[: ASKING_LINE // 2], line[-ASKING_LINE // 2 :])
    return any(_MARK.search(part) or _VERB.match(part) or _VERB_UNSPACED.search(part) for part in ends)


def without_context(text: str) -> tuple[str, int]:
    """Return the task in a turn and the number of characters of context left out; the whole text if nothing is left."""
    if len(text) <= CONTEXT_FROM:
        return text, 0
    untagged = _untagged(text)
    blocks = list(_blocks(_ends(untagged)))
    kept = list(_unmarked(blocks))
    if sum(map(len, kept)) > PROSE_FROM:
        kept = _without_prose(kept)
    if len(kept) == len(blocks) and len(untagged) == len(text) <= READ_CHARACTERS:
        return text, 0
    task = "\n\n".join(kept).strip()
    return (task, len(text) - len(task)) if any(map(str.isalnum, task)) else (text, 0)


def _untagged(text: str) -> str:
    """Return a text without the elements whose tag names context, such as <document>."""
    parts, place = [], 0
    while match := _TAG.search(text, place):
        end = text.find(f"</{match[1]}>", match.end())
        if end < 0:
            break
        parts.append(text[place : match.start()])
        place = end + len(match[1]) + 3
    return "\n\n".join((*parts, text[place:]))


def _ends(text: str) -> str:
    if len(text) <= READ_CHARACTERS:
        return text
    # A paragraph that reaches into the middle is context, unless it is all that there is.
    head, tail = text[: READ_CHARACTERS // 2], text[-READ_CHARACTERS // 2 :]
    whole_head, whole_tail = head.rpartition("\n\n")[0], tail.partition("\n\n")[2]
    return "\n\n".join((whole_head or head, whole_tail.strip() or tail))


def _blocks(text: str) -> Iterable[str]:
    """Yield fences as one block each, and other lines by paragraph; a line that asks for the task starts its own."""
    fenced, number = False, 0
    marked: list[tuple[int, str]] = []
    for line in text.split("\n"):
        opens = bool(_FENCE.match(line))
        number += (opens and not fenced) or bool(not fenced and (_ASKED.match(line) or not line.strip()))
        marked.append((number, line))
        if opens and fenced:
            number += 1
        fenced = fenced != opens
    for _, lines in groupby(marked, key=lambda one: one[0]):
        if block := "\n".join(line for _, line in lines).strip("\n"):
            yield block


def _unmarked(blocks: Sequence[str]) -> Iterable[str]:
    """Yield the blocks that are not context by their form.

    A heading such as "Context:" covers what follows it, up to a block that asks; the last block asks if none did.
    """
    covered = asked = False
    for place, block in enumerate(blocks):
        if _LABEL.match(block):
            covered = "\n" not in block
        elif covered:
            short = len(block) < PROSE_BLOCK
            last = place == len(blocks) - 1 and not asked
            covered = not (last or _ASKED.match(block) or (short and _block_asks(block)))
        if not covered and not _is_marked(block):
            asked = asked or _block_asks(block)
            yield block


def _is_marked(block: str) -> bool:
    """Whether a block is context by its own form."""
    if _FENCE.match(block) or _LABEL.match(block) or _NUMBERED.match(block):
        return True
    lines = block.split("\n")
    return 2 * sum(bool(_QUOTED.match(line)) for line in lines) > len(lines)


def _without_prose(blocks: Sequence[str]) -> list[str]:
    """Return the blocks that ask or list, if a short one at the beginning or end asks; else all of them."""
    ends = {*range(2), *range(len(blocks) - 2, len(blocks))}
    ends &= set(range(len(blocks)))
    if not any(len(blocks[place]) < 2 * ASKING_LINE and _block_asks(blocks[place]) for place in ends):
        return list(blocks)
    return [block for place, block in enumerate(blocks) if _is_work(block, place in ends)]


def _block_asks(block: str) -> bool:
    return any(asks(line) for line in block.split("\n"))


def _is_work(block: str, at_an_end: bool) -> bool:
    if len(block) < PROSE_BLOCK or _ITEM.match(block) or _ASKED.match(block):
        return True
    return at_an_end and _block_asks(block)
