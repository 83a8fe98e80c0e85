"""Answers go into the page as they came, and an answer's code block stays a quotation."""

import httpx
import pytest

from demo.chat import answers
from demo.chat.questions import QUESTIONS


def reply(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/v1/route":
        return httpx.Response(200, json={"pool": "small"})
    body = request.read().decode()
    pool = "large" if '"large"' in body else "small"
    choice = {"message": {"content": f"{pool}:\n```python\nprint(1)\n```\n"}, "finish_reason": "length"}
    return httpx.Response(
        200, json={"choices": [choice], "usage": {"completion_tokens": 7}}, headers={"x-signalbox-pool": pool}
    )


def test_each_question_has_the_pick_and_both_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "QUESTIONS", QUESTIONS[:2])
    with httpx.Client(base_url="http://fleet", transport=httpx.MockTransport(reply)) as client:
        text = answers.report(client)
    assert text.count("`auto` picked `small`.") == 2
    assert "### 2. Who wrote Hamlet?" in text
    assert "`large` (7 tokens, cut, " in text
    assert "> large:\n> ```python\n> print(1)\n> ```\n" in text
    assert not any(line.startswith("```") for line in text.splitlines())


def test_there_are_twenty_different_questions() -> None:
    assert len(set(QUESTIONS)) == 20
