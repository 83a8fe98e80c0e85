"""The budget's account on disk: kept, shared, and begun anew when it cannot be read."""

from __future__ import annotations

import pytest

from deployments.board.budget import BudgetStore
from deployments.board.periods import GATEWAY_GONE_AFTER_S
from router.budget.controller import Account

BUDGET = {"large_share": 0.4}
BOOKED = Account(10, 4.0, -1.5)


def test_the_account_survives_a_restart(tmp_path):
    BudgetStore(tmp_path / "new").settle("a", BUDGET, BOOKED, 0.0)
    assert BudgetStore(tmp_path / "new").settle("a", BUDGET, Account(), 0.0) == (BOOKED, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"budget": {"large_share": 0.4}}',
        b'{"budget": {"large_share": 0.4}, "account": {"requests": "x", "spent": 0, "credit": 0}}',
        b'{"budget": {"large_share": 0.4}, "account": {"requests": 1, "spent": NaN, "credit": 0}}',
        b'{"budget": {"large_share": 0.4}, "account": {"requests": 1e400, "spent": 0, "credit": 0}}',
        b'{"budget": {"large_share": 0.9}, "account": {"requests": 1, "spent": 0, "credit": 0}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_or_other_account_begins_anew(tmp_path, content):
    (tmp_path / "budget.json").write_bytes(content)
    assert BudgetStore(tmp_path).settle("a", BUDGET, BOOKED, 0.0)[0] == BOOKED
    assert BudgetStore(tmp_path).settle("a", BUDGET, Account(), 0.0)[0] == BOOKED


def test_a_folder_that_cannot_be_written_costs_only_persistence(tmp_path):
    (tmp_path / "file").touch()
    store = BudgetStore(tmp_path / "file")
    store.settle("a", BUDGET, BOOKED, 0.0)
    assert store.settle("a", BUDGET, BOOKED, 5.0)[0].requests == 20


def test_gateways_that_are_gone_share_no_more(tmp_path):
    store = BudgetStore(tmp_path)
    assert store.settle("a", BUDGET, BOOKED, 0.0)[1] == 1
    assert store.settle("b", BUDGET, BOOKED, 1.0)[1] == 2
    assert store.settle("b", BUDGET, BOOKED, 1.0 + GATEWAY_GONE_AFTER_S)[1] == 1
