"""Cold starts: each replica that was asked for is paired with the next one that serves."""

from __future__ import annotations

from deployments.scaling.cold_starts import ColdStarts


def watched(*looks):
    """(time, ready, desired) in order."""
    starts = ColdStarts()
    for now_s, ready, desired in looks:
        starts.see("small", ready, desired, now_s)
    return starts.newest_s("small")


def test_nothing_is_known_at_first():
    assert ColdStarts().newest_s("small") == 0
    assert watched((0, 1, 1), (5, 1, 1)) == 0


def test_from_asking_to_serving():
    assert watched((0, 1, 1), (10, 1, 2), (20, 1, 2), (75, 2, 2)) == 65


def test_the_first_asked_for_is_the_first_to_serve():
    assert watched((0, 1, 1), (10, 1, 2), (30, 1, 3), (70, 2, 3), (71, 3, 3)) == 41


def test_what_is_not_wanted_any_more_is_not_waited_for():
    assert watched((0, 1, 1), (10, 1, 3), (20, 1, 1), (30, 1, 2), (90, 2, 2)) == 60


def test_a_restart_of_the_policy_counts_no_replica_that_was_there():
    assert watched((0, 3, 3), (1, 3, 3)) == 0


def test_a_replica_that_is_replaced_is_asked_for_again():
    assert watched((0, 2, 2), (10, 1, 2), (40, 2, 2)) == 30
