"""One prompt of `signalbox collect`: the request, and how its answers are graded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.pool import TIERS
from cluster.problems import did_you_mean, shown
from router.recording import outcome_line
from router.requests import from_chat
from router.types import BadRequest
from training.grading import KINDS, BadReference, check_reference

FIELDS = ("query", "messages", "tools", "max_tokens", "answer", "pattern", "grade", "group")


@dataclass(frozen=True)
class Prompt:
    """One request for every pool, and how its answers are graded."""

    body: dict[str, Any]
    """The request without its model: messages, and tools and max_tokens if given."""
    line: dict[str, Any]
    """The known part of the outcome line: the request as the router sees it, and its group."""
    kind: str
    """One of `training.grading.KINDS`."""
    reference: str | None = None
    """The right answer or the pattern; None only for a judge."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Answers by tier that were recorded before; if there are any, no pool is asked."""

    @property
    def id(self) -> str:
        """Equal for equal prompts, so that a resumed run recognises them."""
        text = json.dumps([self.body, self.line, self.kind, self.reference, self.given], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def question(self) -> str:
        """The conversation as the judge gets it."""
        messages = self.body["messages"]
        texts = [m["content"] if isinstance(m.get("content"), str) else json.dumps(m.get("content")) for m in messages]
        turns = (f"{message['role']}: {text}" for message, text in zip(messages, texts, strict=True))
        return texts[0] if len(texts) == 1 else "\n".join(turns)


class WrongLine(Exception):
    """A problem of one line."""


def prompt_from(row: dict[str, Any], default_kind: str | None) -> Prompt:
    """The prompt in a line.

    Args:
        default_kind: how a line without `grade` is graded. None: `regex` with a pattern, else `exact`.

    Raises:
        WrongLine: a field is missing, unknown or invalid.
    """
    if unknown := next((name for name in row if name not in FIELDS), None):
        raise WrongLine(f"{unknown[:60]}: unknown field, {did_you_mean(unknown[:60], FIELDS)}")
    if ("query" in row) == ("messages" in row):
        raise WrongLine("query: use either query (a text) or messages (a conversation)")
    if "query" in row and not isinstance(row["query"], str):
        raise WrongLine(f"query: invalid value {shown(row['query'])}, use text")
    messages = row["messages"] if "messages" in row else [{"role": "user", "content": row["query"]}]
    body: dict[str, Any] = {name: row[name] for name in row if name in ("tools", "max_tokens")}
    body["messages"] = messages
    try:
        request = from_chat(body)
    except BadRequest as error:
        raise WrongLine(error.message) from error
    kind = _kind(row, default_kind)
    line = outcome_line(request, group=_text(row, "group"))
    return Prompt(body, line, kind, _reference(row, kind))


def _kind(row: dict[str, Any], default: str | None) -> str:
    kind = row.get("grade", default or ("regex" if "pattern" in row else "exact"))
    if kind not in KINDS:
        raise WrongLine(f"grade: invalid value {shown(kind)}, use one of {', '.join(KINDS)}")
    return str(kind)


def _reference(row: dict[str, Any], kind: str) -> str | None:
    field = "pattern" if kind == "regex" else "answer"
    reference = _text(row, field)
    if kind == "judge":
        return reference
    if reference is None:
        raise WrongLine(f"{field}: is missing: add it to grade as {kind}, or set grade to judge")
    try:
        check_reference(kind, reference)
    except BadReference as error:
        raise WrongLine(f"{field}: {shown(reference)} {error}") from error
    return reference


def _text(row: dict[str, Any], field: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise WrongLine(f"{field}: invalid value {shown(value)}, use text")
    return value


def recorded_from(row: dict[str, Any]) -> Prompt:
    """The prompt in a line of shadow traffic, with its recorded answers, for a judge.

    Raises:
        WrongLine: it has no answers by tier, or no query.
    """
    answers = row.get("answer")
    if not isinstance(answers, dict) or not answers:
        raise WrongLine("answer: is missing: use a file of shadow traffic, which has the answers by tier")
    for tier, text in answers.items():
        if tier not in TIERS or not isinstance(text, str):
            raise WrongLine(
                f"answer.{tier[:60]}: invalid value {shown(text)}, use text under one of {', '.join(TIERS)}"
            )
    if not isinstance(row.get("query"), str):
        raise WrongLine(f"query: invalid value {shown(row.get('query'))}, use text")
    body = {"messages": row.get("messages") or [{"role": "user", "content": row["query"]}]}
    try:
        from_chat(body)
    except BadRequest as error:
        raise WrongLine(error.message) from error
    return Prompt(body, row, "judge", given=answers)
