"""Engine options: the names and values that an engine accepts.

vLLM's own names are in vllm_arguments.json, so that checking needs no vLLM: the fields of AsyncEngineArgs and of the
serving layer's BaseFrontendArgs. A test compares the file with the installed release and says how to renew it. vLLM
checks the values when it starts. Here only those are checked that the arithmetic of `cluster.memory` reads, and those
that other fields of the spec set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from cluster.problems import Problems, did_you_mean, shown

MOST_PROBLEMS = 20
"""Options that one error lists."""

Check = Callable[[Any], str]
"""What to use instead of a value; empty if the value is valid."""


@dataclass(frozen=True)
class EngineOptions:
    """The options of one engine kind."""

    values: Mapping[str, Check]
    """Options whose values are checked here."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Options that another field sets or that have no effect, with what to do instead."""
    required: Mapping[str, str] = field(default_factory=dict)
    """Options without a default, with what to use."""
    all_names: Callable[[], frozenset[str]] | None = None
    """Every name that the engine accepts; None: those of `values`."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that the engine accepts."""
        return self.all_names() if self.all_names else frozenset(self.values)

    def check(self, kind: str, options: Mapping[str, Any]) -> None:
        """Reject options that the engine does not know, and values that the arithmetic cannot use.

        Raises:
            Problems: one text per option, under `options.<name>`.
        """
        known = self.names
        missing = {name: text for name, text in self.required.items() if name not in options}
        problems = {f"options.{name}": f"is missing: use {text}" for name, text in missing.items()}
        for name, value in options.items():
            if name in self.refused:
                problems[f"options.{name}"] = self.refused[name]
            elif name not in known:
                hint = did_you_mean(name, sorted(known))
                problems[f"options.{name}"] = f"not an argument of the {kind} engine, {hint}"
            elif name in self.values and (instead := self.values[name](value)):
                problems[f"options.{name}"] = f"invalid value {shown(value)}, use {instead}"
            if len(problems) == MOST_PROBLEMS:
                break
        if problems:
            raise Problems(problems)


@cache
def vllm_argument_names() -> frozenset[str]:
    """Argument names of the vLLM release this project pins."""
    return frozenset(json.loads((files("cluster") / "vllm_arguments.json").read_text()))


# -- checks of values --------------------------------------------------------------------------------------------------

DTYPES = ("auto", "float32", "float", "bfloat16", "float16", "half")


def whole_number(value: Any) -> str:
    """An integer of at least 1."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return "" if good else "a whole number of at least 1"


def rate(value: Any) -> str:
    """A finite number above 0."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
    return "" if good else "a number above 0"


def share(value: Any) -> str:
    """A number above 0 and at most 1."""
    return "a number above 0 and at most 1" if rate(value) or value > 1 else ""


def dtype(value: Any) -> str:
    """A computing type."""
    return "" if value in DTYPES else f"one of {', '.join(DTYPES)}"


def text(value: Any) -> str:
    """Text that is not empty."""
    return "" if isinstance(value, str) and value else "a name"


def url(value: Any) -> str:
    """An HTTP address."""
    parts = urlsplit(value) if isinstance(value, str) else None
    good = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    return "" if good else "an address, such as http://10.0.0.7:8000/v1"


def url_path(value: Any) -> str:
    """The path of an address."""
    return "" if isinstance(value, str) and value.startswith("/") else "a path, such as /models"


def texts(value: Any) -> str:
    """A list of texts."""
    good = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return "" if good else "a list of names"


def headers(value: Any) -> str:
    """HTTP headers without secrets."""
    good = isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)
    if good and any(name.lower() == "authorization" for name in value):
        return "api_key_env or api_key_file for the key: a spec must not contain secrets"
    return "" if good else "a mapping of header names to texts"


def flag(value: Any) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else "true or false"


def one_of(**allowed: str) -> Check:
    """One of some words, each with its meaning."""
    words = " or ".join(f"{word} ({meaning})" for word, meaning in allowed.items())
    return lambda value: "" if value in allowed else words


def or_none(check: Check) -> Check:
    """The value or null, which is vLLM's default for some arguments."""
    return lambda value: "" if value is None else check(value)
