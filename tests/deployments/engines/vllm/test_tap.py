"""A judged request: vLLM's engine reports on its first tokens, and the client's bytes stay what they would be."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from cluster.loading import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "support" / "judged_engine.py"
CASES = ("whole", "stream", "whole with logprobs", "stream with logprobs", "completion", "completion with logprobs",
         "completion stream", "stop string", "json", "refused")  # fmt: skip
HOLD_TOKENS = 24

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def results():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=550)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(lines[-1].removeprefix("RESULTS "))


def without_time(data):
    return re.sub(r'"created":\s*\d+', "", data)


@pytest.mark.parametrize("case", CASES)
def test_judging_changes_no_byte(results, case):
    plain, judged = results[case]
    assert without_time(judged["bytes"]) == without_time(plain["bytes"])
    assert (judged["status"], judged["usage"]) == (plain["status"], plain["usage"])
    assert plain["counts"] == []


@pytest.mark.parametrize("case", [case for case in CASES if case != "refused"])
def test_the_first_tokens_are_reported_and_no_more(results, case):
    _, judged = results[case]
    made = judged["usage"][0]["completion_tokens"]
    assert len(judged["logprobs"]) == len(judged["margins"]) == min(made, HOLD_TOKENS)
    assert all(logprob <= 0 for logprob in judged["logprobs"])
    if "completion with" not in case:  # there nobody asked for a second token, and margins are underrated
        assert all(margin >= 0 for margin in judged["margins"])  # greedy decoding takes the likeliest token
    # A stream's tokens come in groups, and the last group may end a little later.
    assert HOLD_TOKENS <= judged["counts"][-1] < HOLD_TOKENS + 4 or judged["counts"][-1] == made


def test_a_whole_answer_reports_before_it_opens(results):
    assert results["whole"][1]["before_opening"] == HOLD_TOKENS
    assert results["stream"][1]["before_opening"] == 0


def test_a_refusal_is_not_judged(results):
    assert results["refused"][1]["status"] == 400
    assert results["refused"][1]["logprobs"] == []


def test_leaving_a_whole_answer_early_frees_its_cache(results):
    cancelled = results["cancelled"]
    assert (cancelled["first"], cancelled["busy"], cancelled["kv_after"]) == ("Progress", 1, 0)
    assert cancelled["generated"] < 100
