"""Reading the text of an answer from its frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from deployments.wire.frames import Chunk, Frame, Opened


def answer_text(frames: Sequence[Frame]) -> str:
    """The text of the first choice of an OpenAI-style answer, from a whole body or from the events of a stream."""
    data = b"".join(frame.data for frame in frames if isinstance(frame, Chunk)).decode(errors="replace")
    streams = any(isinstance(frame, Opened) and frame.streams for frame in frames)
    if not streams:
        return _text_of(data)
    return "".join(_text_of(line.removeprefix("data:")) for line in data.splitlines() if line.startswith("data:"))


def _text_of(part: str) -> str:
    try:
        choice: dict[str, Any] = json.loads(part)["choices"][0]
    except (ValueError, KeyError, IndexError, TypeError):  # [DONE], token counts, another object
        return ""
    message = choice.get("message") or choice.get("delta") or {"content": choice.get("text")}
    return str(message.get("content") or "")
