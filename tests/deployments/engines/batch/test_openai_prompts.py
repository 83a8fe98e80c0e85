"""Prompts as token ids, with a tokenizer of one token per letter."""

from __future__ import annotations

import json

import pytest

from deployments.engines.batch.openai_body import RejectedBody, read_body
from deployments.engines.batch.openai_prompts import PromptReader, messages_of


class Letters:
    """A tokenizer: a token per letter, 100 of them."""

    def __len__(self):
        return 100

    def __call__(self, text, add_special_tokens=True):
        return {"input_ids": [0] * add_special_tokens + [ord(letter) - 96 for letter in text]}

    def decode(self, ids):
        return "".join(chr(each + 96) for each in ids)

    def apply_chat_template(self, messages, add_generation_prompt, **options):
        if messages[0]["role"] == "assistant":
            raise ValueError("begin with the user")
        return self("".join(m["content"] for m in messages) + "z" * add_generation_prompt)["input_ids"]


READER = PromptReader(Letters(), 10)


def read(kind, body):
    return READER.read(kind, body, read_body(kind, body, {}))


@pytest.mark.parametrize(
    ("prompt", "ids"),
    [
        ("ab", [(0, 1, 2)]),
        (["ab", "c"], [(0, 1, 2), (0, 3)]),
        ([1, 2], [(1, 2)]),
        ([[1], [2, 3]], [(1,), (2, 3)]),
    ],
)
def test_a_completion_has_one_or_several_texts_or_token_ids(prompt, ids):
    assert read("completion", {"prompt": prompt}) == ids


def test_a_chat_goes_through_the_template():
    assert read("chat", {"messages": [{"role": "user", "content": "ab"}]}) == [(0, 1, 2, 26)]
    body = {"messages": [{"role": "user", "content": "ab"}], "add_generation_prompt": False}
    assert read("chat", body) == [(0, 1, 2)]


def test_text_parts_are_joined():
    parts = [{"type": "text", "text": "a"}, "b"]
    assert messages_of({"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": None}]}) == [
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": ""},
    ]


@pytest.mark.parametrize(
    ("kind", "body", "param"),
    [
        ("completion", {"prompt": "abcdefghi", "max_tokens": 1}, "prompt"),
        ("completion", {"prompt": "abc", "max_tokens": 8}, "prompt"),
        ("completion", {"prompt": [100]}, "prompt"),
        ("completion", {"prompt": [[1], []]}, "prompt"),
        ("chat", {"messages": [{"role": "assistant", "content": "a"}]}, "messages"),
        ("chat", {"messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": 1}, "chat_template_kwargs"),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content"),
    ],
)
def test_a_refused_prompt_names_its_field(kind, body, param):
    with pytest.raises(RejectedBody) as refused:
        read(kind, body)
    assert refused.value.param == param


def test_tokens_are_counted_and_turned_back():
    assert json.loads(READER.counted("tokenize", {"prompt": "ab"})) == {
        "tokens": [0, 1, 2],
        "count": 3,
        "max_model_len": 10,
    }
    assert json.loads(READER.counted("tokenize", {"prompt": "ab", "add_special_tokens": False}))["count"] == 2
    assert json.loads(READER.counted("detokenize", {"tokens": [1, 2]})) == {"prompt": "ab"}


@pytest.mark.parametrize(("kind", "body"), [("detokenize", {"tokens": [True]}), ("tokenize", {}), ("detokenize", {})])
def test_what_cannot_be_counted_is_refused(kind, body):
    with pytest.raises(RejectedBody):
        READER.counted(kind, body)
