"""The body of `POST /generate`."""

from __future__ import annotations

import json

import pytest

from deployments.gateway.errors import HttpError
from deployments.gateway.generate import PlainRequest


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
