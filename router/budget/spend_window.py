"""The mean spend of the newest requests, from an account that only grows."""

from __future__ import annotations

from collections import deque

from router.budget.controller import Account

NEWEST_REQUESTS = 500
"""Sample size of the mean; the same as the controller's SAMPLE_REQUESTS."""


class SpendWindow:
    """Mean spend of about the newest `requests` requests."""

    def __init__(self, requests: int = NEWEST_REQUESTS) -> None:
        self._requests = requests
        self._seen: deque[Account] = deque()

    def mean(self, account: Account) -> float | None:
        """Return the spend per request since the account had `requests` fewer requests; None before the first request.

        Args:
            account: the current account. If it has fewer requests than before, it was reset.
        """
        if self._seen and account.requests < self._seen[-1].requests:
            self._seen.clear()
        if not self._seen or account.requests > self._seen[-1].requests:
            self._seen.append(account)
        while len(self._seen) > 1 and self._seen[1].requests <= account.requests - self._requests:
            self._seen.popleft()
        requests = account.requests - self._seen[0].requests
        return (account.spent - self._seen[0].spent) / requests if requests else None
