"""`signalbox collect` against a scripted endpoint: grades, missing answers, resuming, judging, and refusals."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import pytest
from typer.testing import CliRunner

from signalbox.cli import app
from signalbox.commands import collect as command
from training.collect import asker as asking

READY = {"small-a": "small", "small-b": "small", "big": "large", "asleep": "moe"}


class Endpoint:
    """Answers by pool; a number in `answers` is an HTTP status, an exception is raised."""

    def __init__(self, **answers):
        self.answers = {"small-a": "11", "small-b": "13", "big": "It is 12.", "asleep": 503} | answers
        self.asked = Counter()
        self.bodies = []

    def __call__(self, request):
        body = json.loads(request.content)
        self.bodies.append(body)
        self.asked[body["model"]] += 1
        answer = self.answers[body["model"]]
        answer = answer(body) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"error": {"message": "no"}})
        message = {"role": "assistant", "content": answer}
        return httpx.Response(200, json={"choices": [{"message": message}], "usage": {"completion_tokens": 3}})


@pytest.fixture
def run(tmp_path, monkeypatch):
    fleet = {name: {"tier": tier, "ready": int(name != "asleep")} for name, tier in READY.items()}
    monkeypatch.setattr(command, "fleet_pools", lambda url: fleet)
    monkeypatch.setattr(asking, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(asking.Asker.__init__, "__defaults__", (0.0,))

    def run(endpoint, *lines, options=()):
        prompts = tmp_path / "prompts.jsonl"
        prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
        transport = httpx.MockTransport(endpoint)
        monkeypatch.setattr(
            command, "client", lambda url, headers: httpx.AsyncClient(transport=transport, base_url="http://fleet")
        )
        outcomes = tmp_path / "outcomes.jsonl"
        result = CliRunner().invoke(app, ["collect", str(prompts), "-o", str(outcomes), *options])
        found = [json.loads(line) for line in outcomes.read_text().splitlines()] if outcomes.exists() else []
        return result, found

    return run


SUM = {"query": "7 + 5?", "answer": "12", "grade": "numeric", "group": "sums"}


def test_one_pool_of_each_ready_tier_is_asked_and_graded(run):
    endpoint = Endpoint()
    result, (line,) = run(endpoint, SUM)
    assert result.exit_code == 0, result.output
    assert line["quality"] == {"small": 0.0, "large": 1.0}
    assert line["output_tokens"] == {"small": 3, "large": 3}
    assert line["answer"] == {"small": "11", "large": "It is 12."}
    assert (line["query"], line["group"], line["grade"]) == ("7 + 5?", "sums", "numeric")
    assert "missing" not in line
    assert endpoint.asked == {"small-a": 1, "big": 1}
    assert {(body["temperature"], body["max_tokens"]) for body in endpoint.bodies} == {(0, 512)}


def test_named_pools_are_asked_instead(run):
    _, (line,) = run(Endpoint(), SUM, options=["--pools", "small-b"])
    assert line["answer"] == {"small": "13"}


@pytest.mark.parametrize("failure", [503, 429, httpx.ConnectError("refused")])
def test_a_failing_pool_is_asked_again_then_missing_and_never_bad(run, failure):
    endpoint = Endpoint(big=failure)
    result, (line,) = run(endpoint, SUM)
    assert endpoint.asked["big"] == asking.TRIES
    assert line["quality"] == {"small": 0.0}
    assert set(line["missing"]) == {"large"}
    assert result.exit_code == 0


def test_a_refused_request_is_not_repeated(run):
    endpoint = Endpoint(big=400)
    _, (line,) = run(endpoint, SUM)
    assert endpoint.asked["big"] == 1
    assert line["missing"]["large"].startswith("returned 400")


def test_a_failure_that_passes_is_forgotten(run):
    tries = []
    endpoint = Endpoint(big=lambda body: tries.append(1) or (503 if len(tries) == 1 else "12"))
    _, (line,) = run(endpoint, SUM)
    assert line["quality"]["large"] == 1.0


def test_resume_asks_only_what_is_not_there_and_repairs_a_cut_line(run, tmp_path):
    run(Endpoint(), SUM)
    outcomes = tmp_path / "outcomes.jsonl"
    outcomes.write_text(outcomes.read_text() + '{"query": "cut o')
    endpoint = Endpoint()
    result, lines = run(endpoint, SUM, SUM | {"query": "8 + 4?"}, options=["--resume"])
    assert result.exit_code == 0, result.output
    assert [line["query"] for line in lines] == ["7 + 5?", "8 + 4?"]
    assert endpoint.asked == {"small-a": 1, "big": 1}


def test_prompts_nobody_answered_are_not_written_and_a_dead_fleet_ends_the_run(run):
    dead = dict.fromkeys(READY, httpx.ConnectError("refused"))
    result, lines = run(Endpoint(**dead), SUM)
    assert (result.exit_code, lines) == (1, [])
    assert "--resume" in result.output
    endpoint = Endpoint(**dead)
    result, lines = run(endpoint, *(SUM | {"query": f"{n} + 1?"} for n in range(500)), options=["--concurrency", "1"])
    assert (result.exit_code, lines) == (1, [])
    assert "in a row" in result.output
    assert endpoint.asked["big"] < 500


def test_a_judge_scores_and_what_it_mumbles_is_missing(run):
    def big(body):
        content = body["messages"][0]["content"]
        if "[Answer]" not in content:
            return "A long story."
        return "Good.\nScore: 8" if "A long story." in content else "I would rather not."

    result, (line,) = run(Endpoint(big=big), {"query": "Tell a story."}, options=["--grade", "judge"])
    assert line["quality"] == {"large": 0.8}
    assert set(line["answer"]) == {"small", "large"}
    assert result.exit_code == 0


def test_shadow_answers_are_judged_and_nobody_else_is_asked(run):
    endpoint = Endpoint(big="Score: 5")
    recorded = {"query": "Hi", "answer": {"small": "a", "moe": "b"}, "output_tokens": {"small": 2}, "source": "shadow"}
    _, (line,) = run(endpoint, recorded, options=["--from-shadow"])
    assert line["quality"] == {"small": 0.5, "moe": 0.5}
    assert (line["output_tokens"], line["source"]) == ({"small": 2}, "shadow")
    assert endpoint.asked == {"big": 2}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pools", "smal-a"], "did you mean 'small-a'"),
        (["--pools", "asleep"], "not ready"),
        (["--pools", "small-a", "--pools", "small-b"], "both of tier small"),
        (["--grade", "exakt"], "did you mean 'exact'"),
        (["--grade", "judge", "--judge-pool", "asleep"], "not ready"),
        (["-o", "x.jsonl.gz"], "compress it afterwards"),
    ],
)
def test_wrong_options_are_said_before_anything_is_asked(run, options, said):
    endpoint = Endpoint()
    line = {name: value for name, value in SUM.items() if name != "grade"}
    result, lines = run(endpoint, line, options=options)
    assert (result.exit_code, lines, endpoint.bodies) == (2, [], [])
    assert said in " ".join(result.output.split())


def test_an_outcome_file_is_never_overwritten(run):
    run(Endpoint(), SUM)
    result, lines = run(Endpoint(), SUM)
    assert (result.exit_code, len(lines)) == (2, 1)
    assert "--resume" in result.output


def test_a_file_of_another_kind_is_not_resumed(run, tmp_path):
    (tmp_path / "outcomes.jsonl").write_text('{"query": "a"}\n')
    result, _ = run(Endpoint(), SUM, options=["--resume"])
    assert result.exit_code == 2
    assert "outcomes.jsonl:1: id: is missing" in "".join(result.output.split("\n"))
