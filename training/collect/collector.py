"""Ask every pool the same prompts, grade the answers, and write outcomes that the router is trained on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.collect.asker import Answer, Asker, NoAnswer
from training.collect.prompt import Prompt
from training.grading import grade, judge_prompt, judged

JUDGE_TOKENS = 300
STOP_AFTER = 20
"""Consecutive prompts that no pool answered, after which the fleet counts as gone."""

Write = Callable[[Mapping[str, Any]], object]


class FleetGone(Exception):
    """No pool answered STOP_AFTER consecutive prompts."""


@dataclass
class Tally:
    """Counts of prompts and answers."""

    written: int = 0
    unanswered: int = 0
    """Prompts that no pool answered. They are not written, so that they can be asked again."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Answers by tier whose judge gave no readable score."""
    missing: Counter[str] = field(default_factory=Counter)
    """Missing answers by tier."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Reasons for missing answers."""
    qualities: dict[str, list[float]] = field(default_factory=dict)
    tokens: dict[str, list[int]] = field(default_factory=dict)
    in_a_row: int = 0


@dataclass(frozen=True)
class Collector:
    """Asks and grades. The line of each prompt goes to `write` as soon as it is complete."""

    asker: Asker
    pools: Mapping[str, str]
    """Pool to ask, by tier."""
    judge: str | None
    """The pool that judges."""
    max_tokens: int
    write: Write

    async def run(self, prompts: Sequence[Prompt], advance: Callable[[], object]) -> Tally:
        """Collect outcomes for all prompts; `advance` is called after each one.

        Raises:
            FleetGone: no pool answers any more. Lines that are already written stay.
            OSError: a line could not be written.
        """
        tally = Tally()
        left = iter(prompts)

        async def work() -> None:
            for prompt in left:
                self._note(await self._outcome(prompt, tally), tally)
                advance()

        # A few workers instead of a task per prompt: a file may have a million prompts.
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(len(prompts), self.asker.concurrency)):
                    workers.create_task(work())
        except ExceptionGroup as group:  # what `except*` raises is wrapped by some releases of Python
            known, others = group.split((FleetGone, OSError))
            if known is None or others is not None:
                raise
            raise known.exceptions[0] from None
        return tally

    def _note(self, line: dict[str, Any] | None, tally: Tally) -> None:
        if line is not None:
            self.write(line)
            tally.written += 1
            tally.in_a_row = 0
            return
        tally.unanswered += 1
        tally.in_a_row += 1
        if tally.in_a_row >= STOP_AFTER:
            raise FleetGone(f"no pool answered {STOP_AFTER} prompts in a row: {tally.reasons.most_common(1)[0][0]}")

    async def _outcome(self, prompt: Prompt, tally: Tally) -> dict[str, Any] | None:
        """The prompt's line; None if no pool answered."""
        answers, missing = await self._answers(prompt)
        tally.missing.update(missing)
        tally.reasons.update(missing.values())
        if not answers:
            return None
        scores = await asyncio.gather(*(self._score(prompt, answer.text) for answer in answers.values()))
        quality = {tier: score for tier, score in zip(answers, scores, strict=True) if score is not None}
        tally.unjudged.update(tier for tier in answers if tier not in quality)
        tokens = {tier: answer.tokens for tier, answer in answers.items() if answer.tokens is not None}
        for tier, score in quality.items():
            tally.qualities.setdefault(tier, []).append(score)
        for tier, count in tokens.items():
            tally.tokens.setdefault(tier, []).append(count)
        found = {"quality": quality, "answer": {tier: answer.text for tier, answer in answers.items()}}
        found |= {"output_tokens": tokens} if tokens else {}
        found |= {"missing": missing} if missing else {}
        return prompt.line | found | {"grade": prompt.kind, "id": prompt.id}

    async def _answers(self, prompt: Prompt) -> tuple[dict[str, Answer], dict[str, str]]:
        """Answers, and reasons for missing ones, by tier."""
        if prompt.given:
            return {tier: Answer(text, None) for tier, text in prompt.given.items()}, {}
        asked = (self.asker.ask(pool, prompt.body, self.max_tokens) for pool in self.pools.values())
        came = dict(zip(self.pools, await asyncio.gather(*asked, return_exceptions=True), strict=True))
        for result in came.values():
            if isinstance(result, BaseException) and not isinstance(result, NoAnswer):
                raise result
        answers = {tier: result for tier, result in came.items() if isinstance(result, Answer)}
        return answers, {tier: str(result) for tier, result in came.items() if isinstance(result, NoAnswer)}

    async def _score(self, prompt: Prompt, text: str) -> float | None:
        """Quality 0..1; None if the judge gives no readable score: a missing grade is not a bad one."""
        if prompt.kind != "judge":
            return grade(prompt.kind, prompt.reference or "", text)
        assert self.judge is not None
        question = judge_prompt(prompt.question, text, prompt.reference)
        try:
            reply = await self.asker.ask(
                self.judge, {"messages": [{"role": "user", "content": question}]}, JUDGE_TOKENS
            )
        except NoAnswer:
            return None
        return judged(reply.text)
