"""Dynamic batching, pure: which rows every rank puts through the model next. No torch, no clock.

Waiting prompts of like length are prefilled together and join the rows already running in their bucket, so that little
of a batch is padding. All ranks get the same `Plan`, which is how they agree on admissions and cancellations.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BUCKET_FACTOR = 4
"""Prompts share a bucket when the longest is at most this many times the shortest."""


@dataclass
class Sequence:
    """One answer being generated: a row of the batch."""

    row: int
    """Unique in the engine; later arrivals have greater numbers."""
    prompt_ids: tuple[int, ...]
    max_tokens: int
    eos_ids: frozenset[int] = frozenset()
    """Tokens that end the answer."""
    priority: int = 0
    """Lower is served first."""
    sampler: Any = None
    """Chooses the row's tokens; only rank 0 has it."""
    generated: list[int] = field(default_factory=list)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """Everything the cache must hold before the next token: also what is computed again after a preemption."""
        return (*self.prompt_ids, *self.generated)

    @property
    def length(self) -> int:
        """Tokens so far."""
        return len(self.prompt_ids) + len(self.generated)

    @property
    def order(self) -> tuple[int, int]:
        """Place in the queue."""
        return self.priority, self.row


@dataclass(frozen=True)
class Plan:
    """One step of all ranks: forget some rows, then at most one forward pass over rows of one bucket."""

    drop: tuple[int, ...] = ()
    """Rows whose cache is freed first: finished, cancelled or preempted."""
    bucket: int = 0
    """Where the rows run, or where prefilled rows join."""
    prefill: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """New rows with their tokens."""
    decode: tuple[tuple[int, int], ...] = ()
    """Running rows with their newest token."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the forward pass, in the order of its logits."""
        return tuple(row for row, _ in (self.prefill or self.decode))


class Batcher:
    """Plans steps under three limits: rows at once, tokens of KV cache, tokens of one prefill. Padding counts."""

    def __init__(self, max_rows: int, kv_budget_tokens: int, max_prefill_tokens: int) -> None:
        self.max_rows = max_rows
        self.kv_budget_tokens = kv_budget_tokens
        self.max_prefill_tokens = max_prefill_tokens
        self.waiting: list[Sequence] = []
        self.buckets: dict[int, dict[int, Sequence]] = {}
        self.preemptions_total = 0
        self._gone: list[int] = []
        self._prefilled_last = False

    @property
    def running(self) -> int:
        """Rows in the batch."""
        return sum(map(len, self.buckets.values()))

    @property
    def cached_tokens(self) -> int:
        """Tokens the KV cache holds, padding included: a bucket is as wide as its longest row."""
        return sum(_padded(rows.values()) for rows in self.buckets.values())

    @property
    def idle(self) -> bool:
        """Whether there is nothing to plan."""
        return not (self.waiting or self.buckets or self._gone)

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence, which must fit the budget alone."""
        insort(self.waiting, sequence, key=lambda each: each.order)

    def remove(self, row: int) -> None:
        """Forget a row: cancelled or finished. Unknown rows are ignored, a cancel may come after the end."""
        self.waiting = [each for each in self.waiting if each.row != row]
        for number, rows in list(self.buckets.items()):
            if rows.pop(row, None) is not None:
                self._gone.append(row)
            if not rows:
                del self.buckets[number]

    def plan(self) -> Plan:
        """The next step. A prefill and the decoding of running rows take turns, so that neither starves the other."""
        admitted = [] if self._prefilled_last and self.buckets else self._admit()
        self._prefilled_last = bool(admitted)
        if admitted:
            bucket = bucket_of(admitted[0].length)
            self.buckets.setdefault(bucket, {}).update({each.row: each for each in admitted})
            prefill = tuple((each.row, each.token_ids) for each in admitted)
            return Plan(self._take_gone(), bucket, prefill=prefill)
        self._make_room()
        if not self.buckets:
            return Plan(self._take_gone())
        # In turn: the bucket that decoded goes to the end.
        bucket = next(iter(self.buckets))
        rows = self.buckets[bucket] = self.buckets.pop(bucket)
        decode = tuple((row, each.generated[-1]) for row, each in rows.items())
        return Plan(self._take_gone(), bucket, decode=decode)

    def accept(self, row: int, token_id: int) -> str | None:
        """Add a chosen token; a row that is over leaves, and its finish reason is returned."""
        sequence = next(rows[row] for rows in self.buckets.values() if row in rows)
        sequence.generated.append(token_id)
        reason = None
        if token_id in sequence.eos_ids:
            reason = "stop"
        elif len(sequence.generated) >= sequence.max_tokens:
            reason = "length"
        if reason:
            self.remove(row)
        return reason

    def _take_gone(self) -> tuple[int, ...]:
        gone, self._gone = tuple(self._gone), []
        return gone

    def _admit(self) -> list[Sequence]:
        """The first of the queue and those behind it that share its bucket, as far as all limits allow."""
        if not self.waiting:
            return []
        bucket = bucket_of(self.waiting[0].length)
        admitted: list[Sequence] = []
        for sequence in self.waiting:
            if bucket_of(sequence.length) != bucket:
                continue
            trial = [*admitted, sequence]
            if self.running + len(trial) > self.max_rows or self._tokens_with(bucket, trial) > self.kv_budget_tokens:
                break
            if admitted and _padded(trial) > self.max_prefill_tokens:
                break
            admitted = trial
        rows = {each.row for each in admitted}
        self.waiting = [each for each in self.waiting if each.row not in rows]
        return admitted

    def _tokens_with(self, bucket: int, joining: list[Sequence]) -> int:
        """Cached tokens when rows had joined and every running row had decoded once more."""
        running = list(self.buckets.get(bucket, {}).values())
        others = self.cached_tokens - (_padded(running) if running else 0)
        return others + _padded([*running, *joining]) + self.running + len(joining)

    def _make_room(self) -> None:
        """Send the last of the running rows back to the queue until the others can all decode once more."""
        while self.running > 1 and self.cached_tokens + self.running > self.kv_budget_tokens:
            last = max((each for rows in self.buckets.values() for each in rows.values()), key=lambda each: each.order)
            self.remove(last.row)
            self.add(last)
            self.preemptions_total += 1


def bucket_of(length: int) -> int:
    """Number of a length's bucket: 0 for one token, then one for each power of `BUCKET_FACTOR`."""
    number, reach = 0, 1
    while reach < length:
        number, reach = number + 1, reach * BUCKET_FACTOR
    return number


def _padded(sequences: Iterable[Sequence]) -> int:
    lengths = [each.length for each in sequences]
    return len(lengths) * max(lengths)
