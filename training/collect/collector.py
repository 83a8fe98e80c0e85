"""`signalbox collect`: ask every pool the same prompts, grade the answers, and write what the router is trained on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.collect.asker import Answer, Asker, NoAnswer
from training.collect.prompt_file import Prompt
from training.grading import grade, judge_prompt, judged

JUDGE_TOKENS = 300
STOP_AFTER = 20
"""Prompts in a row that no pool answered: the fleet is gone, and asking the rest would only take time."""

Write = Callable[[Mapping[str, Any]], object]


class FleetGone(Exception):
    """No pool answered STOP_AFTER prompts in a row."""


@dataclass
class Tally:
    """What became of the prompts."""

    written: int = 0
    unanswered: int = 0
    """Prompts that no pool answered; they are not written, `--resume` asks them again."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Answers, by tier, whose judge gave no score that could be read."""
    missing: Counter[str] = field(default_factory=Counter)
    """Answers, by tier, that did not come."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why they did not."""
    qualities: dict[str, list[float]] = field(default_factory=dict)
    tokens: dict[str, list[int]] = field(default_factory=dict)
    in_a_row: int = 0


@dataclass(frozen=True)
class Collector:
    """Asks and grades; one line for each prompt goes to `write` as soon as it is complete."""

    asker: Asker
    pools: Mapping[str, str]
    """Pool to ask by tier."""
    judge: str | None
    """The pool that judges."""
    max_tokens: int
    write: Write

    async def run(self, prompts: Sequence[Prompt], advance: Callable[[], object]) -> Tally:
        """Collect on all prompts; `advance` hears of each one that is done.

        Raises:
            FleetGone: see there; what was written stays.
            OSError: a line could not be written.
        """
        tally = Tally()
        left = iter(prompts)

        async def work() -> None:
            for prompt in left:
                self._note(await self._outcome(prompt, tally), tally)
                advance()

        # Some prompts at a time, not all of them: a file may hold a million.
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(len(prompts), self.asker.concurrency)):
                    workers.create_task(work())
        except* (FleetGone, OSError) as group:
            raise group.exceptions[0] from None
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
        """The prompt's line; None when no answer came at all."""
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
        """Answers, and why others did not come, by tier."""
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
        """0..1; None when a judge cannot be read: a missing grade is never a bad one."""
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
