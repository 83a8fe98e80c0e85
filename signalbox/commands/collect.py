"""The command line of `signalbox collect`: files and pools are checked first, then asked with progress."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cluster.pool import TIERS
from cluster.problems import did_you_mean
from deployments.durable_files import JsonLines
from signalbox.client import DEFAULT_URL, EndpointError
from training.collect.asker import Asker, client
from training.collect.choices import Refused, choose_judge, choose_pools, done_ids, ready_pools
from training.collect.collector import Collector, FleetGone, Tally
from training.collect.prompt_file import Prompt, PromptFileError, read_prompts, read_recorded
from training.grading import KINDS

out = Console(stderr=True, soft_wrap=True)


def collect(
    prompts: Annotated[list[Path], typer.Argument(help="Files of prompts, JSON lines.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The outcome file to write.")],
    url: Annotated[str, typer.Option(help="The endpoint of a running fleet.")] = DEFAULT_URL,
    pools: Annotated[list[str] | None, typer.Option(help="A pool to ask, several times for several.")] = None,
    grade: Annotated[str | None, typer.Option(help=f"For lines without one: {', '.join(KINDS)}.")] = None,
    judge_pool: Annotated[str | None, typer.Option(help="The pool that judges. Default: the highest tier.")] = None,
    concurrency: Annotated[int, typer.Option(help="Requests at a time.", min=1, max=1_000)] = 8,
    max_tokens: Annotated[int, typer.Option(help="Longest answer where a line does not say.", min=1)] = 512,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with OUTPUT: ask what is not in it.")] = False,
    from_shadow: Annotated[
        bool, typer.Option("--from-shadow", help="Files are shadow traffic: judge its answers, ask nobody else.")
    ] = False,
) -> None:
    """Ask every ready pool each prompt, grade the answers, and write outcomes that `signalbox router train` reads."""
    try:
        if grade not in (None, *KINDS):
            raise Refused(f"--grade: found '{grade}': {did_you_mean(grade or '', KINDS)}")
        asked = read_recorded(prompts) if from_shadow else read_prompts(prompts, grade)
        ready = ready_pools(url)
        chosen = {} if from_shadow else choose_pools(ready, pools)
        judge = choose_judge(ready, judge_pool) if any(prompt.kind == "judge" for prompt in asked) else None
        done = done_ids(output, resume)
        left = [prompt for prompt in asked if prompt.id not in done]
        tally = asyncio.run(_run(url, left, output, concurrency, chosen, judge, max_tokens))
    except (Refused, PromptFileError, EndpointError) as error:
        out.print(str(error), style="red", markup=False)
        raise typer.Exit(1 if isinstance(error, EndpointError) else 2) from error
    except FleetGone as error:
        out.print(f"{error}; go on with --resume", style="red", markup=False)
        raise typer.Exit(1) from error
    except OSError as error:
        out.print(f"{output}: cannot be written ({error.strerror}); go on with --resume", style="red", markup=False)
        raise typer.Exit(1) from error
    Console().print(summary(tally, chosen))
    out.print(f"{tally.written} lines to {output}, {len(asked) - len(left)} were there", highlight=False, markup=False)
    if tally.unanswered:
        out.print(f"{tally.unanswered} prompts no pool answered ({_why(tally)}): ask them again with --resume")
        raise typer.Exit(1)


async def _run(
    url: str,
    prompts: Sequence[Prompt],
    output: Path,
    concurrency: int,
    pools: Mapping[str, str],
    judge: str | None,
    max_tokens: int,
) -> Tally:
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    async with client(url) as http:
        collector = Collector(Asker(http, concurrency), pools, judge, max_tokens, JsonLines(output).append)
        with Progress(*columns, console=out) as progress:
            task = progress.add_task("asking" if pools else "judging", total=len(prompts))
            return await collector.run(prompts, lambda: progress.advance(task))


# -- afterwards ------------------------------------------------------------------------------------------------------


def summary(tally: Tally, pools: Mapping[str, str]) -> Table:
    """Answers, grades and lengths by tier."""
    table = Table("tier", "pool", "graded", "quality", "tokens", "no answer", "no grade", title="outcomes")
    seen = {*pools, *tally.qualities, *tally.missing, *tally.unjudged}
    for tier in filter(seen.__contains__, TIERS):
        quality, tokens = tally.qualities.get(tier, []), tally.tokens.get(tier, [])
        counts = (str(tally.missing[tier]), str(tally.unjudged[tier]))
        table.add_row(tier, pools.get(tier, "-"), str(len(quality)), _mean(quality, 3), _mean(tokens, 0), *counts)
    return table


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{sum(values) / len(values):.{digits}f}" if values else "-"


def _why(tally: Tally) -> str:
    return escape("; ".join(reason for reason, _ in tally.reasons.most_common(2)))
