"""What JSON Schema finds, in words: path, invalid value, what to use."""

from __future__ import annotations

import pytest
from jsonschema import Draft7Validator

from k8s.checks.schema_errors import explained

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "size": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "kind": {"enum": ["a", "b"]},
        "list": {"type": "array", "items": {"type": "number", "maximum": 3}},
    },
}


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ({"name": "x", "sise": 1}, "sise", ["unknown", "did you mean", "size"]),
        ({}, "", ["lacks name, add it"]),
        ({"name": 8}, "name", ["8", "type string, in quotes"]),
        ({"name": "x", "size": []}, "size", ["type integer or a value of type string"]),
        ({"name": "x", "kind": "c"}, "kind", ["'c'", "one of a, b"]),
        ({"name": "x", "list": [1, 5]}, "list[1]", ["5", "maximum: 3"]),
    ],
)
def test_an_error_says_where_what_and_what_instead(value, path, words):
    ((found, problem),) = [each for error in Draft7Validator(SCHEMA).iter_errors(value) for each in explained(error)]
    assert found == path
    assert [word for word in words if word not in problem] == []


def test_every_unknown_field_is_named():
    (error,) = Draft7Validator(SCHEMA).iter_errors({"name": "x", "two": 1, "one": 1})
    assert [path for path, _ in explained(error)] == ["one", "two"]
