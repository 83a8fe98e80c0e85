"""Outcome files: which of a file's models stands for which tier, and its lines as outcomes."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.pool import TIERS
from router.recording import latest_feedback
from training.outcomes import BadOutcome, Outcome, read_outcomes

ENDINGS = (".jsonl.gz", ".jsonl")
GZIP_MAGIC = b"\x1f\x8b"
KNOWN_MODELS = {
    **{tier: tier for tier in TIERS},
    "mistral-7b": "small",
    "llama-3-8b": "small",
    "llama-3.1-8b": "small",
    "mixtral-8x7b": "moe",
    "llama-3-70b": "large",
    "nemotron-51b": "large",
    "gpt-4": "large",
}
"""Tiers of models of public data sets; of two models of a tier, the one listed later here is taken."""


class BadFile(Exception):
    """An outcome file cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class OutcomeFile:
    """One file's outcomes."""

    stem: str
    """The file's name without its ending."""
    sha256: str
    """Of the file as it lies there: artifacts name what they were trained on by it."""
    models: Mapping[str, str]
    """Tier by model, of those that are read."""
    unread: tuple[str, ...]
    """Models in the file that stand for no tier."""
    outcomes: Sequence[Outcome]


def read_file(path: Path, wanted: Mapping[str, str], least_tiers: int = 2) -> OutcomeFile:
    """Read an outcome file, gzipped or not.

    Args:
        wanted: tier by model name, which beats what is known of other models in the file.
        least_tiers: tiers that the file must have.

    Raises:
        BadFile: missing, damaged, a wrong line, no rows, or too few tiers.
    """
    data = _bytes(path)
    lines = latest_feedback(_lines(path, data))
    found = _models(lines)
    models = tiers_of(found, wanted)
    try:
        outcomes = read_outcomes(lines, str(path), models)
    except BadOutcome as error:
        raise BadFile(str(error)) from error
    if not found:
        raise BadFile(f"{path}: has no rows: write one JSON object a line, with query, group and quality")
    if len(models) < least_tiers:
        raise BadFile(
            f"{path}: found models {', '.join(found)}, which make {len(models)} of the tiers {', '.join(TIERS)}: "
            f"{least_tiers} are needed, write --tier TIER=MODEL for them"
        )
    digest = hashlib.sha256(data).hexdigest()
    return OutcomeFile(stem_of(path), digest, models, tuple(name for name in found if name not in models), outcomes)


def stem_of(path: Path) -> str:
    """The file's name without .jsonl.gz or .jsonl."""
    for ending in ENDINGS:
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return path.stem


def tiers_of(found: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Tier by model, one model a tier: the one that was asked for, else one that is known."""
    by_tier = {KNOWN_MODELS[name]: name for name in KNOWN_MODELS if name in found}
    by_tier |= {wanted[name]: name for name in wanted if name in found}
    taken = {name: tier for tier, name in by_tier.items()}
    # A model that was asked for as one tier is no other tier as well.
    return {name: tier for name, tier in taken.items() if wanted.get(name, tier) == tier}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}): write the path of an outcome file") from error


def _lines(path: Path, data: bytes) -> list[str]:
    try:
        text = gzip.decompress(data) if data[:2] == GZIP_MAGIC or path.suffix == ".gz" else data
        # Not splitlines: JSON strings may hold line separators of other kinds.
        return text.decode().split("\n")
    except gzip.BadGzipFile as error:
        raise BadFile(f"{path}: is not a gzip file: compress it, or name it .jsonl") from error
    except (EOFError, zlib.error) as error:
        raise BadFile(f"{path}: the gzip data is cut off or damaged: copy the file again") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: is not UTF-8 text (byte {error.start}): write JSON lines in UTF-8") from error


def _models(lines: Sequence[str]) -> list[str]:
    """Names under `quality`; wrong lines are left for their reader to report."""
    found: dict[str, None] = {}
    for line in lines:
        with suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
            found |= dict.fromkeys(json.loads(line)["quality"])
    return list(found)
