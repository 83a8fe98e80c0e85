"""Pydantic's validation errors as lines: the field's path, the invalid value, and what to use instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cluster.options import vllm_argument_names
from cluster.pool import EngineSpec, PoolSpec
from cluster.problems import Problems, did_you_mean, shown
from cluster.spec import FleetSpec


def explain(error: ValidationError) -> Iterator[str]:
    """A line per problem."""
    for problem in error.errors(include_url=False):
        if problem["type"] == "default_factory_not_called":
            continue  # a default that depends on an invalid field, which has its own line
        path = [_part(part) for part in problem["loc"] if part != "[key]"]
        for below, text in _texts(problem):
            where = ".".join([*path, below] if below else path)
            yield f"{where}: {text}" if where else text


def _texts(problem: ErrorDetails) -> Iterator[tuple[str, str]]:
    """Path below the section that failed, and the problem."""
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, Problems):
        yield from cause.by_field.items()
    elif cause is not None:
        yield "", str(cause)
    elif problem["type"] == "extra_forbidden":
        yield "", f"unknown key: {_known_key(problem['loc'])}"
    elif problem["type"] == "missing":
        model, name = _section(problem["loc"][:-1]), str(problem["loc"][-1])
        about = model.model_fields[name].description if model and name in model.model_fields else None
        yield "", f"is missing: add it{_hint(about)}"
    else:
        yield "", f"invalid {_found(problem)}, use {_instead_of(problem)}"


def _found(problem: ErrorDetails) -> str:
    """The value, or the key if that is what is wrong."""
    if problem["type"] == "invalid_key":
        return f"key {shown(problem['loc'][-1])}"
    return f"{'key' if problem['loc'][-1:] == ('[key]',) else 'value'} {shown(problem['input'])}"


INSTEAD = {
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text (in quotes, if it looks like something else)",
    "string_unicode": "valid text",
    "string_too_short": "at least one character",
    "string_pattern_mismatch": "lower-case letters, digits and inner hyphens, 40 at most",
    "invalid_key": "text (in quotes, if it looks like something else)",
    "dict_type": "a mapping, `key: value`",
    "tuple_type": "a list, [a, b]",
    "too_short": "at least one entry",
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "one of {expected}",
}


def _instead_of(problem: ErrorDetails) -> str:
    if problem["type"] == "model_type":
        model = _section(problem["loc"])
        return f"a mapping with keys from: {', '.join(model.model_fields)}" if model else INSTEAD["dict_type"]
    if problem["type"] in INSTEAD:
        return INSTEAD[problem["type"]].format(**problem.get("ctx", {}))
    return f"something else ({problem['msg'][0].lower()}{problem['msg'][1:]})"


# -- unknown keys ----------------------------------------------------------------------------------------------------


def _known_key(loc: Sequence[int | str]) -> str:
    """What to do with an unknown key: a similar name, or the section that has this key."""
    model, written = _section(loc[:-1]), str(loc[-1])
    if model is None:
        return "remove it"
    below = [name for name, field in model.model_fields.items() if written in _fields(_model_in(field.annotation))]
    if below:
        return f"move it to {below[0]}"
    guess = did_you_mean(written, model.model_fields)
    if model in (PoolSpec, EngineSpec) and written in vllm_argument_names() and not guess.startswith("did"):
        return f"move it to {'engine.' if model is PoolSpec else ''}options"
    return guess


def _section(loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The section at a path; None if the path leaves the sections."""
    model: type[BaseModel] | None = FleetSpec
    parts = iter(loc)
    for part in parts:
        field = model.model_fields.get(str(part)) if model else None
        if field is None:
            return None
        model = _model_in(field.annotation)
        if getattr(field.annotation, "__origin__", None) is dict:
            next(parts, None)  # a name in a mapping of sections
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, directly or in a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in found if model), None)


def _fields(model: type[BaseModel] | None) -> list[str]:
    return list(model.model_fields) if model else []


def _part(part: int | str) -> str:
    text = str(part)
    return text if text.isprintable() and len(text) <= 60 else shown(text)


def _hint(about: str | None) -> str:
    return f" ({' '.join(about.split()).rstrip('.')})" if about else ""
