"""Bodies for engines without a serving layer: what is read, and what is refused by which field."""

from __future__ import annotations

import pytest

from deployments.engines.batch.openai_body import NOT_SUPPORTED, RejectedBody, read_body


def test_the_models_defaults_give_way_to_the_body():
    asked = read_body("completion", {"temperature": 0.5, "top_p": None}, {"temperature": 0.1, "top_p": 0.9})
    assert (asked.temperature, asked.top_p) == (0.5, 0.9)


def test_a_chats_token_limit_has_two_names_and_the_newer_one_wins():
    assert read_body("chat", {"max_tokens": 5}, {}).max_tokens == 5
    assert read_body("chat", {"max_tokens": 5, "max_completion_tokens": 7}, {}).max_tokens == 7


@pytest.mark.parametrize(
    ("kind", "body", "logprobs"),
    [
        ("chat", {"logprobs": True, "top_logprobs": 3}, 3),
        ("chat", {"logprobs": True}, 0),
        ("chat", {"logprobs": False, "top_logprobs": 3}, None),
        ("completion", {"logprobs": 3}, 3),
        ("completion", {}, None),
    ],
)
def test_log_probabilities_are_asked_for_in_two_ways(kind, body, logprobs):
    assert read_body(kind, body, {}).logprobs == logprobs


def test_one_stop_string_is_a_list_of_one():
    assert read_body("chat", {"stop": "END"}, {}).stop == ["END"]


@pytest.mark.parametrize("changes", [{"repetition_penalty": 1.1}, {"logit_bias": {3: 1.0}}, {"min_tokens": 1}])
def test_what_moves_the_likeliest_token_is_known(changes):
    assert read_body("chat", {"temperature": 0}, {}).changes_nothing
    assert not read_body("chat", changes, {}).changes_nothing


@pytest.mark.parametrize("field", NOT_SUPPORTED)
def test_fields_that_cannot_be_honoured_are_refused(field):
    with pytest.raises(RejectedBody, match=field) as refused:
        read_body("chat", {field: 2}, {})
    assert refused.value.param == field


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": "text"}, "response_format"),
        ({"temperature": 3}, "temperature"),
        ({"stop": ["a", ""]}, "stop.1"),
        ({"logit_bias": {"-1": 2}}, "logit_bias.-1.[key]"),
        ({"n": 0}, "n"),
        ({"min_tokens": 3, "max_tokens": 2}, None),
    ],
)
def test_a_refusal_names_the_field(body, param):
    with pytest.raises(RejectedBody) as refused:
        read_body("chat", body, {})
    assert refused.value.param == param


def test_tools_that_may_not_be_called_are_no_reason_to_refuse():
    assert read_body("chat", {"tools": [{}], "tool_choice": "none", "response_format": {"type": "text"}}, {}).n == 1
