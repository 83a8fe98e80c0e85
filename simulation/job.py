"""One request inside the simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from router.desk import Ticket


class Job:
    """A request on its way; what changes as it is served stands here."""

    __slots__ = ("answer_tokens", "arrival_s", "computed", "emitted", "first_s", "hashes", "index", "joined",
                 "pool", "prompt_tokens", "ticket", "to_compute")  # fmt: skip

    def __init__(
        self,
        index: int,
        arrival_s: float,
        prompt_tokens: int,
        answer_tokens: int,
        hashes: Sequence[int] = (),
        ticket: Ticket | None = None,
    ) -> None:
        self.index = index
        """Place in the workload."""
        self.arrival_s = arrival_s
        self.prompt_tokens = prompt_tokens
        self.answer_tokens = answer_tokens
        self.hashes = hashes
        self.ticket = ticket
        """Its account at the desk; None in simulations of single replicas."""
        self.pool = ""
        self.emitted = 0
        """Tokens of the answer so far, as of the last time it entered or left the batch."""
        self.joined = 0
        """The replica's count of steps when it got the newest of `emitted`."""
        self.to_compute = 0
        """Tokens whose KV cache is to be computed before the next token: the prompt, after a preemption with the answer
        so far."""
        self.computed = 0
        """How many of these are done."""
        self.first_s = math.inf
        """When the first token came; inf before."""
