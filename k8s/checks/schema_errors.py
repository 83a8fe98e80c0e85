"""JSON Schema errors as text: field path, invalid value and what to use."""

from __future__ import annotations

from collections.abc import Iterator

from jsonschema import ValidationError

from cluster.problems import did_you_mean, invalid, shown


def explained(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Field paths and problems of an error; one for each unknown field."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".")
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", ()))
            for key in sorted(str(key) for key in error.instance if key not in known):
                yield f"{path}.{key}".lstrip("."), f"is unknown and would be ignored, {did_you_mean(key, known)}"
        case "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            yield path, f"lacks {', '.join(missing)}, add it"
        case "enum":
            yield path, invalid(error.instance, f"one of {', '.join(map(str, error.validator_value))}")
        case "type" | "anyOf" | "oneOf":
            yield path, invalid(error.instance, _allowed_types(error))
        case rule:
            yield (
                path,
                f"invalid value {shown(error.instance)}, which violates the rule {rule}: {error.validator_value}",
            )


def _allowed_types(error: ValidationError) -> str:
    """The allowed types, with a hint for a common mistake: a number without quotes where a string is needed."""
    branches = [error.schema] if error.validator == "type" else error.validator_value
    types: list[str] = []
    for branch in branches:
        wanted = branch.get("type", "another value")
        types += [wanted] if isinstance(wanted, str) else [each for each in wanted if each != "null"]
    names = " or ".join(dict.fromkeys(f"a value of type {each}" for each in types))
    quotes = types == ["string"] and isinstance(error.instance, int | float)
    return f"{names}, in quotes" if quotes else names
