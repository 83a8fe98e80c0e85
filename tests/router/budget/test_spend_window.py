"""The spend of the newest requests, read off a growing account."""

from __future__ import annotations

import pytest

from router.budget.controller import Account
from router.budget.spend_window import SpendWindow


def test_before_a_request_there_is_no_mean():
    window = SpendWindow()
    assert window.mean(Account(90, 500.0)) is None
    assert window.mean(Account(90, 501.0)) is None, "a correction of what was there before"


def test_only_the_newest_requests_count():
    window = SpendWindow(requests=100)
    window.mean(Account())
    for requests in range(10, 1_001, 10):
        mean = window.mean(Account(requests, 5.0 * requests))
    assert mean == pytest.approx(5.0)
    for more in range(10, 201, 10):
        mean = window.mean(Account(1_000 + more, 5_000.0 + 2.0 * more))
    assert mean == pytest.approx(2.0)


def test_what_answers_really_took_replaces_what_was_booked():
    window = SpendWindow()
    window.mean(Account())
    assert window.mean(Account(10, 100.0)) == pytest.approx(10.0)
    assert window.mean(Account(10, 60.0)) == pytest.approx(6.0)


def test_an_account_that_is_reset_is_not_compared_with_the_old_one():
    window = SpendWindow()
    window.mean(Account())
    window.mean(Account(1_000, 9_000.0))
    assert window.mean(Account(10, 20.0)) is None
    assert window.mean(Account(20, 50.0)) == pytest.approx(3.0)
