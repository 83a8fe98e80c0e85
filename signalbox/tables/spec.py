"""The page of `signalbox spec`: every field with type, default and meaning, from the fields' own docstrings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainSerializer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cluster.spec import FleetSpec

INTRODUCTION = """# The spec, field by field

One YAML file describes a fleet. Unknown keys and invalid values are rejected with the field's path, the value found and
what to use instead. `NAME` is a name that you choose. This page is the output of `signalbox spec`.
"""


def spec_reference() -> str:
    """The whole reference as Markdown."""
    return "\n".join([INTRODUCTION, *_section("", FleetSpec)])


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    """A table of one section's fields, then the sections inside it."""
    yield f"## {path or 'The file'}\n\n{(model.__doc__ or '').strip()}\n"
    yield "| field | type | default | meaning |\n|---|---|---|---|"
    inner: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        if part := _part(field.annotation):
            below = f"{path}.{name}".lstrip(".") + (".NAME" if _is_mapping(field.annotation) else "")
            inner.append((below, part))
        meaning = " ".join((field.description or "").split())
        kind = _type(field.annotation)
        yield f"| `{name}` | {f'text or {kind}' if _short_form(field) else kind} | {_default(field)} | {meaning} |"
    yield ""
    for below, part in inner:
        yield from _section(below, part)


def _part(annotation: Any) -> type[BaseModel] | None:
    """The section a field holds, also as the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_part, get_args(annotation))), None)


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict


def _short_form(field: FieldInfo) -> PlainSerializer | None:
    """What writes a section as a single word, where it has such a form."""
    return next((each for each in field.metadata if isinstance(each, PlainSerializer)), None)


PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null", Any: "anything"}


def _type(annotation: Any) -> str:
    """A type in the words of a YAML file."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(map(_type, arguments))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"{_type(arguments[1])} by name"
    return "section"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "by the engine"
    if field.default is PydanticUndefined:
        return "required"
    if short := _short_form(field):
        written: Any = short.func
        return f"`{json.dumps(written(field.default))}`"
    if _part(field.annotation) and field.default is not None:
        return "its fields' defaults"
    return f"`{json.dumps(field.default)}`"
