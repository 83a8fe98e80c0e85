"""Dynamic batching: limits hold, nobody waits forever, everything ends, whatever arrives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.engines.batch.batching import Batcher, Plan, Sequence, bucket_of

END = 7


def sequence(row, length=4, max_tokens=3, priority=0):
    return Sequence(row, tuple(range(100, 100 + length)), max_tokens, frozenset([END]), priority)


def batcher(rows=8, budget=1000, prefill=1000):
    return Batcher(rows, budget, prefill)


def step(made, token=1):
    """One planned step, every row of which gets the same token."""
    plan = made.plan()
    return plan, {row: made.accept(row, token) for row in plan.rows}


def test_buckets_grow_by_a_factor():
    assert [bucket_of(n) for n in (1, 2, 4, 5, 16, 17, 64, 65)] == [0, 1, 1, 2, 2, 3, 3, 4]


def test_prompts_of_like_length_are_prefilled_together():
    made = batcher()
    for row, length in enumerate((10, 200, 12, 16)):
        made.add(sequence(row, length))
    assert [step(made)[0].rows for _ in range(2)] == [(0, 2, 3), (0, 2, 3)]  # a prefill, then its decoding
    assert step(made)[0].prefill[0][0] == 1


def test_new_rows_join_those_that_run_in_their_bucket():
    made = batcher()
    made.add(sequence(0))
    step(made)
    made.add(sequence(1))
    step(made)  # the running row is not kept waiting by the new one
    assert step(made)[0].prefill[0][0] == 1
    assert set(made.plan().rows) == {0, 1}


def test_a_row_ends_by_its_end_token_or_its_length_and_is_dropped_with_the_next_plan():
    made = batcher()
    made.add(sequence(0, max_tokens=1))
    made.add(sequence(1, max_tokens=9))
    assert step(made)[1] == {0: "length", 1: None}
    plan, ended = step(made, END)
    assert (plan.drop, ended) == ((0,), {1: "stop"})
    assert made.plan() == Plan(drop=(1,))
    assert made.idle


def test_lower_priorities_are_served_first():
    made = batcher(rows=1)
    made.add(sequence(0, priority=10))
    made.add(sequence(1, priority=0))
    assert made.plan().rows == (1,)


def test_cancelled_rows_leave_the_queue_and_the_batch():
    made = batcher(rows=1)
    made.add(sequence(0))
    made.add(sequence(1))
    step(made)
    made.remove(0)
    made.remove(1)
    made.remove(99)
    assert made.plan() == Plan(drop=(0,))
    assert made.idle


def test_a_prefill_is_bounded_by_tokens_with_padding():
    made = batcher(prefill=30)
    for row, length in enumerate((10, 16, 10)):
        made.add(sequence(row, length))
    assert made.plan().rows == (0,)  # a second row would make it 2 x 16


def test_the_last_row_is_preempted_when_the_cache_is_full_and_computed_again_later():
    made = batcher(budget=12)
    made.add(sequence(0, length=4, max_tokens=8))
    made.add(sequence(1, length=4, max_tokens=8))
    step(made)  # both prefilled: 2 x 5 tokens cached after the first token, 12 with the next
    step(made)  # 2 x 6
    plan, _ = step(made)
    assert (plan.drop, plan.rows, made.preemptions_total) == ((1,), (0,), 1)
    while not made.plan().prefill:
        for row in made.plan().rows:
            made.accept(row, 1)
    assert len(made.buckets[bucket_of(6)][1].token_ids) == 6  # what was generated before is not lost


ARRIVALS = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 30), st.integers(0, 2), st.integers(0, 20)), min_size=1, max_size=25
)


@given(ARRIVALS, st.integers(1, 6), st.integers(95, 300), st.sets(st.integers(0, 24)))
def test_whatever_arrives_limits_hold_and_everything_ends(arrivals, rows, budget, cancelled):
    made = batcher(rows, budget, 64)
    generated, held, cancels = {}, set(), dict.fromkeys(sorted(cancelled), True)
    todo = [
        (at, sequence(row, length, tokens, priority)) for row, (length, tokens, priority, at) in enumerate(arrivals)
    ]
    for tick in range(4000):
        for _, each in [pair for pair in todo if pair[0] <= tick]:
            made.add(each)
        todo = [pair for pair in todo if pair[0] > tick]
        if tick == 10:
            for row in cancels:
                made.remove(row)
        plan = made.plan()
        held -= set(plan.drop)
        held |= {row for row, _ in plan.prefill}
        assert {row for row, _ in plan.decode} <= held  # every rank still has what it is to go on with
        assert made.running <= rows
        for row in plan.rows:
            made.accept(row, 1)
            generated[row] = generated.get(row, 0) + 1
        assert made.cached_tokens <= budget
        if made.idle and not todo:
            break
    assert held == set()
    for row, (_, tokens, _, _) in enumerate(arrivals):
        assert generated.get(row, 0) == tokens or row in cancelled
