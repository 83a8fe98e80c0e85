"""Problems of a spec in words: the field's path, the invalid value, and what to use instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class Problems(ValueError):
    """Problems of the fields below the section that raises this, by their path in it."""

    def __init__(self, by_field: Mapping[str, str] | None = None, **more: str) -> None:
        self.by_field = dict(by_field or {}) | more
        super().__init__("; ".join(f"{field}: {text}" for field, text in self.by_field.items()))


def did_you_mean(written: str, known: Iterable[str], most: int = 20) -> str:
    """The known name that is probably meant, or the known names (the first `most` of them)."""
    names = list(known)
    plain = {name.lower().replace("-", "_"): name for name in names}
    if close := difflib.get_close_matches(written.lower().replace("-", "_"), plain, 1):
        return f"did you mean '{plain[close[0]]}'?"
    listed = ", ".join(names[:most]) + (", ..." if len(names) > most else "")
    return f"use one of {listed}" if names else "no value is allowed here"


def shown(value: object, most: int = 60) -> str:
    """A value for one line of text. Nested values are not spelled out: aliases can make them huge."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list, tuple, set)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    try:
        text = repr(value)
    except ValueError:  # an integer too long for Python to print
        return "a number of thousands of digits"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def invalid(value: object, use: str) -> str:
    """The problem of a value: `invalid value 8, use 16`, or `is missing, use 16` if there is none."""
    return f"is missing, use {use}" if value is None else f"invalid value {shown(value)}, use {use}"
