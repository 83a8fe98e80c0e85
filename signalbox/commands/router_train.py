"""`signalbox router train`: from outcome files to an artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from router.model.artifact import dump_artifact
from signalbox.commands.eval_options import read_files, tiers_from
from signalbox.console import WRONG_INPUT, err, exit_on, fail, note, out
from signalbox.tables.artifact import artifact_table
from training.outcome_files import BadFile, OutcomeFile


def router_train(
    outcomes: Annotated[list[Path], typer.Argument(help="Outcome files, .jsonl or .jsonl.gz (concatenated).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Path of the artifact to write (.npz).")],
    tier: Annotated[
        list[str] | None,
        typer.Option(help="TIER=MODEL: which model of the files is used as the tier (repeatable)."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Random seed; the same seed gives the same artifact.")
    ] = 0,
) -> None:
    """Train the router's quality model on outcomes: queries with the graded answers of the tiers."""
    from training.fit.adapt import learn  # slow to import, and no other command needs it
    from training.fit.train import TooFewLabels

    with exit_on(BadFile, TooFewLabels, status=WRONG_INPUT):
        # A file of feedback may have one tier only: it adds to what other files know about the others.
        files = read_files(outcomes, tiers_from(tier), note, least_tiers=1)
        rows = [outcome for file in files for outcome in file.outcomes]
        with err.status(f"training on {len(rows)} queries (a minute per ten thousand)"):
            model = learn(rows, seed, _card(outcomes, files))
    try:
        output.write_bytes(dump_artifact(model))
    except OSError as error:
        fail(f"--output: {output} cannot be written ({error.strerror}): use another path", WRONG_INPUT)
    out.print(artifact_table(model.card, output))


def _card(paths: Sequence[Path], files: Sequence[OutcomeFile]) -> dict[str, Any]:
    """Where the artifact comes from: files, their hashes and models, the date and the version."""
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
