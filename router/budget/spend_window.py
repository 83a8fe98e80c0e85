"""How much of a budget the newest requests took, read off an account that only grows."""

from __future__ import annotations

from collections import deque

from router.budget.controller import Account

NEWEST_REQUESTS = 500
"""Requests whose mean spend is told: as many as say how lambda is set (`router.budget.controller.SAMPLE_REQUESTS`)."""


class SpendWindow:
    """Mean spend of about the newest requests."""

    def __init__(self, requests: int = NEWEST_REQUESTS) -> None:
        self._requests = requests
        self._seen: deque[Account] = deque()

    def mean(self, account: Account) -> float | None:
        """Spend per request since the account had `requests` fewer; None as long as no request came.

        Args:
            account: the whole account as it is now. One with fewer requests than before has begun anew.
        """
        if self._seen and account.requests < self._seen[-1].requests:
            self._seen.clear()
        if not self._seen or account.requests > self._seen[-1].requests:
            self._seen.append(account)
        while len(self._seen) > 1 and self._seen[1].requests <= account.requests - self._requests:
            self._seen.popleft()
        requests = account.requests - self._seen[0].requests
        return (account.spent - self._seen[0].spent) / requests if requests else None
