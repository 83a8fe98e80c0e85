"""Files that the spec's `routing` section names, made absolute: gateways read them in another working directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cluster.problems import shown

RULES = "rules"
"""Value of `routing.artifact` that is not a file."""


def with_routing_files(data: dict[Any, Any], bases: Sequence[Path]) -> dict[Any, Any]:
    """The spec's data with absolute paths of the files that exist below one of the folders, the first one first."""
    routing = data.get("routing")
    if not isinstance(routing, dict):
        return data
    found: dict[str, Any] = {}
    if file := _file(routing.get("artifact"), bases):
        found["artifact"] = str(file)
    escalation = routing.get("escalation")
    if isinstance(escalation, dict) and (file := _file(escalation.get("model"), bases)):
        found["escalation"] = escalation | {"model": str(file)}
    return data | {"routing": routing | found}


def missing_routing_files(data: dict[Any, Any], bases: Sequence[Path]) -> Iterator[str]:
    """A line for each file that is named and does not exist."""
    routing = data.get("routing")
    if not isinstance(routing, dict):
        return
    escalation = routing.get("escalation")
    named = {
        "routing.artifact": routing.get("artifact"),
        "routing.escalation.model": escalation.get("model") if isinstance(escalation, dict) else None,
    }
    for field, text in named.items():
        if isinstance(text, str) and text not in ("", RULES) and _file(text, bases) is None:
            yield f"{field}: there is no file {shown(text)}: use the path of an existing file"


def _file(written: Any, bases: Sequence[Path]) -> Path | None:
    if not isinstance(written, str) or written in ("", RULES):
        return None
    try:
        for base in bases:
            if (candidate := (base / Path(written).expanduser()).resolve()).is_file():
                return candidate
    except (OSError, RuntimeError, ValueError):  # names too long, loops of links, unknown ~users, NUL bytes
        pass
    return None
