"""`signalbox plan`: what hardware a model needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from cluster.devices import device_hint
from cluster.facts import UnknownModel
from cluster.memory import TYPICAL_TOKENS
from cluster.model_facts import ModelFacts
from cluster.plan import TARGETS, USUAL_TARGETS
from cluster.traffic import Traffic
from signalbox.console import WRONG_INPUT, JsonOption, OnlineOption, exit_on, facts_lookup, fail, out
from signalbox.flatten import flatten
from signalbox.tables.plan import plan_data, render_plan

DEFAULT_CONTEXT_TOKENS = 8192
ANSWER_TOKENS = 211
"""Of an average chat answer; prompt and answer together are TYPICAL_TOKENS."""


@dataclass(frozen=True)
class Load:
    """Requests that the hardware has to serve."""

    qps: Annotated[float | None, typer.Option(min=0, help="Requests per second to plan replicas for.")] = None
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = TYPICAL_TOKENS - ANSWER_TOKENS
    answer: Annotated[int, typer.Option(min=1, help="Tokens of an answer.")] = ANSWER_TOKENS


@flatten
def plan(
    model: Annotated[str, typer.Argument(help="A model folder, or a hub id (`signalbox facts` lists known ones).")],
    load: Load,
    gpu: Annotated[list[str] | None, typer.Option(help="Device type (repeatable). Default: ten usual ones.")] = None,
    context: Annotated[int | None, typer.Option(min=1, help="Context length in tokens. Default: 8192.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="Price of one device per hour.")] = None,
    online: OnlineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what hardware a model needs: weights, KV cache, smallest layouts, cost, and a reasoned recommendation.

    With --qps it also shows how many replicas and devices serve that many requests.
    """
    if unknown := next((name for name in gpu or () if name not in TARGETS), None):
        fail(f"--gpu: invalid value '{unknown}', {device_hint(unknown, TARGETS)}", WRONG_INPUT)
    with exit_on(UnknownModel, status=WRONG_INPUT):
        facts = facts_lookup(online)(model)
    length = _context(facts, context, load)
    traffic = None if load.qps is None else Traffic(load.qps, load.prompt, load.answer)
    data = plan_data(facts, gpu or list(USUAL_TARGETS), length, price, traffic)
    out.print_json(data=data) if as_json else out.print(render_plan(model, data))


def _context(facts: ModelFacts, context: int | None, load: Load) -> int:
    """Tokens of the longest sequence, which a request of the load has to fit."""
    request = load.prompt + load.answer if load.qps is not None else 0
    length = context or min(max(DEFAULT_CONTEXT_TOKENS, request), facts.max_context_tokens)
    if length > facts.max_context_tokens:
        fail(f"--context: {length} exceeds the model's context length ({facts.max_context_tokens} tokens)", WRONG_INPUT)
    if request > length:
        fail(
            f"--prompt, --answer: {request} tokens exceed the context of {length}: use fewer, or --context", WRONG_INPUT
        )
    return length
