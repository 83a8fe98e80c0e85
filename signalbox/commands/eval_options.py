"""Options and files of `signalbox router eval` and `train`, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cluster.pool import TIERS
from cluster.problems import did_you_mean
from cluster.routing_files import RULES
from router.loading import BadQualityModel, load_quality
from router.model.arrays import ArtifactError
from router.model.artifact import load_artifact
from router.quality import QualityModel, RuleQuality
from training.judge.decision_latency import plain_fleet
from training.outcome_files import BadFile, OutcomeFile, TooFewTiers, read_file

DEFAULT_PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}


def check_options(*, trains: bool, judges: bool, labels: int | None, with_answer: bool = False) -> None:
    """Refuse options that contradict each other.

    Raises:
        BadFile: see the message.
    """
    if trains and judges:
        raise BadFile("--cv trains its own models: leave out --artifact and --compare, or --cv")
    if not trains and (labels or with_answer):
        raise BadFile("--labels and --with-answer need models that are trained here: add --cv question")


def prices_from(given: Sequence[str] | None) -> dict[str, float]:
    """Price of an output token by tier: the defaults, replaced by TIER=PRICE arguments."""
    return DEFAULT_PRICES | {tier: _price(tier, text) for tier, text in _pairs("--price", given)}


def tiers_from(given: Sequence[str] | None) -> dict[str, str]:
    """Tier by model, from TIER=MODEL arguments."""
    return {model: tier for tier, model in _pairs("--tier", given)}


def families_from(given: Sequence[str] | None, stems: Sequence[str]) -> dict[str, str]:
    """Family by file, from FAMILY=FILE,FILE arguments.

    Raises:
        BadFile: a file is unknown or in two families.
    """
    families: dict[str, str] = {}
    for text in given or ():
        name, equals, members = text.partition("=")
        if not (name and equals and members):
            raise BadFile(f"--family: invalid value '{text}', use FAMILY=FILE,FILE")
        for stem in members.split(","):
            if stem not in stems:
                raise BadFile(f"--family: invalid value '{stem}', {did_you_mean(stem, stems)}")
            if stem in families:
                raise BadFile(f"--family: {stem} is in {families[stem]} and in {name}: name it once")
            families[stem] = name
    return families


def model_from(path: Path | None) -> QualityModel:
    """The artifact in a file, the hand-written rules, or the shipped artifact.

    Raises:
        BadFile: the file cannot be read or is not an artifact.
    """
    try:
        if path is None:
            return load_quality(plain_fleet())
        return RuleQuality() if path == Path(RULES) else load_artifact(path.read_bytes())
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}): use the path of an artifact") from error
    except ArtifactError as error:
        raise BadFile(f"{path}: {error}") from error
    except BadQualityModel as error:
        raise BadFile(str(error)) from error


def read_files(
    paths: Sequence[Path], models: Mapping[str, str], noted: Callable[[str], None], least_tiers: int = 2
) -> list[OutcomeFile]:
    """All outcome files.

    Args:
        models: tier by model, from the command line.
        noted: called with a line for each file that has models of no tier.
        least_tiers: tiers that every file must have.

    Raises:
        BadFile: a file cannot be used, two have the same name, or no file has one of the models.
    """
    try:
        files = [read_file(path, models, least_tiers) for path in paths]
    except TooFewTiers as error:
        raise BadFile(f"{error}: name more with --tier TIER=MODEL") from error
    stems = [file.stem for file in files]
    if double := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise BadFile(f"--data: two files have the name {double}, under which results are shown: rename one")
    for model in models:
        if not any(model in file.models for file in files):
            raise BadFile(f"--tier: no file has a model '{model}', use one of {', '.join(_names(files))}")
    for file in files:
        if file.unread:
            read = ", ".join(f"{tier}={model}" for model, tier in file.models.items())
            unread = ", ".join(file.unread)
            noted(f"{file.stem}: {read}; not read: {unread} (use --tier to choose)")
    return files


def _pairs(option: str, given: Sequence[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (equals and value):
            raise BadFile(f"{option}: invalid value '{text}', use TIER=VALUE with one of {', '.join(TIERS)}")
        if name not in TIERS:
            raise BadFile(f"{option}: invalid value '{name}', {did_you_mean(name, TIERS)}")
        pairs.append((name, value))
    return pairs


def _price(tier: str, text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not (math.isfinite(price) and price > 0):
        raise BadFile(f"--price {tier}: invalid value '{text}', use a number > 0")
    return price


def _names(files: Sequence[OutcomeFile]) -> list[str]:
    return sorted({name for file in files for name in (*file.models, *file.unread)})
