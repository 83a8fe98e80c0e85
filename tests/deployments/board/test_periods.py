"""The periods fit together as their reasons say."""

from __future__ import annotations

from cluster.state import STALE_AFTER_S
from deployments.board import periods
from deployments.gateway.page.history import EVERY_S


def test_a_lost_report_makes_no_replica_busy_and_a_stale_one_is_not_dropped_yet():
    assert 2 * periods.REPORT_EVERY_S + periods.EXCHANGE_EVERY_S < STALE_AFTER_S < periods.REPLICA_GONE_AFTER_S


def test_a_new_board_has_heard_every_replica_before_it_gives_a_snapshot():
    assert periods.LISTEN_FIRST_S > 2 * periods.REPORT_EVERY_S


def test_a_gateway_that_misses_a_few_exchanges_is_not_gone():
    assert periods.GATEWAY_GONE_AFTER_S >= 10 * periods.EXCHANGE_EVERY_S


def test_the_scaling_policy_survives_two_waits_for_the_board():
    assert 2 * periods.BOARD_TIMEOUT_S + periods.DECIDE_EVERY_S <= periods.OLDEST_VIEW_S


def test_feedback_waits_longer_than_an_exchange():
    assert sum(periods.RECALL_AFTER_S) > 2 * periods.EXCHANGE_EVERY_S


def test_the_live_page_samples_at_every_few_exchanges():
    assert EVERY_S % periods.EXCHANGE_EVERY_S == 0
