"""Requests are found by their ids and forgotten within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.board.recent_requests import OVERHEAD_BYTES, RecentRequests
from deployments.board.records import Limits, Recent

PLENTY = 10**9


def recent(request_id, text="hi"):
    return Recent(request_id, None, "small", {"query": text})


def test_found_by_request_id_and_by_the_id_of_a_body():
    requests = RecentRequests(Limits(10, PLENTY))
    requests.remember([recent("a-b"), recent("0123456789abcdef")])
    assert requests.find("a-b").request_id == "a-b"
    assert requests.find("chatcmpl-a-b-0f0f0f0f").request_id == "a-b"
    assert requests.find("cmpl-0123456789abcdef-00ff00ff").request_id == "0123456789abcdef"
    for unknown in ("", "a", "b", "-", "chatcmpl-", "chatcmpl-zz-1"):
        assert requests.find(unknown) is None


def test_an_id_that_comes_again_stands_for_its_newest_request():
    requests = RecentRequests(Limits(10, PLENTY))
    requests.remember([recent("a", "old"), recent("a", "new")])
    assert requests.find("a").line["query"] == "new"


@given(st.lists(st.tuples(st.integers(0, 20), st.text(max_size=500)), max_size=60))
def test_the_newest_are_kept_within_both_bounds(given):
    limits = Limits(8, 6 * OVERHEAD_BYTES)
    requests = RecentRequests(limits)
    for number, text in given:
        requests.remember([recent(str(number), text)])
    kept = [n for n in range(21) if requests.find(str(n))]
    assert len(kept) <= 6
    newest = list(dict.fromkeys(number for number, _ in reversed(given)))
    assert set(kept) == set(newest[: len(kept)])


def test_one_text_beyond_the_bound_is_not_kept():
    requests = RecentRequests(Limits(8, 5_000))
    requests.remember([recent("a"), recent("b", "x" * 10_000)])
    assert requests.find("b") is None
