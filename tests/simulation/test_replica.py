"""The engine's batching, step by step: the closed sums against a loop over single steps."""

from __future__ import annotations

import math
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.job import Job
from simulation.replica import EPOCH_S, NEVER, Replica
from simulation.timing import EngineShape, StepTimes

TIMES = StepTimes((0.02,) * 65, 0.02, 0.001, 1e-6, 1e-4, 1e-9)


def shape(**changes: object) -> EngineShape:
    return EngineShape(
        **{
            "times": TIMES,
            "kv_tokens": 100_000,
            "max_num_seqs": 8,
            "max_num_batched_tokens": 512,
            "max_context_tokens": 8_192,
            **changes,
        }
    )


def play(replica: Replica, jobs: list[Job]) -> dict[int, float]:
    """Submit jobs at their arrival and run to the end; when each left, by index."""
    left: dict[int, float] = {}
    queue = sorted(jobs, key=lambda job: job.arrival_s)
    now = 0.0
    while queue or replica.ends_s < NEVER:
        if queue and queue[0].arrival_s <= replica.ends_s:
            now = queue[0].arrival_s
            replica.submit(queue.pop(0), now)
        else:
            assert replica.ends_s >= now
            now = replica.ends_s
            replica.end_step(now)
        for job in replica.left:
            left[job.index] = now
        replica.left.clear()
    return left


def test_one_request_takes_its_prefill_and_a_step_for_each_further_token():
    job = Job(0, 1.0, 100, 5)
    left = play(Replica("p", "r", shape()), [job])
    first = 1.0 + 0.02 + 100 * (1e-6 + 1e-4) + 100 * 50 * 1e-9
    assert job.first_s == pytest.approx(first)
    assert left[0] == pytest.approx(first + sum(0.02 + 0.001 + 1e-6 * (100 + step) for step in range(4)))


def test_a_long_prompt_is_computed_in_chunks_and_whole_where_it_is_not_chunked():
    chunked, whole = Job(0, 0.0, 1_300, 1), Job(0, 0.0, 1_300, 1)
    play(Replica("p", "r", shape()), [chunked])
    play(Replica("p", "r", shape(chunked=False)), [whole])
    assert chunked.first_s - whole.first_s == pytest.approx(2 * (0.02 + 1_300 * 1e-6))
    assert shape().unloaded_ttft_s(1_300) == pytest.approx(chunked.first_s - 3 * 1_300 * 1e-6)


def test_an_arrival_enters_the_batch_at_the_end_of_the_step_that_runs():
    early, late = Job(0, 0.0, 100, 1_000), Job(1, 5.0, 100, 1)
    play(Replica("p", "r", shape()), [early, late])
    step_s = 0.021 + 1e-6 * 300
    assert 0.02 + 0.01 < late.first_s - 5.0 < step_s + 0.021 + 100 * 1e-4 + 1e-3


def test_no_more_than_the_batch_run_at_once_and_the_queue_is_in_order():
    replica = Replica("p", "r", shape(max_num_seqs=2))
    jobs = [Job(i, 0.0, 10, 50) for i in range(5)]
    for job in jobs:
        replica.submit(job, 0.0)
    state = replica.state(0.0)
    assert (state.running, state.waiting, replica.ongoing) == (1, 4, 5)  # the first one's step had begun
    replica.end_step(replica.ends_s)
    assert (replica.state(0.1).running, replica.state(0.1).waiting) == (2, 3)
    left = play(replica, [])
    assert sorted(left, key=left.__getitem__) == [0, 1, 2, 3, 4]


def test_a_full_cache_throws_out_the_newest_which_is_answered_later():
    replica = Replica("p", "r", shape(kv_tokens=1_000))
    old, new = Job(0, 0.0, 300, 400), Job(1, 0.1, 300, 400)
    left = play(replica, [old, new])
    assert replica.preemptions > 0
    assert left[0] < left[1]
    assert new.first_s < left[0]  # its first tokens came before it was thrown out
    assert replica.state(left[1]).generated_tokens_total == 800
    assert replica.state(left[1]).kv_usage_ratio == 0.0


def test_who_waits_too_long_for_a_first_token_leaves():
    replica = Replica("p", "r", shape(max_num_seqs=1), first_token_timeout_s=3.0)
    first, second = Job(0, 0.0, 10, 400), Job(1, 0.0, 10, 10)
    left = play(replica, [first, second])
    assert first.first_s < NEVER
    assert second.first_s == NEVER
    assert set(left) == {0, 1}


