"""What outcomes are collected on: files of JSON lines, checked whole before anything is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.pool import TIERS
from cluster.problems import did_you_mean, shown
from router.recording import outcome_line
from router.requests import from_chat
from router.types import BadRequest
from training.grading import KINDS, BadReference, check_reference

FIELDS = ("query", "messages", "tools", "max_tokens", "answer", "pattern", "grade", "group")
MAX_PROBLEMS = 20
"""Lines of one error; whoever gives a wrong file need not read a thousand."""


class PromptFileError(Exception):
    """The file cannot be used; the message has a line for each problem, with file:line and field."""


@dataclass(frozen=True)
class Prompt:
    """One request to ask of every pool, and how its answers are graded."""

    body: dict[str, Any]
    """messages, and tools and max_tokens where given: the request without its model."""
    line: dict[str, Any]
    """The outcome line as far as it is known: the request as the router sees it, and its group."""
    kind: str
    """One of `training.grading.KINDS`."""
    reference: str | None = None
    """The right answer, or the pattern; None only for a judge."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Answers by tier that were recorded before; with any, no pool is asked."""

    @property
    def id(self) -> str:
        """Equal for equal prompts; what `--resume` recognises them by."""
        text = json.dumps([self.body, self.line, self.kind, self.reference, self.given], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def question(self) -> str:
        """The conversation as a judge is shown it."""
        messages = self.body["messages"]
        texts = [m["content"] if isinstance(m.get("content"), str) else json.dumps(m.get("content")) for m in messages]
        turns = (f"{message['role']}: {text}" for message, text in zip(messages, texts, strict=True))
        return texts[0] if len(texts) == 1 else "\n".join(turns)


class _Wrong(Exception):
    """What is wrong with one line."""


def read_prompts(paths: Sequence[Path], default_kind: str | None) -> list[Prompt]:
    """All prompts of some files, equal ones once, in order.

    Args:
        default_kind: how lines without `grade` are graded. None: `regex` with a pattern, else `exact`.

    Raises:
        PromptFileError: a file cannot be read, has lines that cannot be used, or there is no prompt at all.
    """
    return _read(paths, lambda row: _prompt(row, default_kind))


def read_recorded(paths: Sequence[Path]) -> list[Prompt]:
    """The answers that shadow traffic recorded, for a judge.

    Raises:
        PromptFileError: as read_prompts.
    """
    return _read(paths, _recorded)


def _read(paths: Sequence[Path], read: Callable[[dict[str, Any]], Prompt]) -> list[Prompt]:
    prompts: dict[str, Prompt] = {}
    problems: list[str] = []
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            try:
                if line.strip():
                    prompt = read(_object(line))
                    prompts.setdefault(prompt.id, prompt)
            except _Wrong as wrong:
                problems.append(f"{path}:{number}: {wrong}")
    if problems:
        more = [f"and {len(problems) - MAX_PROBLEMS} more problems"] if len(problems) > MAX_PROBLEMS else []
        raise PromptFileError("\n".join(problems[:MAX_PROBLEMS] + more))
    if not prompts:
        names = ", ".join(map(str, paths))
        raise PromptFileError(f'{names}: no prompt: write lines like {{"query": "7 + 5?", "answer": "12"}}')
    return list(prompts.values())


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise PromptFileError(f"{path}: cannot be read ({error.strerror}): write the path of a file") from error
    except UnicodeDecodeError as error:
        raise PromptFileError(f"{path}: not a text file ({error.reason}): write JSON lines in UTF-8") from error


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"not valid JSON ({str(error)[:100]}): write one object a line") from error
    if not isinstance(row, dict):
        raise _Wrong(f'found {shown(row)}: write an object like {{"query": "7 + 5?", "answer": "12"}}')
    return row


# -- prompts ---------------------------------------------------------------------------------------------------------


def _prompt(row: dict[str, Any], default_kind: str | None) -> Prompt:
    if unknown := next((name for name in row if name not in FIELDS), None):
        raise _Wrong(f"{unknown[:60]}: no such field: {did_you_mean(unknown[:60], FIELDS)}")
    if ("query" in row) == ("messages" in row):
        raise _Wrong("query: write either query (a text) or messages (a conversation)")
    if "query" in row and not isinstance(row["query"], str):
        raise _Wrong(f"query: found {shown(row['query'])}: write text")
    messages = row["messages"] if "messages" in row else [{"role": "user", "content": row["query"]}]
    body: dict[str, Any] = {name: row[name] for name in row if name in ("tools", "max_tokens")}
    body["messages"] = messages
    try:
        request = from_chat(body)
    except BadRequest as error:
        raise _Wrong(error.message) from error
    kind = _kind(row, default_kind)
    line = outcome_line(request, group=_text(row, "group"))
    return Prompt(body, line, kind, _reference(row, kind))


def _kind(row: dict[str, Any], default: str | None) -> str:
    kind = row.get("grade", default or ("regex" if "pattern" in row else "exact"))
    if kind not in KINDS:
        raise _Wrong(f"grade: found {shown(kind)}: write one of {', '.join(KINDS)}")
    return str(kind)


def _reference(row: dict[str, Any], kind: str) -> str | None:
    field = "pattern" if kind == "regex" else "answer"
    reference = _text(row, field)
    if kind == "judge":
        return reference
    if reference is None:
        raise _Wrong(f"{field}: is missing: write it to grade as {kind}, or let a model judge (`--grade judge`)")
    try:
        check_reference(kind, reference)
    except BadReference as error:
        raise _Wrong(f"{field}: found {shown(reference)}: {error}") from error
    return reference


def _text(row: dict[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise _Wrong(f"{field}: found {shown(value)}: write text")
    return value


# -- shadow traffic --------------------------------------------------------------------------------------------------


def _recorded(row: dict[str, Any]) -> Prompt:
    answers = row.get("answer")
    if not isinstance(answers, dict) or not answers:
        raise _Wrong("answer: is missing: write the answers by tier, as shadow traffic records them")
    for tier, text in answers.items():
        if tier not in TIERS or not isinstance(text, str):
            raise _Wrong(f"answer.{tier[:60]}: found {shown(text)}: write text under one of {', '.join(TIERS)}")
    if not isinstance(row.get("query"), str):
        raise _Wrong(f"query: found {shown(row.get('query'))}: write text")
    body = {"messages": row.get("messages") or [{"role": "user", "content": row["query"]}]}
    try:
        from_chat(body)
    except BadRequest as error:
        raise _Wrong(error.message) from error
    return Prompt(body, row, "judge", given=answers)
