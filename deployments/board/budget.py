"""The account of a fleet's budget on the board: what all gateway replicas booked, kept across restarts."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deployments.board.durable_files import replace_file
from deployments.board.messages import SharedAccount
from deployments.board.periods import GATEWAY_GONE_AFTER_S, SAVE_BUDGET_EVERY_S
from router.budget.controller import Account

log = logging.getLogger("signalbox.budget")


class BudgetStore:
    """Adds up accounts. If the file cannot be read or written, a log line says so and the account is kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "budget.json"
        self._budget: dict[str, Any] | None = None
        self._account = Account()
        self._seen_s: dict[str, float] = {}
        self._saved_s = -math.inf

    def settle(self, gateway: str, budget: dict[str, Any], booked: Account, now_s: float) -> SharedAccount:
        """Add what a gateway replica booked.

        Args:
            budget: the spec's section; an account that was kept under another one is dropped.
        """
        if budget != self._budget:
            self._budget, self._account = budget, self._load(budget)
        self._account += booked
        self._seen_s[gateway] = now_s
        self._seen_s = {name: seen for name, seen in self._seen_s.items() if now_s - seen <= GATEWAY_GONE_AFTER_S}
        if now_s - self._saved_s >= SAVE_BUDGET_EVERY_S:
            self._saved_s = now_s
            self._save()
        return SharedAccount(self._account, len(self._seen_s))

    def _load(self, budget: dict[str, Any]) -> Account:
        try:
            kept = json.loads(self._path.read_bytes())
            if kept["budget"] != budget:
                log.warning("%s was kept under another budget: starting a new account", self._path)
                return Account()
            return _account(kept["account"])
        except FileNotFoundError:
            return Account()
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
            log.error("%s cannot be used, starting a new account: %s", self._path, error)
            return Account()

    def _save(self) -> None:
        content = {"budget": self._budget, "account": asdict(self._account)}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self._path, json.dumps(content).encode())
        except OSError as error:
            log.error("cannot save the budget's account: %s", error)


def _account(kept: dict[str, Any]) -> Account:
    """A saved account.

    Raises:
        ValueError, LookupError, TypeError, ArithmeticError: it is not an account.
    """
    account = Account(int(kept["requests"]), float(kept["spent"]), float(kept["credit"]))
    if account.requests < 0 or not (math.isfinite(account.spent) and math.isfinite(account.credit)):
        raise ValueError(f"not an account: {kept}")
    return account
