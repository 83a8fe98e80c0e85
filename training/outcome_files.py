"""Outcome files: which model of a file is used as which tier, and its lines as outcomes."""

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
"""Tiers of models in public data sets. If a file has two models of a tier, the one listed later here is used."""


class BadFile(Exception):
    """An outcome file cannot be used; the message says why and what to do."""


class TooFewTiers(BadFile):
    """The models of an outcome file cover too few tiers."""


@dataclass(frozen=True)
class OutcomeFile:
    """One file's outcomes."""

    stem: str
    """The file's name without its ending."""
    sha256: str
    """SHA-256 of the file on disk: artifacts identify their training files by it."""
    models: Mapping[str, str]
    """Tier by model, of the models that are read."""
    unread: tuple[str, ...]
    """Models of the file that are used as no tier."""
    outcomes: Sequence[Outcome]


def read_file(path: Path, wanted: Mapping[str, str], least_tiers: int = 2) -> OutcomeFile:
    """Read an outcome file, gzipped or not.

    Args:
        wanted: tier by model name; takes precedence over the known models.
        least_tiers: tiers that the file must have.

    Raises:
        TooFewTiers: the file has fewer tiers.
        BadFile: the file is missing or damaged, has no rows, or has an invalid line.
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
        raise BadFile(f"{path}: has no rows: write one JSON object per line, with query, group and quality")
    if len(models) < least_tiers:
        raise TooFewTiers(
            f"{path}: the models {', '.join(found)} cover {len(models)} of the tiers {', '.join(TIERS)}, and "
            f"{least_tiers} are needed"
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
    """Tier by model, one model per tier: the wanted one, else a known one."""
    by_tier = {KNOWN_MODELS[name]: name for name in KNOWN_MODELS if name in found}
    by_tier |= {wanted[name]: name for name in wanted if name in found}
    taken = {name: tier for tier, name in by_tier.items()}
    # A model that is wanted as one tier is not used as another tier as well.
    return {name: tier for name, tier in taken.items() if wanted.get(name, tier) == tier}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}): use the path of an outcome file") from error


def _lines(path: Path, data: bytes) -> list[str]:
    try:
        text = gzip.decompress(data) if data[:2] == GZIP_MAGIC or path.suffix == ".gz" else data
        # Not splitlines: JSON strings may contain other line separators.
        return text.decode().split("\n")
    except gzip.BadGzipFile as error:
        raise BadFile(f"{path}: is not a gzip file: compress it, or rename it to .jsonl") from error
    except (EOFError, zlib.error) as error:
        raise BadFile(f"{path}: the gzip data is cut off or damaged: copy the file again") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: is not UTF-8 text (byte {error.start}): write JSON lines in UTF-8") from error


def _models(lines: Sequence[str]) -> list[str]:
    """Names under `quality`; invalid lines are skipped here and reported by read_outcomes."""
    found: dict[str, None] = {}
    for line in lines:
        with suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
            found |= dict.fromkeys(json.loads(line)["quality"])
    return list(found)
