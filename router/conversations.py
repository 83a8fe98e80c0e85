"""Remember which pool answered a conversation last: its KV cache may still hold the prefix."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

SESSION_HEADER = "x-signalbox-session"
MOST_CONVERSATIONS = 10_000
"""Conversations that one gateway replica remembers; it forgets the least recently used ones first."""


class Conversations:
    """A bounded mapping from conversation to pool."""

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._pools: OrderedDict[bytes, str] = OrderedDict()

    def pool_of(self, key: bytes | None) -> str | None:
        """Return the pool that answered last; None if unknown."""
        return self._pools.get(key) if key is not None else None

    def remember(self, key: bytes | None, pool: str) -> None:
        """Record which pool answered."""
        if key is None:
            return
        self._pools[key] = pool
        self._pools.move_to_end(key)
        if len(self._pools) > self._most:
            self._pools.popitem(last=False)


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
