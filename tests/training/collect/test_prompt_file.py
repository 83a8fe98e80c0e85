"""Prompt files: what a line may say, and what is wrong with one that says something else."""

from __future__ import annotations

import json

import pytest

from training.collect.prompt_file import PromptFileError, read_prompts, read_recorded


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "prompts.jsonl"
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        path.write_text("".join(f"{text}\n" for text in texts))
        return [path]

    return write


def test_a_query_is_one_user_message(write):
    (prompt,) = read_prompts(write({"query": "7 + 5?", "answer": "12", "group": "sums"}), None)
    assert prompt.body == {"messages": [{"role": "user", "content": "7 + 5?"}]}
    assert prompt.line == {"query": "7 + 5?", "prompt_tokens": 6, "group": "sums"}
    assert (prompt.kind, prompt.reference, prompt.question) == ("exact", "12", "7 + 5?")


def test_a_conversation_keeps_what_the_router_looks_at(write):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "7 + 5?"},
    ]
    (prompt,) = read_prompts(write({"messages": messages, "max_tokens": 9, "pattern": "12"}), None)
    assert prompt.line | {"prompt_tokens": 0} == {
        "query": "7 + 5?", "system": "Be brief.", "turns": 4, "max_tokens": 9, "prompt_tokens": 0
    }  # fmt: skip
    assert (prompt.kind, prompt.reference) == ("regex", "12")
    assert prompt.question.startswith("system: Be brief.\nuser: Hi\n")


def test_equal_prompts_are_asked_once_and_blank_lines_skipped(write):
    line = {"query": "7 + 5?", "answer": "12"}
    assert len(read_prompts(write(line, "", line, line | {"answer": "13"}), "numeric")) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "use an object"),
        ("3", "use an object"),
        ({}, "query: use either"),
        ({"query": "a", "messages": []}, "query: use either"),
        ({"query": 7, "answer": "a"}, "query: invalid value 7, use text"),
        ({"query": None, "answer": "a"}, "query: invalid value nothing"),
        ({"messages": "hi", "answer": "a"}, "messages is"),
        ({"messages": [], "answer": "a"}, "messages is"),
        ({"messages": [{"role": "wizard", "content": "a"}], "answer": "a"}, "messages.0.role"),
        ({"query": "a", "answer": "b", "max_tokens": 0}, "max_tokens is 0"),
        ({"query": "a", "answer": "b", "tools": "x"}, "tools is"),
        ({"query": "a"}, "answer: is missing"),
        ({"query": "a", "answer": 12}, "answer: invalid value 12, use text"),
        ({"query": "a", "anwser": "b"}, "did you mean 'answer'"),
        ({"query": "a", "answer": "b", "grade": "fuzzy"}, "grade: invalid value 'fuzzy', use one of exact"),
        ({"query": "a", "answer": "b", "grade": ["exact"]}, "grade: invalid value"),
        ({"query": "a", "answer": "ten", "grade": "numeric"}, "answer: 'ten' has no number"),
        ({"query": "a", "pattern": "("}, "pattern: '(' is not a regular expression"),
        ({"query": "a", "answer": "b", "grade": "regex"}, "pattern: is missing"),
        ({"query": "a", "answer": "b", "group": 3}, "group: invalid value 3"),
    ],
)
def test_bad_lines_name_file_line_and_field(write, line, said):
    with pytest.raises(PromptFileError) as error:
        read_prompts(write({"query": "a", "answer": "b"}, line), None)
    assert "prompts.jsonl:2: " in str(error.value)
    assert said in str(error.value)


def test_many_problems_are_counted(write):
    with pytest.raises(PromptFileError, match="and 5 more problems"):
        read_prompts(write(*["{"] * 25), None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not a text file"),
        (lambda path: path.write_text("\n"), "no prompt"),
    ],
)
def test_bad_files(tmp_path, make, said):
    path = tmp_path / "file.jsonl"
    make(path)
    with pytest.raises(PromptFileError, match=said):
        read_prompts([path], None)


def test_shadow_lines_are_judged_as_they_were_recorded(write):
    row = {"query": "7 + 5?", "answer": {"small": "12", "large": "It is 12."}, "source": "shadow", "request_id": "r1"}
    (prompt,) = read_recorded(write(row))
    assert (prompt.line, prompt.kind, dict(prompt.given)) == (row, "judge", row["answer"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"query": "a"}, "answer: is missing"),
        ({"query": "a", "answer": "b"}, "answer: is missing"),
        ({"query": "a", "answer": {"gpt-4": "b"}}, "answer.gpt-4: invalid value 'b', use text under one of small"),
        ({"query": "a", "answer": {"small": 3}}, "answer.small: invalid value 3"),
        ({"answer": {"small": "b"}}, "query: invalid value nothing"),
        ({"query": "a", "answer": {"small": "b"}, "messages": [3]}, "messages.0"),
    ],
)
def test_bad_shadow_lines(write, row, said):
    with pytest.raises(PromptFileError, match=said):
        read_recorded(write(row))
