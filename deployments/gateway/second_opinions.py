"""Second opinions before the first byte: an answer is held back until its first tokens have been judged, or until two
cheap pools have answered the same. What is dropped is cancelled in its engine and paid for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cluster.pool import TIERS
from cluster.routing import EscalationSpec
from cluster.spec import FleetSpec
from cluster.usage import Usage
from cluster.wish import is_auto
from deployments.engines.base import JUDGEABLE_KINDS
from deployments.gateway.agreement import agreed, ask_both, usage_of
from deployments.gateway.pool_client import PoolClient
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Kind, Opened, Progress
from router.confidence.judge import Candidate, ConfidenceModel, Evidence, judge
from router.types import RoutingDecision, RoutingRequest

MakeRequest = Callable[[str, int], EngineRequest]
"""The engine's request for a pool, with the number of tokens to report on."""


class Dropped(Exception):
    """An answer was dropped before a byte was sent: ask `next_pool`."""

    def __init__(self, next_pool: str) -> None:
        super().__init__(next_pool)
        self.next_pool = next_pool


@dataclass
class Opinions:
    """One request's second opinions: whose answers are judged, what was said of them, what they cost."""

    spec: FleetSpec
    pools: Mapping[str, PoolClient]
    model: ConfidenceModel
    decision: RoutingDecision
    max_cost: float | None = None
    active: bool = True
    """Whether answers are judged at all; if not, `reasons` may say why."""
    reasons: list[str] = field(default_factory=list)
    """For the client, in the order of events."""
    dropped: list[str] = field(default_factory=list)
    """Pools whose answers were dropped."""
    spent: list[tuple[str, Usage]] = field(default_factory=list)
    """Tokens of answers that no client saw, by pool."""
    judged: set[str] = field(default_factory=set)
    """Pools whose answers had their judgement: another try of theirs is not judged again."""

    @property
    def rule(self) -> EscalationSpec:
        """The spec's section; only for active opinions."""
        assert self.spec.routing.escalation is not None
        return self.spec.routing.escalation

    def tries(self, tries: list[str]) -> list[str]:
        """The pools to try in turn: agreement begins with the cheapest one."""
        partner = self._partner(tries[0]) if self._is_judged(tries[0]) and self.rule.kind == "agreement" else None
        if partner is None or self._rank(partner) > self._rank(tries[0]):
            return tries
        return [partner, *tries]

    def after_drop(self, pool: str, next_pool: str, tries: list[str]) -> list[str]:
        """The next tries when an answer was dropped: higher pools first; in the end a dubious answer beats none."""
        others = [each for each in dict.fromkeys(tries) if each not in (pool, next_pool)]
        higher = [each for each in others if self._rank(each) > self._rank(pool)]
        lower = [each for each in others if each not in higher]
        return [next_pool, next_pool, *higher, pool, *lower]

    @asynccontextmanager
    async def frames(self, pool: str, make_request: MakeRequest) -> AsyncIterator[AsyncIterator[Frame]]:
        """The frames of a pool's answer, judged where it has to be; leaving the block cancels what still runs.

        Raises (while iterating, before the first frame):
            Dropped: the answer is not good enough.
        """
        if not self._is_judged(pool):
            async with self.pools[pool].frames(make_request(pool, 0)) as frames:
                yield frames
            return
        if self.rule.kind == "agreement":
            yield self._agreeing(pool, make_request)
            return
        async with self.pools[pool].frames(make_request(pool, self.rule.hold_tokens)) as frames:
            yield self._confident(pool, frames)

    # -- whose answers are judged --------------------------------------------------------------------------------

    def _is_judged(self, pool: str) -> bool:
        if not self.active or pool in self.judged or self.spec.pools[pool].tier not in self.rule.from_tiers:
            return False
        if not self._candidates(pool):
            return False
        if self.rule.kind == "agreement":
            return self._partner(pool) is not None and not self.judged
        if (kind := self.spec.pools[pool].engine.kind) not in JUDGEABLE_KINDS:
            self.say(f"{pool} not judged: its engine ({kind}) reports no log-probabilities")
            return False
        return True

    def say(self, reason: str) -> None:
        """Add a reason, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def _candidates(self, pool: str) -> list[Candidate]:
        """Pools of higher tiers that may answer instead, the decision's best first."""
        found = []
        for each in self.decision.alternatives:
            weighed = self.decision.appraisals.get(each)
            if weighed is None or self._rank(each) <= self._rank(pool):
                continue
            if self.max_cost is None or weighed.cost <= self.max_cost:
                found.append(Candidate(each, weighed.quality, weighed.cost))
        return found

    def _partner(self, pool: str) -> str | None:
        """The other cheap pool that is asked for agreement: the best one of another tier below large."""
        able = (self.decision.pool, *self.decision.alternatives)
        cheap = (each for each in able if self.spec.pools[each].tier in ("small", "moe"))
        return next((each for each in cheap if self._rank(each) != self._rank(pool)), None)

    def _rank(self, pool: str) -> int:
        return TIERS.index(self.spec.pools[pool].tier)

    # -- confidence ----------------------------------------------------------------------------------------------

    async def _confident(self, pool: str, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        kept: list[Frame] = []
        evidence, usage = await _held(frames, self.rule.hold_tokens, kept)
        if evidence is not None:
            self._judge(pool, evidence, usage)
        for frame in kept:
            yield frame
        async for frame in frames:
            if not isinstance(frame, Progress):
                yield frame

    def _judge(self, pool: str, evidence: Evidence, usage: Usage) -> None:
        self.judged.add(pool)
        if not evidence.logprobs:
            return self.say(f"{pool} not judged: its engine gave no log-probabilities")
        tier, decision = self.spec.pools[pool].tier, self.decision
        confidence = self.model.probability(tier, evidence, decision.prediction)
        verdict = judge(
            confidence, self._candidates(pool), decision.cost_lambda, self.rule.min_gain, len(evidence.logprobs)
        )
        self.say(f"{pool}: {verdict.reason}")
        if verdict.escalate_to is not None:
            self._drop(pool, usage, verdict.escalate_to)

    def _drop(self, pool: str, usage: Usage, next_pool: str) -> None:
        self.spent.append((pool, usage))
        self.dropped.append(pool)
        raise Dropped(next_pool)

    # -- agreement -----------------------------------------------------------------------------------------------

    async def _agreeing(self, pool: str, make_request: MakeRequest) -> AsyncIterator[Frame]:
        partner = self._partner(pool)
        assert partner is not None  # _is_judged has looked
        both = (pool, partner)
        self.judged |= set(both)
        answers = await ask_both([(self.pools[each], make_request(each, 0)) for each in both])
        believed, reason = agreed(answers)
        self.say(f"{pool} and {partner} {'agree' if believed else 'disagree'}: {reason}")
        self.spent.append((partner, usage_of(answers[1])))
        if not believed:
            dearer = max(both, key=self._rank)
            higher = self._candidates(dearer) or self._candidates(pool)
            self._drop(pool, usage_of(answers[0]), higher[0].pool)
        assert isinstance(answers[0], list)  # only an answer is believed
        for frame in answers[0]:
            yield frame


def opinions(
    spec: FleetSpec,
    pools: Mapping[str, PoolClient],
    model: ConfidenceModel,
    ask: RoutingRequest,
    decision: RoutingDecision,
    kind: Kind,
    body: Mapping[str, Any],
) -> Opinions:
    """The second opinions that a request may get."""
    made = Opinions(spec, pools, model, decision, ask.wish.max_cost)
    rule = spec.routing.escalation
    generates = kind in ("chat", "completion")
    made.active = rule is not None and generates and is_auto(ask.model) and ask.wish.escalate is not False
    if made.active and (several := _several_answers(body)):
        made.active = False
        made.reasons.append(f"not judged: {several} asks for several answers")
    return made


def _several_answers(body: Mapping[str, Any]) -> str | None:
    """The field by which a request asks for more than one sequence."""
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) > 1 and not isinstance(prompt[0], int):
        return "prompt"
    wanted = (name for name in ("n", "best_of") if (body.get(name) or 1) != 1)
    return next(wanted, "use_beam_search" if body.get("use_beam_search") else None)


async def _held(frames: AsyncIterator[Frame], hold_tokens: int, kept: list[Frame]) -> tuple[Evidence | None, Usage]:
    """Read frames into `kept` until enough tokens were reported on; no evidence where there is nothing to judge.

    The judgement reads the first `hold_tokens` tokens and no more, however the engine groups them.
    """
    logprobs: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()
    usage, ended = Usage(), False
    async for frame in frames:
        if isinstance(frame, Progress):
            logprobs, margins, usage = logprobs + frame.logprobs, margins + frame.margins, frame.usage
        else:
            kept.append(frame)
        if isinstance(frame, Opened) and frame.status != 200:
            return None, usage
        if isinstance(frame, Closed):
            ended, usage = True, frame.usage
        silent = isinstance(frame, Chunk) and frame.token_ids and not logprobs
        if ended or silent or len(logprobs) >= hold_tokens:
            break
    finished = ended and len(logprobs) < hold_tokens
    return Evidence(logprobs[:hold_tokens], margins[:hold_tokens], finished), usage
