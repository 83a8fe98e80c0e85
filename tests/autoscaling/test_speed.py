"""What is learned of a replica's speed, and what is not."""

from __future__ import annotations

import pytest
from scaled_pools import ANSWER, PROMPT, START_S, report

from autoscaling.speed import PROMPT_TOKEN_WORK, SpeedTable, prompt_mix

BASE_S, WORK_S = 0.03, 0.0003


def table(*batches, seconds=60, noise=lambda second: 1.0):
    """A table that saw a replica with steady batches of these sizes."""
    learned = SpeedTable()
    for batch in batches:
        tokens = 0.0
        before = report(running=batch, generated_tokens_total=0)
        for second in range(1, seconds + 1):
            step_s = (BASE_S + WORK_S * prompt_mix(PROMPT, ANSWER) * batch) * noise(second)
            tokens += batch / step_s
            now = report(now_s=START_S + second, running=batch, generated_tokens_total=round(tokens))
            learned.add(before, now, PROMPT, ANSWER)
            before = now
    return learned


def test_a_line_is_learned_from_several_batches():
    speed = table(5, 20, 80, 160).speed()
    assert speed.base_s == pytest.approx(BASE_S, rel=0.05)
    assert speed.per_request_s == pytest.approx(WORK_S, rel=0.05)


def test_noise_is_averaged_out():
    speed = table(5, 20, 80, 160, noise=lambda second: 1.5 if second % 2 else 0.5).speed()
    assert speed.base_s / speed.per_request_s == pytest.approx(BASE_S / WORK_S, rel=0.25)


def test_an_idle_replica_teaches_nothing():
    learned = table(5, 20, 80)
    before = learned.speed()
    for second in range(600):
        learned.add(report(now_s=START_S + second), report(now_s=START_S + second + 1), PROMPT, ANSWER)
    assert learned.speed() == before


def test_a_nearly_idle_replica_is_not_taken_for_a_slow_one():
    """One request at 33 tokens a second is no sign that a replica does 33 tokens a second."""
    speed = table(1).speed()
    assert 60 / (speed.base_s + speed.per_request_s * 60) > 600


def test_no_more_is_believed_than_a_few_times_what_was_seen():
    assert table(10).speed().most_work == pytest.approx(40 * prompt_mix(PROMPT, ANSWER), rel=0.05)


def test_a_change_of_speed_is_followed():
    learned = table(10, 40, 160)
    tokens, before = 0, report(running=40)
    for second in range(1, 1_200):
        tokens += 200
        now = report(now_s=START_S + second, running=40, generated_tokens_total=tokens)
        learned.add(before, now, PROMPT, ANSWER)
        before = now
    bins = sorted(learned._bins.items())
    assert [each.seconds / each.steps for _, each in bins][1] == pytest.approx(40 / 200, rel=0.05)


@pytest.mark.parametrize(
    "pair",
    [
        (report(), report(now_s=START_S + 1)),
        (report(running=5), report(running=5, generated_tokens_total=50)),  # no time between
        (report(running=5, generated_tokens_total=90), report(now_s=START_S + 1, running=5)),  # began anew
        (report(0, running=5), report(1, START_S + 1, running=5, generated_tokens_total=50)),  # another replica
    ],
)
def test_reports_that_tell_no_rate_are_left_out(pair):
    learned = SpeedTable()
    for _ in range(100):
        learned.add(*pair, PROMPT, ANSWER)
    assert learned.speed() is None


def test_prompts_count_by_the_answers_they_belong_to():
    assert prompt_mix(1_000, 0) == 1
    assert prompt_mix(0, 100) == 1
    assert prompt_mix(1_000, 100) == 1 + 10 * PROMPT_TOKEN_WORK
