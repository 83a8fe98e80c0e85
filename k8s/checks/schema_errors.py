"""JSON Schema's errors in words: field path, what was found, what to write."""

from __future__ import annotations

from collections.abc import Iterator

from jsonschema import ValidationError

from cluster.problems import did_you_mean, shown


def explained(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Field path and problem of an error; one for each unknown field."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".")
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", ()))
            for key in sorted(str(key) for key in error.instance if key not in known):
                yield f"{path}.{key}".lstrip("."), f"is unknown and would be dropped: {did_you_mean(key, known)}"
        case "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            yield path, f"lacks {', '.join(missing)}: write it"
        case "enum":
            yield path, f"found {shown(error.instance)}: write one of {', '.join(map(str, error.validator_value))}"
        case "type" | "anyOf" | "oneOf":
            yield path, f"found {shown(error.instance)}: write {_wanted(error)}"
        case rule:
            yield path, f"found {shown(error.instance)}, which breaks the rule {rule}: {error.validator_value}"


def _wanted(error: ValidationError) -> str:
    """The types that are allowed; YAML reads an unquoted number as a number, which is a common mistake."""
    branches = [error.schema] if error.validator == "type" else error.validator_value
    types: list[str] = []
    for branch in branches:
        wanted = branch.get("type", "another value")
        types += [wanted] if isinstance(wanted, str) else [each for each in wanted if each != "null"]
    names = " or ".join(dict.fromkeys(f"a value of type {each}" for each in types))
    quotes = types == ["string"] and isinstance(error.instance, int | float)
    return f"{names}, in quotes" if quotes else names
