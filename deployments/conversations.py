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
        body: a checked body; only chats have conversations.
        session: value of the `x-signalbox-session` header.
        client: the API key's name: sessions of different clients never meet.
    """
    if session:
        begin: Any = session
    elif isinstance(messages := body.get("messages"), list):
        firsts = [m.get("content") for m in messages if m["role"] in ("system", "developer")]
        begin = [firsts, next((m.get("content") for m in messages if m["role"] == "user"), None)]
    else:
        return None
    return hashlib.blake2b(json.dumps([client, bool(session), begin]).encode(), digest_size=16).digest()


def goes_on(body: Mapping[str, Any]) -> bool:
    """Whether a conversation had an answer before this request."""
    messages = body.get("messages")
    return isinstance(messages, list) and any(message["role"] == "assistant" for message in messages)
