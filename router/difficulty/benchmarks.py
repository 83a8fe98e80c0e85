"""How strong open models are, as public benchmarks measured it: the table `router/benchmarks.csv` and its names.

The benchmark is MMLU-Pro (Wang et al. 2024, arXiv 2406.01574): the mean accuracy over 12,032 questions of 14 subjects
with up to ten choices each. Most model cards have it, and it tells weak and strong models apart: from 11% to 85%, while
MMLU and GSM8K put most models of today between 80% and 95%.

Each row has a model's hub id, its mean in percent, who ran it, and where that is published. Set-ups differ, and so do
means of one model, by up to 7 points. So the first choice is a run by the benchmark's `authors`, who use one set-up.
Next is the `vendor` of the model, then an `other` vendor who compares with it. Models that can think are listed without
it, unless they always do. Models without a published mean have no row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

NAME = "MMLU-Pro"
_WEIGHTS = re.compile(
    r"[-_.](?:awq|gptq|gguf|bnb|marlin|autoround|unsloth|quantized|dynamic|static|block|kv"
    r"|(?:fp|int|nvfp|mxfp)(?:4|8|16)|bf16|[48]-?bit|w(?:4|8)a(?:4|8|16)|g\d+|q[4-8](?:_[01k])?(?:_[sml])?)$"
)
"""A part at the end of a name that only says how the weights are stored, with 4 bits or more."""
_SEPARATORS = re.compile(r"[-_. ]+")


def read_means(lines: Iterable[str]) -> dict[str, float]:
    """Return the mean (0..1) by plain name, from the lines of the table."""
    return {plain_name(row["model"]): float(row["mmlu_pro"]) / 100 for row in csv.DictReader(lines)}


def plain_name(model: str) -> str:
    """Return a model's name without its owner, its folder and the format of its weights.

    Names are of the same model only if they are equal then. An adapted model, a base model or another size has another
    name, so it is not mistaken for a model in the table.
    """
    name = model.rstrip("/").rpartition("/")[2].lower()
    while (shorter := _WEIGHTS.sub("", name)) != name:
        name = shorter
    return _SEPARATORS.sub("-", name).removeprefix("meta-")
