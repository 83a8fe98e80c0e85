"""Bodies as routing requests: what is read, what is refused, and that nothing breaks it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from bad_requests import CHAT, COMPLETION, GOOD, WRONG_FIELDS, WRONG_MESSAGES, WRONG_PROMPTS
from hypothesis import given
from hypothesis import strategies as st

from router.checks import MAX_DEPTH
from router.features import features
from router.requests import from_chat, from_completion, from_name
from router.tokens import MESSAGE_TOKENS
from router.types import BadRequest, RoutingRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
KNOWN = st.sampled_from(["messages", "prompt", "model", "max_tokens", "tools", "response_format", "stop", "stream"])
READERS = {CHAT: from_chat, COMPLETION: from_completion}
ROUTING_CHECKS = ("n", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "stream")


def wrong_fields():
    for path in READERS:
        for field in ROUTING_CHECKS:
            for value in WRONG_FIELDS[field]:
                yield pytest.param(path, field, value, id=f"{path} {field} {json.dumps(value)[:20]}")


@pytest.mark.parametrize(("path", "field", "value"), list(wrong_fields()))
def test_a_wrong_field_is_named(path, field, value):
    with pytest.raises(BadRequest, match=field) as caught:
        READERS[path]({**GOOD[path], field: value})
    assert caught.value.param == field


@pytest.mark.parametrize("messages", [m for m in WRONG_MESSAGES if "long" not in str(m) and "image_url" not in str(m)])
def test_wrong_messages_are_named(messages):
    with pytest.raises(BadRequest, match="messages"):
        from_chat({"messages": messages})


@pytest.mark.parametrize("prompt", [p for p in WRONG_PROMPTS if "long" not in str(p) and p != [5] * 2_000])
def test_wrong_prompts_are_named(prompt):
    with pytest.raises(BadRequest, match="prompt"):
        from_completion({"prompt": prompt})


def test_a_conversation_is_read():
    body = {
        "model": "large",
        "max_completion_tokens": 9,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "text", "text": "part"}]},
        ],
    }
    read = from_chat(body)
    assert read == RoutingRequest(
        text="second\npart", system="Be brief.", turns=4, prompt_tokens=6 + 4 * MESSAGE_TOKENS, max_tokens=9,
        model="large", prompt_error=read.prompt_error,
    )  # fmt: skip


def test_the_task_is_read_wherever_it_stands():
    work = "Derive the SSA form of each snippet."
    pasted = "<document>" + "The wall is old. " * 90 + "</document>"
    go = from_chat({"messages": [{"role": "system", "content": work}, {"role": "user", "content": "Go."}]})
    ask = from_chat({"messages": [{"role": "user", "content": f"{pasted}\n\nWho built it?"}]})
    assert (go.text, go.system, go.context_characters) == (work, work, 0)
    assert (ask.text, ask.context_characters) == ("Who built it?", len(pasted) + 2)
    assert from_completion({"prompt": f"{pasted}\n\nWho built it?"}).text == "Who built it?"


@pytest.mark.parametrize(
    ("extra", "needs"),
    [
        ({}, set()),
        ({"tools": [{"type": "function"}]}, {"tools"}),
        ({"tools": [{"type": "function"}], "tool_choice": "none"}, set()),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, {"structured_outputs"}),
        ({"response_format": {"type": "text"}}, set()),
        ({"structured_outputs": {"regex": "a"}}, {"structured_outputs"}),
        ({"guided_json": {"type": "object"}}, {"structured_outputs"}),
        ({"guided_json": None}, set()),
        ({"messages": [*GOOD[CHAT]["messages"], {"role": "tool", "content": "7", "tool_call_id": "c"}]}, {"tools"}),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}, *GOOD[CHAT]["messages"]]}, {"tools"}),
        ({"messages": [{"role": "function", "name": "f", "content": "7"}]}, {"tools"}),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            {"vision"},
        ),
    ],
)
def test_needs(extra, needs):
    assert from_chat({**GOOD[CHAT], **extra}).needs == needs


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
LONG = "The wall of the old town was high. " * 1_000


@pytest.mark.parametrize(
    "extra",
    [
        {"documents": [{"title": "wall", "text": LONG}]},
        {"tools": [TOOL] * 400},
        {"functions": [TOOL["function"]] * 600},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": LONG}}]}]},
        {"messages": [{"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": LONG}}]},
        {"messages": [{"role": "user", "content": "hi", "name": LONG}]},
        {"messages": [{"role": "user", "content": "hi"}] * 2_000},
    ],
)
def test_everything_that_a_template_renders_is_counted(extra):
    assert 7_000 < from_chat({**GOOD[CHAT], **extra}).prompt_tokens < 25_000


@pytest.mark.parametrize(
    "extra",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"description": LONG}}}},
        {"structured_outputs": {"regex": LONG}},
        {"guided_json": {"description": LONG}},
        {"metadata": {"note": LONG}},
    ],
)
def test_what_no_template_renders_is_not_counted(extra):
    assert from_chat({**GOOD[CHAT], **extra}).prompt_tokens == from_chat(GOOD[CHAT]).prompt_tokens


def test_a_prompt_that_the_engine_truncates_is_as_long_as_it_says():
    read = from_chat({"messages": [{"role": "user", "content": LONG}], "truncate_prompt_tokens": 50})
    assert (read.prompt_tokens, read.prompt_error) == (50, 0)


@pytest.mark.parametrize(
    ("path", "extra", "sequences", "others"),
    [
        (CHAT, {}, 1, 0),
        (CHAT, {"n": 100}, 100, 0),
        (CHAT, {"n": None}, 1, 0),
        (COMPLETION, {"n": 2, "best_of": 5}, 5, 0),
        (COMPLETION, {"best_of": 10**400}, 1_000, 0),
        (COMPLETION, {"best_of": "many"}, 1, 0),
        (COMPLETION, {"prompt": ["abcd" * 9] * 40}, 40, 39 * 9),
        (COMPLETION, {"prompt": [[1] * 5, [1] * 7], "n": 3}, 6, 5),
    ],
)
def test_every_sequence_is_counted(path, extra, sequences, others):
    read = READERS[path]({**GOOD[path], **extra})
    assert (read.sequences, read.other_prompt_tokens) == (sequences, others)


def test_prompts_of_every_shape():
    assert from_completion({"prompt": "abcd" * 3}).prompt_tokens == 3
    assert from_completion({"prompt": [1, 2, 3]}).prompt_tokens == 3
    assert from_completion({"prompt": ["a", "bc"]}).text == "bc"


def test_a_body_without_a_query_goes_by_its_name_alone():
    assert from_name({"tokens": [1], "model": "large"}) == RoutingRequest(text="", model="large", generates=False)
    assert from_name({}).model == "auto"
    with pytest.raises(BadRequest, match="model"):
        from_name({"model": 7})


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [("abcd" * 3, 3), ([1, 2, 3], 3), ([[1, 2], [3, 4, 5]], 3), (["abcd" * 9] * 50, 9), (["abcd", [1] * 7], 7)],
)
def test_of_several_prompts_the_longest_has_to_fit(prompt, tokens):
    assert from_completion({"prompt": prompt}).prompt_tokens == tokens


@pytest.mark.parametrize(
    ("path", "value"), [(CHAT, "many"), (CHAT, 3), (CHAT, []), (COMPLETION, True), (COMPLETION, "3"), (COMPLETION, 1.5)]
)
def test_logprobs_differ_between_the_endpoints(path, value):
    with pytest.raises(BadRequest, match="logprobs"):
        READERS[path]({**GOOD[path], "logprobs": value})
    assert READERS[path]({**GOOD[path], "logprobs": path == CHAT or 3})


@pytest.mark.parametrize("field", ["messages", "prompt", "model", "metadata", "stop", "tools"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 994, 50_000])
def test_deep_nesting_is_refused_before_it_exhausts_the_stack(field, depth):
    deep = []
    for level in range(depth):
        deep = {"inner": deep} if level % 2 else [deep]
    for path, read in READERS.items():
        with pytest.raises(BadRequest, match="use fewer levels"):
            read({**GOOD[path], field: deep})


def test_a_deep_but_real_schema_passes():
    schema = {"type": "string"}
    for _ in range(25):
        schema = {"type": "object", "properties": {"inner": schema}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    assert from_chat({**GOOD[CHAT], "tools": [tool]}).needs == {"tools"}


@given(body=st.dictionaries(KNOWN | st.text(max_size=8), JSON, max_size=5))
def test_any_object_is_a_request_or_a_bad_request(body):
    for read in READERS.values():
        with suppress(BadRequest):
            assert isinstance(read(body), RoutingRequest)


@pytest.mark.parametrize("text", ["x" * 100_000, "\x00\x07\x1b", "\ud800", "7 " * 50_000, "ééé" * 9, "1+" * 40_000])
def test_any_text_has_finite_features(text):
    found = features(from_chat({"messages": [{"role": "user", "content": text}]}))
    assert all(0 <= value < 1e6 for value in found.values())
