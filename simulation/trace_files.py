"""Reading public traces. Whatever is wrong comes out as one TraceError that names line and field.

Azure's (github.com/Azure/AzurePublicDataset, 2023 LLM inference): CSV with TIMESTAMP, ContextTokens, GeneratedTokens.
Mooncake's (github.com/kvcache-ai/Mooncake): a JSON object a line with timestamp in milliseconds, input_length,
output_length and hash_ids of the prompt's 512-token blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from cluster.problems import shown
from simulation.workload import Workload

AZURE_FIELDS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
MOST_TOKENS = 100_000_000
"""Longer requests are slips of the pen."""
MOST_MS = 1e13
"""Three hundred years: greater time stamps are no milliseconds since the start."""
Row = tuple[float, int, int, tuple[int, ...] | None]
"""Arrival in seconds, prompt tokens, answer tokens, hash ids."""


class TraceError(Exception):
    """The trace cannot be used; the message names file, line and field, and says what to write."""


def read_trace(path: Path) -> Workload:
    """A trace file as it is; it begins with its first request and is measured to its last.

    Raises:
        TraceError: the file cannot be read, is neither of the two formats, has a wrong line, or fewer than two
            different arrival times.
    """
    lines = _lines(path)
    rows = list(_rows(path, lines))
    rows.sort(key=lambda row: row[0])
    if not rows or rows[-1][0] <= rows[0][0]:
        raise TraceError(f"{path}: has {len(rows)} requests at one time: write requests over a span of time")
    with_hashes = all(row[3] is not None for row in rows)
    arrival = np.array([row[0] for row in rows]) - rows[0][0]
    return Workload(
        arrival_s=arrival,
        prompt_tokens=np.array([row[1] for row in rows], dtype=np.int64),
        answer_tokens=np.array([row[2] for row in rows], dtype=np.int64),
        hashes=[row[3] or () for row in rows] if with_hashes else None,
        duration_s=float(np.nextafter(arrival[-1], np.inf)),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise TraceError(f"{path}: cannot be read ({error.strerror}): write the path of a trace file") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: is no text file (byte {error.start}): write a CSV or JSON lines in UTF-8") from error


def _rows(path: Path, lines: list[str]) -> Iterator[Row]:
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        read = _mooncake
    elif tuple(name.strip() for name in first.split(",")) == AZURE_FIELDS:
        read = _azure
    else:
        raise TraceError(
            f"{path}:1: found {shown(first[:80])}: write the header {','.join(AZURE_FIELDS)} (Azure), or JSON lines "
            f"with timestamp, input_length, output_length (Mooncake)"
        )
    header_seen = read is _mooncake
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not header_seen:
            header_seen = True
            continue
        try:
            yield read(line)
        except _Wrong as wrong:
            raise TraceError(f"{path}:{number}: {wrong}") from wrong


class _Wrong(Exception):
    """What is wrong with one line."""


def _azure(line: str) -> Row:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(AZURE_FIELDS):
        raise _Wrong(f"found {len(cells)} fields: write three, {','.join(AZURE_FIELDS)}")
    when, *counts = cells
    try:
        # Python reads microseconds; the trace has a digit more.
        arrival = datetime.fromisoformat(when if "." not in when else when[: when.index(".") + 7])
    except ValueError as error:
        raise _Wrong(f"TIMESTAMP: found {shown(when)}: write a time such as 2023-11-16 18:15:46.6805900") from error
    prompt, answer = (
        _count(name, int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text)
        for name, text in zip(AZURE_FIELDS[1:], counts, strict=True)
    )
    return (arrival - datetime(1970, 1, 1, tzinfo=arrival.tzinfo)).total_seconds(), prompt, answer, None


def _mooncake(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"not valid JSON ({str(error)[:80]}): write one object a line") from error
    if not isinstance(row, dict):
        raise _Wrong(f'found {shown(row)}: write an object like {{"timestamp": 0, "input_length": 9}}')
    return (
        _milliseconds(row.get("timestamp")) / 1e3,
        _count("input_length", row.get("input_length")),
        _count("output_length", row.get("output_length")),
        _hash_ids(row["hash_ids"]) if "hash_ids" in row else None,
    )


def _milliseconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_MS:
        raise _Wrong(f"timestamp: found {shown(value)}: write milliseconds since the start, a number >= 0")
    return float(value)


def _count(field: str, value: Any) -> int:
    """A number of tokens; a request of none at all still takes one, as an engine cannot do with less."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise _Wrong(f"{field}: found {shown(value)}: write a number of tokens, an integer >= 0")
    return max(1, value)


def _hash_ids(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and each >= 0 for each in value):
        raise _Wrong(f"hash_ids: found {shown(value)}: write a list of integers >= 0, or leave it out")
    return tuple(value)
