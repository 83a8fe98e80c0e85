"""`python -m demo.chat.answers` asks a running chat fleet twenty questions and writes its answers to docs/chat.md."""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from demo.chat.questions import QUESTIONS

PAGE = Path(__file__).parent.parent.parent / "docs" / "chat.md"
MARKS = ("<!-- answers -->", "<!-- /answers -->")
POOLS = ("small", "large")
MAX_TOKENS = 160
TIMEOUT_S = 300


@dataclass(frozen=True)
class Answer:
    """What a model answered."""

    pool: str
    text: str
    tokens: int
    took_s: float
    cut: bool
    """Whether the answer was longer than MAX_TOKENS."""


def ask(client: httpx.Client, model: str, question: str) -> Answer:
    """The answer to one question at temperature 0.

    Raises:
        httpx.HTTPError: the endpoint is unreachable, or returned an error.
    """
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    began = time.perf_counter()
    response = client.post("/v1/chat/completions", json=body | {"temperature": 0, "max_tokens": MAX_TOKENS})
    took_s = time.perf_counter() - began
    response.raise_for_status()
    choice, usage = response.json()["choices"][0], response.json()["usage"]
    text, cut = choice["message"]["content"], choice["finish_reason"] == "length"
    return Answer(response.headers["x-signalbox-pool"], text, usage["completion_tokens"], took_s, cut)


def route(client: httpx.Client, question: str) -> str:
    """The pool that `auto` picks. Nothing is generated.

    Raises:
        httpx.HTTPError: see `ask`.
    """
    response = client.post("/v1/route", json={"model": "auto", "messages": [{"role": "user", "content": question}]})
    response.raise_for_status()
    return str(response.json()["pool"])


def section(number: int, question: str, picked: str, answers: list[Answer]) -> Iterator[str]:
    """Markdown for one question: the pool that `auto` picked, and the answer of each pool."""
    yield f"### {number}. {question}\n"
    yield f"`auto` picked `{picked}`.\n"
    for answer in answers:
        end = ", cut" if answer.cut else ""
        yield f"`{answer.pool}` ({answer.tokens} tokens{end}, {answer.took_s:.1f} s):\n"
        # Quoted: a code block in an answer is no example of this project's docs, whose examples tests run.
        yield "\n".join(f"> {line}".rstrip() for line in answer.text.strip().splitlines()) + "\n"


def report(client: httpx.Client) -> str:
    """Markdown with all questions and answers."""
    lines: list[str] = []
    for number, question in enumerate(QUESTIONS, start=1):
        picked = route(client, question)
        answers = [ask(client, pool, question) for pool in POOLS]
        lines += section(number, question, picked, answers)
        print(f"{number}/{len(QUESTIONS)} {question[:60]} -> {picked}", flush=True)
    return "\n".join(lines)


def main() -> None:
    """Replace the part of the page between the marks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="endpoint of the fleet")
    arguments = parser.parse_args()
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    try:
        with httpx.Client(base_url=arguments.url, timeout=TIMEOUT_S) as client:
            text = report(client)
    except httpx.HTTPError as error:
        sys.exit(
            f"{arguments.url} did not answer ({error}): start the fleet with signalbox serve examples/laptop-chat.yaml"
        )
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
