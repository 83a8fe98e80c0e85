"""Remember which pool answered a conversation last, and whose answers were dropped.

The first one's KV cache may still hold the prefix. The others have shown that the conversation is hard for them.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

SESSION_HEADER = "x-signalbox-session"
MOST_CONVERSATIONS = 10_000
"""Conversations that one gateway replica remembers; it forgets the least recently used ones first."""


@dataclass(frozen=True)
class Course:
    """What happened in a conversation so far."""

    last_pool: str | None = None
    """The pool that answered last; None if unknown."""
    doubted: frozenset[str] = frozenset()
    """Pools whose answers were dropped, and which have not given a good one since."""
    drops: int = 0
    """Answers that were dropped in the whole conversation."""


NEW = Course()


class Conversations:
    """A bounded mapping from conversation to its course."""

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._courses: OrderedDict[bytes, Course] = OrderedDict()

    def course(self, key: bytes | None) -> Course:
        """Return the course of a conversation; NEW if it is unknown."""
        return self._courses.get(key, NEW) if key is not None else NEW

    def remember(self, key: bytes | None, pool: str, dropped: Collection[str] = ()) -> None:
        """Record which pool answered, and whose answers to the same request were dropped."""
        if key is None:
            return
        before = self.course(key)
        doubted = before.doubted | frozenset(dropped)
        self._courses[key] = Course(pool, doubted - {pool}, before.drops + len(dropped))
        self._courses.move_to_end(key)
        if len(self._courses) > self._most:
            self._courses.popitem(last=False)


def conversation_key(body: Mapping[str, Any], session: str | None, client: str | None) -> bytes | None:
    """Return what the turns of one conversation share: the client's session name, or else how the conversation began.

    Args:
        body: any body; only chats are conversations.
        session: value of the `x-signalbox-session` header.
        client: the API key's name; it keeps the sessions of different clients apart.
    """
    messages = _messages(body)
    if session:
        beginning: Any = session
    elif messages:
        firsts = [m.get("content") for m in messages if m["role"] in ("system", "developer")]
        beginning = [firsts, next((m.get("content") for m in messages if m["role"] == "user"), None)]
    else:
        return None
    return hashlib.blake2b(json.dumps([client, bool(session), beginning]).encode(), digest_size=16).digest()


def goes_on(body: Mapping[str, Any]) -> bool:
    """Whether the conversation has an answer before this request."""
    return any(message["role"] == "assistant" for message in _messages(body))


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the body's messages; none if they are malformed, because the engine checks those of bodies to tokenize."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(m, dict) and "role" in m for m in messages):
        return []
    return messages
