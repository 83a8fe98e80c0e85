"""Which pool answered a conversation last: its KV cache may still know it."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

SESSION_HEADER = "x-signalbox-session"
MOST_CONVERSATIONS = 10_000
"""Conversations that one gateway replica remembers; the longest unused are forgotten first."""


class Conversations:
    """A bounded memory from conversation to pool."""

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._pools: OrderedDict[bytes, str] = OrderedDict()

    def pool_of(self, key: bytes | None) -> str | None:
        """The pool that answered last, where it is known."""
        return self._pools.get(key) if key is not None else None

    def remember(self, key: bytes | None, pool: str) -> None:
        """Note which pool answered."""
        if key is None:
            return
        self._pools[key] = pool
        self._pools.move_to_end(key)
        if len(self._pools) > self._most:
            self._pools.popitem(last=False)


def conversation_key(body: Mapping[str, Any], session: str | None, client: str | None) -> bytes | None:
    """What the turns of one conversation have in common: the session that the client names, else how it began.

    Args:
        body: any body; only chats have conversations.
        session: value of the `x-signalbox-session` header.
        client: the API key's name: sessions of different clients never meet.
    """
    messages = _messages(body)
    if session:
        begin: Any = session
    elif messages:
        firsts = [m.get("content") for m in messages if m["role"] in ("system", "developer")]
        begin = [firsts, next((m.get("content") for m in messages if m["role"] == "user"), None)]
    else:
        return None
    return hashlib.blake2b(json.dumps([client, bool(session), begin]).encode(), digest_size=16).digest()


def goes_on(body: Mapping[str, Any]) -> bool:
    """Whether a conversation had an answer before this request."""
    return any(message["role"] == "assistant" for message in _messages(body))


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The body's messages; none where they are left for the engine to check, as in bodies to tokenize."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(m, dict) and "role" in m for m in messages):
        return []
    return messages
