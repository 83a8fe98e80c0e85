"""`signalbox plan`: what hardware a model needs."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.devices import device_hint
from cluster.facts import UnknownModel, facts_of
from cluster.plan import TARGETS, USUAL_TARGETS
from signalbox.console import WRONG_INPUT, JsonOption, exit_on, fail, out
from signalbox.tables.plan import plan_data, render_plan

DEFAULT_CONTEXT_TOKENS = 8192


def plan(
    model: Annotated[str, typer.Argument(help="A model folder, or a hub id whose config ships with Signalbox.")],
    gpu: Annotated[list[str] | None, typer.Option(help="Device type (repeatable). Default: ten usual ones.")] = None,
    context: Annotated[int | None, typer.Option(min=1, help="Context length in tokens. Default: 8192.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="Price of one device per hour.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what hardware a model needs: weights, KV cache, smallest layouts, cost, and a reasoned recommendation."""
    if unknown := next((name for name in gpu or () if name not in TARGETS), None):
        fail(f"--gpu: invalid value '{unknown}', {device_hint(unknown, TARGETS)}", WRONG_INPUT)
    with exit_on(UnknownModel, status=WRONG_INPUT):
        facts = facts_of(model)
    length = context or min(DEFAULT_CONTEXT_TOKENS, facts.max_context_tokens)
    if length > facts.max_context_tokens:
        fail(f"--context: {length} exceeds the model's context length ({facts.max_context_tokens} tokens)", WRONG_INPUT)
    data = plan_data(facts, gpu or list(USUAL_TARGETS), length, price)
    out.print_json(data=data) if as_json else out.print(render_plan(model, data))
