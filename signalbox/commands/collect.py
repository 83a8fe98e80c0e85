"""`signalbox collect`: check files and pools, then ask with progress and write outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from cluster.problems import Problems, did_you_mean
from deployments.board.durable_files import JsonLines
from signalbox.client import DEFAULT_URL, EndpointError, authorization, fleet_pools
from signalbox.console import FAILED, WRONG_INPUT, UrlOption, err, exit_on, fail, note, options, out
from signalbox.flatten import flatten
from signalbox.tables.outcomes import outcome_table
from training.collect.asker import Asker, client
from training.collect.choices import Refused, choose_judge, choose_pools, done_ids, ready_pools
from training.collect.collector import Collector, FleetGone, Tally
from training.collect.prompt import Prompt
from training.collect.prompt_file import PromptFileError, read_prompts, read_recorded
from training.grading import KINDS

RESUME = "continue with --resume"


@dataclass(frozen=True)
class Grading:
    """Which answers are collected, and how they are graded."""

    grade: Annotated[str | None, typer.Option(help=f"How to grade lines that do not say: {', '.join(KINDS)}.")] = None
    judge_pool: Annotated[str | None, typer.Option(help="The pool that judges. Default: the highest tier.")] = None
    from_shadow: Annotated[
        bool, typer.Option("--from-shadow", help="The files are shadow traffic: judge its answers, ask no other pool.")
    ] = False


@dataclass(frozen=True)
class Asking:
    """Whom to ask, and how."""

    pools: Annotated[list[str] | None, typer.Option(help="Pool to query (repeatable).")] = None
    concurrency: Annotated[int, typer.Option(help="Concurrent requests.", min=1, max=1_000)] = 8
    max_tokens: Annotated[int, typer.Option(help="Maximum tokens of an answer, unless the line says.", min=1)] = 512


@flatten
def collect(
    prompts: Annotated[list[Path], typer.Argument(help="Files of prompts, JSON lines.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The outcome file to write.")],
    grading: Grading,
    asking: Asking,
    url: UrlOption = DEFAULT_URL,
    resume: Annotated[bool, typer.Option("--resume", help="Continue OUTPUT: ask only what it does not have.")] = False,
) -> None:
    """Ask every ready pool each prompt, grade the answers, and write outcomes that `signalbox router train` reads."""
    with exit_on(Refused, PromptFileError, status=WRONG_INPUT), exit_on(EndpointError, status=FAILED), options():
        asked = _prompts(prompts, grading)
        pools, judge = _chosen(url, asked, grading, asking)
        if output.exists() and not resume:
            raise Refused(f"{output}: exists: use --resume to continue it, or another name")
    try:
        with exit_on(Refused, status=WRONG_INPUT), exit_on(FleetGone, status=FAILED, after=f"; {RESUME}"):
            done = done_ids(output)
            left = [prompt for prompt in asked if prompt.id not in done]
            tally = asyncio.run(_run(url, left, pools, judge, output, asking))
    except OSError as error:
        fail(f"{output}: cannot be written ({error.strerror}); {RESUME}", FAILED)
    out.print(outcome_table(tally, pools))
    note(f"wrote {tally.written} lines to {output}, {len(asked) - len(left)} were already there")
    if tally.unanswered:
        reasons = "; ".join(reason for reason, _ in tally.reasons.most_common(2))
        note(f"no pool answered {tally.unanswered} prompts ({reasons}): ask them again with --resume")
        raise typer.Exit(FAILED)


def _prompts(files: Sequence[Path], grading: Grading) -> list[Prompt]:
    if grading.grade not in (None, *KINDS):
        raise Problems(grade=f"invalid value '{grading.grade}', {did_you_mean(grading.grade or '', KINDS)}")
    return read_recorded(files) if grading.from_shadow else read_prompts(files, grading.grade)


def _chosen(url: str, prompts: Sequence[Prompt], grading: Grading, asking: Asking) -> tuple[dict[str, str], str | None]:
    """The pools to ask by tier, and the one that judges if any prompt needs it."""
    ready = ready_pools(fleet_pools(url))
    pools = {} if grading.from_shadow else choose_pools(ready, asking.pools)
    judged = any(prompt.kind == "judge" for prompt in prompts)
    return pools, choose_judge(ready, grading.judge_pool) if judged else None


async def _run(
    url: str, prompts: Sequence[Prompt], pools: Mapping[str, str], judge: str | None, output: Path, asking: Asking
) -> Tally:
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    async with client(url, authorization()) as http:
        asker = Asker(http, asking.concurrency)
        collector = Collector(asker, pools, judge, asking.max_tokens, JsonLines(output).append)
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("asking" if pools else "judging", total=len(prompts))
            return await collector.run(prompts, lambda: progress.advance(task))
