"""Large answers travel in parts."""

from __future__ import annotations

import pickle

import pytest

from deployments.config import MAX_MESSAGE_BYTES
from deployments.wire.frames import MAX_CHUNK_BYTES, Chunk, in_parts


@pytest.mark.parametrize("size", [0, 1, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES + 1, 5 * MAX_CHUNK_BYTES])
def test_parts_are_small_and_have_all_bytes_and_tokens_once(size: int) -> None:
    whole = Chunk(bytes(index % 251 for index in range(size)), (1, 2), (-0.5, -0.25))
    parts = list(in_parts(whole))
    assert b"".join(part.data for part in parts) == whole.data
    assert all(len(part.data) <= MAX_CHUNK_BYTES for part in parts)
    assert sum((part.token_ids for part in parts), ()) == whole.token_ids
    assert sum((part.logprobs for part in parts), ()) == whole.logprobs


def test_a_part_with_the_tokens_of_a_huge_answer_fits_into_a_message() -> None:
    tokens = 1_000_000
    part = Chunk(b"x" * MAX_CHUNK_BYTES, tuple(range(tokens)), tuple(-index / 7 for index in range(tokens)))
    assert len(pickle.dumps(part)) < MAX_MESSAGE_BYTES / 10
