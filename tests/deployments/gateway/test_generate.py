"""`POST /generate`: its body as a chat, and a chat's answer as its own."""

from __future__ import annotations

import json

import pytest

from deployments.gateway.errors import HttpError
from deployments.gateway.generate import PlainRequest, plain_answer


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "x", "max_tokens": "5"}, "max_tokens"),
        ({"prompt": "x", "system_prompt": None}, "system_prompt"),
        ({"prompt": "x", "temperatur": 1}, "temperatur"),
    ],
)
def test_a_bad_plain_request_names_its_field(body, field):
    with pytest.raises(HttpError) as caught:
        PlainRequest.read(body)
    assert json.loads(caught.value.body)["error"]["param"] == field
    assert caught.value.status == 400


def test_plain_defaults_are_those_of_the_interface():
    chat = PlainRequest.read({"prompt": "hi"}).as_chat()
    assert chat["messages"][0]["content"] == "You are a helpful assistant."
    assert (chat["max_tokens"], chat["model"]) == (512, "auto")


def test_a_prompt_becomes_the_users_message():
    chat = PlainRequest.read({"prompt": "hi", "max_tokens": 3, "model": "small"}).as_chat()
    assert chat["messages"][-1] == {"role": "user", "content": "hi"}
    assert (chat["max_tokens"], chat["model"]) == (3, "small")


def test_an_answer_without_text_is_empty():
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    body = {"choices": [{"message": {"content": None}}], "usage": usage | {"prompt_tokens_details": None}}
    assert json.loads(plain_answer(json.dumps(body).encode())) == {"text": "", "usage": usage}
