"""Read the messages of a chat body: check them as far as routing needs, and take their texts."""

from __future__ import annotations

from typing import Any

from router.checks import shown
from router.types import BadRequest

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def checked_messages(messages: Any) -> list[dict[str, Any]]:
    """Return the messages of a body.

    Raises:
        BadRequest: one of them is invalid; the error names the first one.
    """
    if not isinstance(messages, list) or not messages:
        raise BadRequest(f"messages is {shown(messages)}: use a list of at least one message", "messages")
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if not isinstance(message, dict):
            raise BadRequest(f'{where} is {shown(message)}: use {{"role": ..., "content": ...}}', where)
        if message.get("role") not in ROLES:
            raise BadRequest(
                f"{where}.role is {shown(message.get('role'))}: use one of {', '.join(ROLES)}",
                f"{where}.role",
            )
        if message.get("content") is None and message["role"] not in ("assistant", "tool", "function"):
            raise BadRequest(f"{where}.content is missing: use text or a list of parts", f"{where}.content")
    return messages


def text_of(content: Any, where: str) -> str:
    """Return the text of a message's content, with its parts joined.

    Raises:
        BadRequest: a part is invalid.

    Args:
        where: path of the content, for the error.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise BadRequest(f"{where} is {shown(content)}: use text or a list of parts", where)
    texts = []
    for index, part in enumerate(content):
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise BadRequest(f'{where}.{index} is {shown(part)}: use {{"type": "text", "text": ...}}', where)
        elif part["type"] in ("text", "input_text"):
            if not isinstance(part.get("text"), str):
                raise BadRequest(f"{where}.{index}.text is {shown(part.get('text'))}: use text", where)
            texts.append(part["text"])
    return "\n".join(texts)
