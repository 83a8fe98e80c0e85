"""`signalbox router train`: from outcome files to an artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cluster.pool import TIERS
from router.model.artifact import dump_artifact
from router.model.learned import LearnedQuality
from signalbox.commands.eval_options import read_files, tiers_from
from training.outcome_files import BadFile, OutcomeFile

out = Console()
err = Console(stderr=True, soft_wrap=True)


def train_command(
    outcomes: Annotated[list[Path], typer.Argument(help="Outcome files, .jsonl or .jsonl.gz, put together.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the artifact (.npz).")],
    tier: Annotated[list[str] | None, typer.Option(help="TIER=MODEL: which model of the files is which tier.")] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Seed of everything random; the same seed gives the same artifact."),
    ] = 0,
) -> None:
    """Train the router's quality model on outcomes: what each tier's answers to queries were worth."""
    from training.fit.train import TooFewLabels, train  # slow to import, and no other command needs it

    try:
        # Feedback may know one tier only: it adds to what other files say of the others.
        files = read_files(outcomes, tiers_from(tier), _note, least_tiers=1)
        rows = [outcome for file in files for outcome in file.outcomes]
        with err.status(f"training on {len(rows)} queries (a minute per ten thousand)"):
            model = train(rows, seed, _card(outcomes, files))
        output.write_bytes(dump_artifact(model))
    except (BadFile, TooFewLabels) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    except OSError as error:
        reason = f"--output: {output} cannot be written ({error.strerror}): write another path"
        err.print(reason, style="red", markup=False)
        raise typer.Exit(2) from error
    out.print(_table(model, output))


def _note(text: str) -> None:
    err.print(text, markup=False, highlight=False)


def _card(paths: Sequence[Path], files: Sequence[OutcomeFile]) -> dict[str, Any]:
    sources = [
        {
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "queries": len(file.outcomes),
            "models": {tier: model for model, tier in file.models.items()},
        }
        for path, file in zip(paths, files, strict=True)
    ]
    made = datetime.now(UTC).strftime("%Y-%m-%d")
    return {"sources": sources, "made": made, "signalbox": version("signalbox")}


def _table(model: LearnedQuality, path: Path) -> Table:
    """The training card for eyes."""
    card = model.card
    table = Table(title=f"{path} ({path.stat().st_size / 1e6:.1f} MB)", show_header=False)
    for source in card["sources"]:
        tiers = ", ".join(f"{tier}={name}" for tier, name in source["models"].items())
        table.add_row("source", f"{source['file']}: {source['queries']} queries, {tiers}")
    table.add_row("labels", ", ".join(f"{tier} {card['labels'][tier]}" for tier in TIERS))
    held_out = card["held_out"]
    table.add_row("judged on", f"{held_out['queries']} queries that the judged members had not seen")
    recovered = "not known: no query has all tiers" if held_out["apgr"] is None else f"{held_out['apgr']:.3f}"
    table.add_row("APGR", recovered)
    errors = [f"{tier} {error:.3f}" for tier, error in held_out["ece"].items() if error is not None]
    table.add_row("calibration error", ", ".join(errors))
    return table
