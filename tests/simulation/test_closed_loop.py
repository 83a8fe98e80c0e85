"""Clients that wait for their answers, before a simulated engine."""

from __future__ import annotations

from itertools import islice

import pytest

from simulation.closed_loop import ANSWER_TOKENS, PROMPT_TOKENS, Answered, ClosedLoop, lengths, play
from simulation.timing import EngineShape, StepTimes

TIMES = StepTimes((0.02,) * 65, 0.02, 0.001, 1e-6, 1e-4, 1e-9)
SHAPE = EngineShape(TIMES, 100_000, 64, 2_048, 1_024)
REQUEST_S = 0.004


def test_lengths_are_those_of_the_seed_and_within_bounds():
    drawn = list(islice(lengths("a"), 200))
    assert drawn == list(islice(lengths("a"), 200))
    assert drawn != list(islice(lengths("b"), 200))
    prompts, answers = zip(*drawn, strict=True)
    assert PROMPT_TOKENS[0] <= min(prompts) < 60 < 480 < max(prompts) <= PROMPT_TOKENS[1]
    assert ANSWER_TOKENS[0] <= min(answers) < 45 < 187 < max(answers) <= ANSWER_TOKENS[1]


def test_a_single_client_asks_again_when_it_has_its_answer():
    run = play(ClosedLoop(1, 10.0, 0.0), lengths("one"), SHAPE, REQUEST_S)
    assert [(each.prompt_tokens, each.answer_tokens) for each in run.answers] == list(
        islice(lengths("one"), len(run.answers))
    )
    assert run.answers[0].start_s == 0.0
    for earlier, later in zip(run.answers, run.answers[1:], strict=False):
        assert later.start_s == earlier.end_s
    for each in run.answers:
        prompt = each.prompt_tokens
        assert each.ttft_s == pytest.approx(REQUEST_S + TIMES.prefill_s(0, prompt, prompt, prompt**2 / 2))
        assert each.tpot_s == pytest.approx(TIMES.decode_s(1, prompt + (each.answer_tokens - 2) / 2))
    assert run.answers[-1].start_s <= 10.0 < run.answers[-1].end_s


@pytest.mark.parametrize("concurrency", [2, 7, 32])
def test_each_client_has_one_request_at_a_time(concurrency):
    answers = play(ClosedLoop(concurrency, 8.0, 0.0), lengths("many"), SHAPE, REQUEST_S).answers
    changes = sorted([(each.end_s, -1) for each in answers] + [(each.start_s, 1) for each in answers])
    open_now, most = 0, 0
    for at_s, change in changes:
        open_now += change
        most = max(most, open_now)
        assert open_now == concurrency or not 0 < at_s < 8.0 or change < 0
    assert most == concurrency
    assert [each.start_s for each in answers] == sorted(each.start_s for each in answers)


def test_more_clients_have_more_tokens_together_and_wait_longer_for_each():
    runs = [play(ClosedLoop(clients, 20.0, 5.0), lengths("more"), SHAPE, REQUEST_S) for clients in (1, 4, 16)]
    tokens = [run.counted_tokens for run in runs]
    tpots = [sum(each.tpot_s for each in run.counted) / len(run.counted) for run in runs]
    assert tokens == sorted(tokens)
    assert tpots == sorted(tpots)


def test_only_what_came_after_the_lead_in_counts():
    early, late = Answered(10, 11, 0.0, 1.0, 3.0), Answered(10, 11, 3.0, 4.0, 8.0)
    run = ClosedLoop(1, 6.0, 2.0, (early, late))
    assert run.counted == [late]
    # Of the early one 1 + 5 tokens came by 2 s; of the late one 1 + 5 by 6 s.
    assert run.counted_tokens == pytest.approx((11 - 6) + 6)
