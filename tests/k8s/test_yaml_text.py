"""YAML with comments: what is written reads back as the same data, whatever it holds."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rendered_fleets import fleet

from k8s.render import render
from k8s.yaml_text import Key, to_yaml

texts = st.text(max_size=20) | st.sampled_from(
    ["yes", "1", "0.1", "null", "a: b", "# no", "- x", "a\nb\n", "a\n b", "{}"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(texts, values, min_size=1, max_size=5) | st.lists(values, min_size=1, max_size=5))
def test_what_is_written_reads_back(data):
    assert yaml.safe_load(to_yaml(data)) == data


def test_reasons_stand_above_what_they_explain():
    data = {Key("a", "because"): 1, "list": [{Key("name", "an item's"): "x", "value": "2"}], "text": "one\ntwo\n"}
    written = "# because\na: 1\nlist:\n# an item's\n- name: x\n  value: '2'\ntext: |\n  one\n  two\n"
    assert to_yaml(data) == written
    assert yaml.safe_load(written) == {"a": 1, "list": [{"name": "x", "value": "2"}], "text": "one\ntwo\n"}


def test_a_long_reason_is_wrapped():
    lines = to_yaml({Key("a", "word " * 60): 1}).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("# ") and len(line) <= 112 for line in lines[:-1])


@pytest.mark.parametrize("text", ["y", "n", "Y", "yes", "on", "1e3", "1.5", "0o17", "12:30:00", "1_000", "null", "~"])
def test_texts_that_look_like_something_else_are_quoted(text):
    """KubeRay reads with YAML 1.1 of Go: `y` is true there, and 1e3 a number."""
    assert to_yaml({"a": text, "b": [text]}) in (f"a: '{text}'\nb:\n- '{text}'\n", f'a: "{text}"\nb:\n- "{text}"\n')


def test_the_serve_config_quotes_them_too():
    written = render(fleet({"aliases": ["y", "1e3"]}))["base/ray-service.yaml"]
    assert "- 'y'\n" in written
    assert "- '1e3'\n" in written