def test_known_prefixes_are_not_computed_again():
    replica = Replica("p", "r", shape(max_num_batched_tokens=8_192))
    first, again = Job(0, 0.0, 1_100, 1, (7, 8)), Job(1, 10.0, 1_100, 1, (7, 8))
    play(replica, [first, again])
    assert again.first_s - 10.0 < 0.3 * first.first_s


def test_reports_grow_between_events():
    replica = Replica("p", "r", shape())
    replica.submit(Job(0, 0.0, 100, 1_000), 0.0)
    replica.end_step(replica.ends_s)
    early, late = replica.state(1.0), replica.state(5.0)
    assert early.as_of_s == EPOCH_S + 1.0
    assert 0 < early.generated_tokens_total < late.generated_tokens_total
    assert early.kv_usage_ratio < late.kv_usage_ratio


def by_single_steps(jobs: list[Job], engine: EngineShape) -> dict[int, tuple[float, float]]:
    """The same batching without a preemption, prompt by prompt and step by step."""
    now, waiting, computing, running = 0.0, sorted(jobs, key=lambda j: j.arrival_s), [], {}
    queue: list[Job] = []
    done, first = {}, {}
    while waiting or queue or computing or running:
        if not (queue or computing or running):
            now = max(now, waiting[0].arrival_s)
        while waiting and waiting[0].arrival_s <= now:
            queue.append(waiting.pop(0))
        budget, tokens, pairs, chunks = engine.max_num_batched_tokens - len(running), 0, 0.0, []
        while (
            queue
            and len(running) + len(computing) < engine.max_num_seqs
            and (sum(left for _, left in computing) < budget)
        ):
            job = queue.pop(0)
            computing.append([job, job.prompt_tokens])
        kv = sum(job.prompt_tokens + got for job, got in running.items() for got in [got - 1])
        kv += sum(job.prompt_tokens for job, _ in computing)
        for entry in computing:
            part = min(entry[1], budget)
            if part > 0:
                offset = entry[0].prompt_tokens - entry[1]
                pairs += part * (offset + part / 2)
                entry[1] -= part
                budget -= part
                tokens += part
                chunks.append(entry)
        times = engine.times
        now += times.prefill_s(len(running), kv, tokens, pairs) if chunks else times.decode_s(len(running), kv)
        for job in list(running):
            running[job] += 1
            if running[job] == job.answer_tokens:
                done[job.index] = now
                del running[job]
        for entry in [each for each in computing if each[1] == 0]:
            computing.remove(entry)
            first[entry[0].index] = now
            if entry[0].answer_tokens == 1:
                done[entry[0].index] = now
            else:
                running[entry[0]] = 1
    return {index: (first[index], done[index]) for index in done}


# Gaps between arrivals, prompt tokens, answer tokens. Two at the very same time would not be one batch: the first one's
# step begins at once.
REQUESTS = st.lists(st.tuples(st.floats(0.001, 2), st.integers(1, 1_500), st.integers(1, 300)), min_size=1, max_size=25)


def jobs_of(requests: list[tuple[float, int, int]]) -> list[Job]:
    arrivals = accumulate(gap for gap, _, _ in requests)
    return [
        Job(i, at, prompt, answer) for i, (at, (_, prompt, answer)) in enumerate(zip(arrivals, requests, strict=True))
    ]


@settings(max_examples=60, deadline=None)
@given(REQUESTS)
def test_events_give_what_single_steps_give(requests):
    engine = shape()
    jobs = jobs_of(requests)
    expected = by_single_steps(jobs, engine)
    left = play(Replica("p", "r", engine), jobs)
    for job in jobs:
        assert job.first_s == pytest.approx(expected[job.index][0], abs=1e-6)
        assert left[job.index] == pytest.approx(expected[job.index][1], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.integers(600, 4_000))
def test_everybody_is_answered_in_full_whatever_the_cache(requests, kv_tokens):
    replica = Replica("p", "r", shape(kv_tokens=kv_tokens))
    jobs = jobs_of([(gap, min(prompt, 300), answer) for gap, prompt, answer in requests])
    left = play(replica, jobs)
    end = replica.state(max(left.values()))
    assert set(left) == {job.index for job in jobs}
    assert end.generated_tokens_total == sum(job.answer_tokens for job in jobs)
    assert (end.kv_usage_ratio, end.waiting, end.running) == (0.0, 0, 0)
    assert all(math.isfinite(job.first_s) for job in jobs)
