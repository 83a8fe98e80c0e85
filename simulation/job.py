"""One request in the simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from router.desk import Ticket


class Job:
    """A request with the state that changes while it is served."""

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
        """Index in the workload."""
        self.arrival_s = arrival_s
        self.prompt_tokens = prompt_tokens
        self.answer_tokens = answer_tokens
        self.hashes = hashes
        self.ticket = ticket
        """Its ticket from the desk; None in simulations of single replicas."""
        self.pool = ""
        self.emitted = 0
        """Tokens of the answer when the request last entered or left the batch."""
        self.joined = 0
        """The replica's step count at the last token in `emitted`."""
        self.to_compute = 0
        """Tokens whose KV cache must be computed before the next token: the prompt, and after a preemption the answer
        so far."""
        self.computed = 0
        """Number of these that are computed."""
        self.first_s = math.inf
        """Time of the first token; inf before it."""
