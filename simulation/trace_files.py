"""Reads public traces. Every problem raises a TraceError that names the line and field.

Azure's (github.com/Azure/AzurePublicDataset, 2023 LLM inference): CSV with TIMESTAMP, ContextTokens, GeneratedTokens.
Mooncake's (github.com/kvcache-ai/Mooncake): one JSON object per line with timestamp in milliseconds, input_length,
output_length and hash_ids of the prompt's 512-token blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from cluster.problems import invalid, shown
from simulation.workload import Workload

AZURE_FIELDS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
MAX_TOKENS = 100_000_000
"""Longer requests are typing errors."""
MAX_MS = 1e13
"""Three hundred years. Larger timestamps are not milliseconds since the start."""
Row = tuple[float, int, int, tuple[int, ...] | None]
"""Arrival in seconds, prompt tokens, answer tokens, hash ids."""


class TraceError(Exception):
    """The trace cannot be used. The message names file, line and field, and tells what to use."""


def read_trace(path: Path) -> Workload:
    """Read a trace file. The measured time is from its first to its last request.

    Raises:
        TraceError: the file cannot be read, has neither format, has an invalid line, or has fewer than two different
            arrival times.
    """
    lines = _lines(path)
    rows = list(_rows(path, lines))
    rows.sort(key=lambda row: row[0])
    if not rows or rows[-1][0] <= rows[0][0]:
        raise TraceError(f"{path}: has {len(rows)} requests at one time, use requests over a span of time")
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
        raise TraceError(f"{path}: cannot be read ({error.strerror}), use the path of a trace file") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: is not a text file (byte {error.start}), use CSV or JSON lines in UTF-8") from error


def _rows(path: Path, lines: list[str]) -> Iterator[Row]:
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        parse = _mooncake
    elif tuple(name.strip() for name in first.split(",")) == AZURE_FIELDS:
        parse = _azure
    else:
        raise TraceError(
            f"{path}:1: invalid header {shown(first[:80])}, use {','.join(AZURE_FIELDS)} (Azure), or JSON lines "
            f"with timestamp, input_length, output_length (Mooncake)"
        )
    header_seen = parse is _mooncake
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not header_seen:
            header_seen = True
            continue
        try:
            yield parse(line)
        except _InvalidLine as error:
            raise TraceError(f"{path}:{number}: {error}") from error


class _InvalidLine(Exception):
    """The problem of one line."""


def _azure(line: str) -> Row:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(AZURE_FIELDS):
        raise _InvalidLine(f"has {len(cells)} fields, use three: {','.join(AZURE_FIELDS)}")
    when, *counts = cells
    try:
        # Python reads microseconds, but the trace has one more digit.
        arrival = datetime.fromisoformat(when if "." not in when else when[: when.index(".") + 7])
    except ValueError as error:
        raise _InvalidLine(
            f"TIMESTAMP: invalid value {shown(when)}, use a time such as 2023-11-16 18:15:46.6805900"
        ) from error
    prompt, answer = (
        _count(name, int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text)
        for name, text in zip(AZURE_FIELDS[1:], counts, strict=True)
    )
    return (arrival - datetime(1970, 1, 1, tzinfo=arrival.tzinfo)).total_seconds(), prompt, answer, None


def _mooncake(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _InvalidLine(f"invalid JSON ({str(error)[:80]}), use one object per line") from error
    if not isinstance(row, dict):
        raise _InvalidLine(f'invalid value {shown(row)}, use an object such as {{"timestamp": 0, "input_length": 9}}')
    return (
        _milliseconds(row.get("timestamp")) / 1e3,
        _count("input_length", row.get("input_length")),
        _count("output_length", row.get("output_length")),
        _hash_ids(row["hash_ids"]) if "hash_ids" in row else None,
    )


def _milliseconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_MS:
        raise _InvalidLine(f"timestamp: {invalid(value, 'milliseconds since the start, a number >= 0')}")
    return float(value)


def _count(field: str, value: Any) -> int:
    """A number of tokens. 0 becomes 1, because an engine needs at least one token."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TOKENS:
        raise _InvalidLine(f"{field}: {invalid(value, 'a number of tokens, an integer >= 0')}")
    return max(1, value)


def _hash_ids(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and each >= 0 for each in value):
        raise _InvalidLine(f"hash_ids: {invalid(value, 'a list of integers >= 0')}, or leave it out")
    return tuple(value)
