"""Dynamic batching, pure: plans which rows every rank computes next. It uses neither torch nor a clock.

Waiting prompts of similar length are prefilled together and join the running rows of their bucket, which keeps padding
small. All ranks get the same `Plan`, so they agree on admissions and cancellations.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BUCKET_FACTOR = 4
"""Prompts share a bucket if the longest has at most this many times the tokens of the shortest."""


@dataclass
class Sequence:
    """One answer in generation: a row of the batch."""

    row: int
    """Unique in the engine. Later arrivals have larger numbers."""
    prompt_ids: tuple[int, ...]
    max_tokens: int
    eos_ids: frozenset[int] = frozenset()
    """Tokens that end the answer."""
    priority: int = 0
    """Lower values are served first."""
    sampler: Any = None
    """Chooses the row's tokens. Only rank 0 has it."""
    generated: list[int] = field(default_factory=list)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens that the cache must hold before the next token. After a preemption they are computed again."""
        return (*self.prompt_ids, *self.generated)

    @property
    def length(self) -> int:
        """Number of tokens so far."""
        return len(self.prompt_ids) + len(self.generated)

    @property
    def order(self) -> tuple[int, int]:
        """Sort key in the queue."""
        return self.priority, self.row


@dataclass(frozen=True)
class Plan:
    """One step of all ranks: drop some rows, then run at most one forward pass over rows of one bucket."""

    drop: tuple[int, ...] = ()
    """Finished, cancelled or preempted rows, whose cache is freed first."""
    bucket: int = 0
    """Bucket of the running rows, or the bucket that prefilled rows join."""
    prefill: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """New rows with their tokens."""
    decode: tuple[tuple[int, int], ...] = ()
    """Running rows with their newest token."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of the forward pass, in the order of its logits."""
        return tuple(row for row, _ in (self.prefill or self.decode))


class Batcher:
    """Plans steps under three limits: concurrent rows, KV cache tokens, and tokens per prefill. Padding counts."""

    def __init__(self, max_rows: int, kv_budget_tokens: int, max_prefill_tokens: int) -> None:
        self.max_rows = max_rows
        self.kv_budget_tokens = kv_budget_tokens
        self.max_prefill_tokens = max_prefill_tokens
        self.waiting: list[Sequence] = []
        self.buckets: dict[int, dict[int, Sequence]] = {}
        self.preemptions_total = 0
        self._dropped: list[int] = []
        self._prefilled_last = False

    @property
    def running(self) -> int:
        """Rows in the batch."""
        return sum(map(len, self.buckets.values()))

    @property
    def cached_tokens(self) -> int:
        """Tokens in the KV cache including padding: a bucket is as wide as its longest row."""
        return sum(_padded(rows.values()) for rows in self.buckets.values())

    @property
    def idle(self) -> bool:
        """Whether there is nothing to plan."""
        return not (self.waiting or self.buckets or self._dropped)

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence, which must fit into the budget alone."""
        insort(self.waiting, sequence, key=lambda each: each.order)

    def remove(self, row: int) -> None:
        """Remove a cancelled or finished row. Unknown rows are ignored: a cancellation may come late."""
        self.waiting = [each for each in self.waiting if each.row != row]
        for number, rows in list(self.buckets.items()):
            if rows.pop(row, None) is not None:
                self._dropped.append(row)
            if not rows:
                del self.buckets[number]

    def plan(self) -> Plan:
        """The next step. Prefill and decode steps alternate, so that neither starves the other."""
        admitted = [] if self._prefilled_last and self.buckets else self._admit()
        self._prefilled_last = bool(admitted)
        if admitted:
            bucket = bucket_of(admitted[0].length)
            self.buckets.setdefault(bucket, {}).update({each.row: each for each in admitted})
            prefill = tuple((each.row, each.token_ids) for each in admitted)
            return Plan(self._take_dropped(), bucket, prefill=prefill)
        self._make_room()
        if not self.buckets:
            return Plan(self._take_dropped())
        # Buckets take turns: the one that decodes moves to the end.
        bucket = next(iter(self.buckets))
        rows = self.buckets[bucket] = self.buckets.pop(bucket)
        decode = tuple((row, each.generated[-1]) for row, each in rows.items())
        return Plan(self._take_dropped(), bucket, decode=decode)

    def accept(self, row: int, token_id: int) -> str | None:
        """Add a chosen token. If the row is finished, remove it and return its finish reason."""
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

    def _take_dropped(self) -> tuple[int, ...]:
        dropped, self._dropped = tuple(self._dropped), []
        return dropped

    def _admit(self) -> list[Sequence]:
        """Admit the first sequence of the queue, and following ones of the same bucket while all limits allow."""
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
        """Cached tokens after rows have joined and every running row has decoded once more."""
        running = list(self.buckets.get(bucket, {}).values())
        others = self.cached_tokens - (_padded(running) if running else 0)
        return others + _padded([*running, *joining]) + self.running + len(joining)

    def _make_room(self) -> None:
        """Preempt the last running rows until all others have room for one more token."""
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
