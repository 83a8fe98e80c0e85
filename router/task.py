"""Find the task of a request: what is to be done, wherever in the conversation it is written. Pure and linear.

Usually the task is the last user turn. A turn that only continues or reminds gives way to the last user turn with
substance. Work that the system prompt describes counts together with the user's input, and context that was pasted
around a question does not count. A short turn without any of these is its own task, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from router.continuations import is_continuation, is_short_reply, without_machine_blocks
from router.passages import asks, without_context
from router.task_words import INPUT, PERSONA, WORK, WORK_UNSPACED

SYSTEM = ("system", "developer")
SYSTEM_READ = 8_000
"""Characters of the system prompt that are read."""
SYSTEM_TASK = 1_000
"""Maximum characters of the system prompt's work in a task."""
ASKING_READ = 8_000
"""Characters of a turn that are searched for a question."""
TURNS_READ = 200
"""Newest messages among which the task is searched."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])|\n+")
_PERSONA = re.compile(rf"\W*(?:{PERSONA})", re.I)
_MANNER = re.compile(
    r"\W*(?:(?:always|never|do not|don't|avoid|answer|respond|reply|speak|keep|stay|ask|if you|when you|today|current"
    r"|(?:use|write|list|explain|check|describe) (?:\w+ )?(?:your|markdown|emojis?)\b|the (?:current )?(?:date|time)"
    r"|knowledge|help|assist|antworte|immer|réponds|répondez|responde|rispondi|отвечай|всегда|أجب)\b|回答|回复|请用|答えて)",
    re.I,
)
_THAT_WORKS = re.compile(rf"\b(?:that|who|which|der|die|das|qui|que|che|который|которая)\s+(?:{WORK})\b", re.I)
_VERB = re.compile(rf"\b(?:{WORK})\b|{WORK_UNSPACED}", re.I)
_INPUT = re.compile(INPUT, re.I)


@dataclass(frozen=True)
class Task:
    """What a request asks for."""

    text: str
    context_characters: int = 0
    """Characters of pasted context in the task's turn that are not part of the text."""


def task_of(turns: Sequence[tuple[str, str]]) -> Task:
    """Return the task of a conversation.

    Args:
        turns: role and text of each message, in order; at least one.
    """
    system = _sentences("\n".join(text for role, text in turns if role in SYSTEM))
    turn = _substantial_turn(turns)
    if turn is None:
        return Task(_joined(system) or _last_turn(turns))
    text, left_out = without_context(turn)
    has_question = any(asks(line) for line in text[:ASKING_READ].split("\n"))
    work = _joined(_work(system, has_question))
    return Task(f"{work}\n\n{text}" if work else text, left_out)


# -- the user's turns ------------------------------------------------------------------------------------------------


def _substantial_turn(turns: Sequence[tuple[str, str]]) -> str | None:
    """Return the last user turn that says what to do or what to work on; None if no turn does."""
    for place in range(len(turns) - 1, max(-1, len(turns) - 1 - TURNS_READ), -1):
        role, text = turns[place]
        if role == "user" and not _is_empty(text, after_answer=place > 0 and turns[place - 1][0] == "assistant"):
            return without_machine_blocks(text)
    return None


def _is_empty(text: str, *, after_answer: bool) -> bool:
    own = without_machine_blocks(text)
    return is_continuation(own) or (after_answer and is_short_reply(own) and not asks(own))


def _last_turn(turns: Sequence[tuple[str, str]]) -> str:
    """Return the last user turn as it is, or the last message of a conversation without one."""
    return next((text for role, text in reversed(turns) if role == "user"), turns[-1][1])


# -- the system prompt -----------------------------------------------------------------------------------------------


def _sentences(system: str) -> list[str]:
    """Return the sentences that say what to do, without those on who the model is and how it speaks."""
    sentences = (part.strip() for part in _SENTENCE.split(system[:SYSTEM_READ]))
    return [each for each in sentences if each and not _is_manner(each)]


def _is_manner(sentence: str) -> bool:
    if _PERSONA.match(sentence):
        return not _THAT_WORKS.search(sentence)
    return bool(_MANNER.match(sentence))


def _work(sentences: Sequence[str], has_question: bool) -> list[str]:
    """Return the work of the system prompt that counts together with the user's turn.

    If the user asks something, only work on what the user sends counts. If the turn is bare input, all work counts.
    """
    if has_question:
        return [each for each in sentences if _INPUT.search(each) and _VERB.search(each)]
    return [each for each in sentences if _INPUT.search(each) or _VERB.search(each)]


def _joined(sentences: Sequence[str]) -> str:
    """Return the first sentences up to SYSTEM_TASK characters."""
    kept: list[str] = []
    for sentence in sentences:
        if sum(map(len, kept)) >= SYSTEM_TASK:
            break
        kept.append(sentence[:SYSTEM_TASK])
    return "\n".join(kept)
