"""Files of prompts, JSON lines. A file is checked completely before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cluster.problems import shown
from training.collect.prompt import Prompt, WrongLine, prompt_from, recorded_from

MAX_PROBLEMS = 20
"""Maximum lines of one error."""


class PromptFileError(Exception):
    """A file cannot be used; the message has a line for each problem, with file:line and field."""


def read_prompts(paths: Sequence[Path], default_kind: str | None) -> list[Prompt]:
    """All prompts of the files in order, without duplicates.

    Args:
        default_kind: how lines without `grade` are graded. None: `regex` with a pattern, else `exact`.

    Raises:
        PromptFileError: a file cannot be read, has invalid lines, or there is no prompt.
    """
    return _read(paths, lambda row: prompt_from(row, default_kind))


def read_recorded(paths: Sequence[Path]) -> list[Prompt]:
    """The answers that shadow traffic recorded, for a judge.

    Raises:
        PromptFileError: as read_prompts.
    """
    return _read(paths, recorded_from)


def _read(paths: Sequence[Path], read: Callable[[dict[str, Any]], Prompt]) -> list[Prompt]:
    prompts: dict[str, Prompt] = {}
    problems: list[str] = []
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            try:
                if line.strip():
                    prompt = read(_object(line))
                    prompts.setdefault(prompt.id, prompt)
            except WrongLine as wrong:
                problems.append(f"{path}:{number}: {wrong}")
    if problems:
        more = [f"and {len(problems) - MAX_PROBLEMS} more problems"] if len(problems) > MAX_PROBLEMS else []
        raise PromptFileError("\n".join(problems[:MAX_PROBLEMS] + more))
    if not prompts:
        names = ", ".join(map(str, paths))
        raise PromptFileError(f'{names}: no prompts: write lines like {{"query": "7 + 5?", "answer": "12"}}')
    return list(prompts.values())


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise PromptFileError(f"{path}: cannot be read ({error.strerror}): use the path of a file") from error
    except UnicodeDecodeError as error:
        raise PromptFileError(f"{path}: not a text file ({error.reason}): write JSON lines in UTF-8") from error


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WrongLine(f"not valid JSON ({str(error)[:100]}): write one object per line") from error
    if not isinstance(row, dict):
        raise WrongLine(f'invalid value {shown(row)}, use an object like {{"query": "7 + 5?", "answer": "12"}}')
    return row
