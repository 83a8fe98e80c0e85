"""The text of an answer, from whole bodies and from streams."""

from __future__ import annotations

import json

import fake_pools as fakes
import pytest

from cluster.usage import Usage
from deployments.wire.answers import answer_text
from deployments.wire.frames import Chunk, Closed, Opened


def stream(*parts, key="delta"):
    said = [{"content": part} if key == "delta" else part for part in parts]
    events = [f"data: {json.dumps({'choices': [{key: part}]})}\n\n".encode() for part in said]
    return [Opened(200, streams=True), *map(Chunk, events), Chunk(b"data: [DONE]\n\n"), Closed(Usage(3, 2), "stop")]


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (fakes.answer("7 + 5 = 12"), "7 + 5 = 12"),
        (stream("7 + 5", " = 12"), "7 + 5 = 12"),
        (stream("7 + 5", " = 12", key="text"), "7 + 5 = 12"),
        ((Opened(200), Chunk(b'{"choices": [{"text": "12"}]}')), "12"),
        ((Opened(200), Chunk(b'{"choices": [{"message": {"content": null, "tool_calls": []}}]}')), ""),
        ((Opened(200), Chunk(b'{"choices": []}')), ""),
        ((Opened(200), Chunk(b"\xff{")), ""),
        ((Opened(200, streams=True), Chunk(b"data: 1\n\ndata: null\n\n: ping\n\n")), ""),
        ((), ""),
    ],
)
def test_the_text_of_an_answer(frames, text):
    assert answer_text(frames) == text
