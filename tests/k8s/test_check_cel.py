"""Rules of custom resources in CEL, at every depth of a value."""

from __future__ import annotations

import pytest

from k8s.checks.cel import broken_rules


def schema(*rules, **properties):
    return {"x-kubernetes-validations": list(rules), "properties": properties}


def rule(expression, message=""):
    return {"rule": expression, "message": message}


POSITIVE = schema(rule("self > 0", "use more than 0"))


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": 1}, []),
        ({"a": 0}, ["a"]),
        ({"list": [1, 0, -1]}, ["list[1]", "list[2]"]),
        ({"map": {"x": {"y": 0}}}, ["map.x.y"]),
    ],
)
def test_a_broken_rule_is_found_where_it_is(value, where):
    made = schema(
        a=POSITIVE, list={"items": POSITIVE}, map={"additionalProperties": {"properties": {"y": POSITIVE}}}
    )  # fmt: skip
    found = list(broken_rules(value, made))
    assert [path for path, _ in found] == where
    assert all("use more than 0" in problem for _, problem in found)


def test_a_rule_without_a_message_is_its_own():
    ((_, problem),) = broken_rules({"a": 1}, schema(rule("has(self.b)")))
    assert "has(self.b)" in problem


def test_a_rule_that_cannot_be_evaluated_is_a_problem():
    ((_, problem),) = broken_rules({"a": "x"}, schema(rule("self.a.b > 1", "b is needed")))
    assert "cannot be evaluated" in problem


def test_rules_about_updates_are_left_out():
    assert list(broken_rules({"a": 0}, schema(rule("self.a == oldSelf.a")))) == []
