"""How fast a router learns a data set that it has never seen: metrics by number of own labels.

Data sets that share questions or a subject form a family. What is adapted to a family was trained on other families
only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from router.model.adapted import GainOrder
from router.quality import QualityModel
from training.fit.adapt import learn, shipped_gains
from training.fit.gains import fit_gains
from training.folds import Rows
from training.judge.baselines import length_score
from training.judge.forecasts import Array, predictions
from training.judge.methods import Graded, grade, signalbox_method
from training.judge.scores import Judge, Method, Truth, interval
from training.outcome_files import BadFile, OutcomeFile
from training.outcomes import Outcome

LABELS = (25, 50, 100, 200, 500)
DRAWS = 5
MOST_LABELLED = 0.6
"""Largest share of a file's queries that may be labels; a file that is too small for a number is left out there."""
MOST_TESTED = 2_000
"""Queries that a draw is tested on; in a large file, the same ones for each number of labels."""
MOST_UNLABELLED = 2_500
"""Queries that the model without own labels is tested on."""
RESAMPLES = 1_000

Pair = tuple[float, float]
"""APGR and gain_share."""


@dataclass(frozen=True)
class Point:
    """Metrics at one number of labels: means over the draws."""

    labels: int
    apgr: Mapping[str, float]
    """By file."""
    gain_share: Mapping[str, float]
    """By file."""
    macro_apgr: float
    """Mean over families; a family's value is the mean over its files."""
    macro_gain_share: float
    apgr_ci: tuple[float, float] | None
    """95% bootstrap interval over families."""
    gain_share_ci: tuple[float, float] | None


@dataclass(frozen=True)
class Curves:
    """Adaptation curves, and what to compare them with."""

    points: Sequence[Point]
    """The first one has no labels: the model that ships."""
    length: Point
    """The length of the query; its gain_share knows which mixes of tiers are best."""


def adaptation_curves(
    files: Sequence[OutcomeFile],
    families: Mapping[str, str],
    default: QualityModel,
    prices: Mapping[str, float],
    *,
    labels: Sequence[int] = LABELS,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda text, done, steps: None,
) -> Curves:
    """Adapt to each file with some of its labels, and test on the rest of it.

    Args:
        families: family by file stem; a file without one is a family alone.
        default: what decides without own labels, and about requests unlike them.
        prices: by tier.

    Raises:
        BadFile: a file has no rows with two tiers.
    """
    family_of = {file.stem: families.get(file.stem, file.stem) for file in files}
    graded = {file.stem: _grade(file, prices) for file in files}
    bases = {family: _base(files, family_of, family, seed) for family in set(family_of.values())}
    found: dict[int, dict[str, list[Pair]]] = defaultdict(dict)
    for number, (stem, each) in enumerate(graded.items()):
        progress(f"adapting to {stem}", number, len(graded))
        found[-1][stem] = [_metrics(each.truth, Method(length_score([o.request.text for o in each.outcomes])))]
        found[0][stem] = [_tested(each, _shuffled(len(each.outcomes), (seed,))[:MOST_UNLABELLED], default)]
        orders = [_shuffled(len(each.outcomes), (seed, draw)) for draw in range(draws)]
        for count in (count for count in labels if count <= MOST_LABELLED * len(each.outcomes)):
            found[count][stem] = [_adapted(each, order, count, bases[family_of[stem]], default) for order in orders]
    progress("adapted", len(graded), len(graded))
    points = {count: _point(count, rows, family_of, seed) for count, rows in found.items()}
    return Curves([points[count] for count in sorted(points) if count >= 0], points[-1])


def _shuffled(rows: int, seed: tuple[int, ...]) -> Rows:
    return np.random.default_rng(seed).permutation(rows)


def _grade(file: OutcomeFile, prices: Mapping[str, float]) -> Graded:
    try:
        return grade(file.outcomes, prices)[0]
    except ValueError as error:
        raise BadFile(f"{file.stem}: {error}") from error


def _base(files: Sequence[OutcomeFile], family_of: Mapping[str, str], family: str, seed: int) -> GainOrder:
    """The order of gains of the other families; of a single family, the one that ships."""
    others = [file.outcomes for file in files if family_of[file.stem] != family]
    return fit_gains(others, seed) if others else shipped_gains()


def _adapted(graded: Graded, order: Rows, count: int, base: GainOrder, default: QualityModel) -> Pair:
    labelled: list[Outcome] = [graded.outcomes[row] for row in order[:count]]
    return _tested(graded, order[count:][-MOST_TESTED:], replace(learn(labelled, base=base), far=default))


def _tested(graded: Graded, rows: Rows, model: QualityModel) -> Pair:
    tested = [graded.outcomes[row] for row in rows]
    truth = Truth(graded.truth.tiers, graded.truth.quality[rows], graded.truth.cost[rows])
    return _metrics(truth, signalbox_method(graded, predictions(model, tested), np.arange(len(rows))))


def _metrics(truth: Truth, method: Method) -> Pair:
    """APGR and gain_share; NaN where one is undefined."""
    scores = Judge(truth, resamples=0).scores([method])
    return _number(scores.apgr), _number(scores.gain_share)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _point(labels: int, rows: Mapping[str, Sequence[Pair]], family_of: Mapping[str, str], seed: int) -> Point:
    means = {stem: np.nanmean(np.array(drawn), axis=0) for stem, drawn in rows.items()}
    families: dict[str, list[Array]] = defaultdict(list)
    for stem, mean in means.items():
        families[family_of[stem]].append(mean)
    by_family = np.array([np.nanmean(values, axis=0) for values in families.values()])
    drawn = np.random.default_rng(seed).integers(0, len(by_family), (RESAMPLES, len(by_family)))
    macros = np.vstack((by_family.mean(axis=0), by_family[drawn].mean(axis=1)))
    enough = len(by_family) > 1
    return Point(
        labels=max(labels, 0),
        apgr={stem: float(mean[0]) for stem, mean in means.items()},
        gain_share={stem: float(mean[1]) for stem, mean in means.items()},
        macro_apgr=float(macros[0, 0]),
        macro_gain_share=float(macros[0, 1]),
        apgr_ci=interval(macros[:, 0]) if enough else None,
        gain_share_ci=interval(macros[:, 1]) if enough else None,
    )
