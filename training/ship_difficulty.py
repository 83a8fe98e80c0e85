"""Train the difficulty score that ships: `python -m training.ship_difficulty PUBLIC.jsonl.gz`.

Public prompts are optional: the prompts and the lexicon that we wrote are in the repository.
"""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from router.difficulty.artifact import dump_score
from router.loading import SHIPPED
from training.difficulty_prompts import framed, own_lexicon, own_prompts, public_prompts
from training.fit.difficulty import train_score


def main() -> None:
    """Train, write the artifact, and print how well it orders held-out prompts of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("public", nargs="*", type=Path, help="gzipped JSON lines of public prompts with a difficulty")
    parser.add_argument("-o", "--output", type=Path, default=Path(str(files("router") / SHIPPED)))
    chosen = parser.parse_args()
    own = list(own_prompts())
    prompts = [*own, *framed(own), *(prompt for path in chosen.public for prompt in public_prompts(path))]
    sources = Counter(prompt.source for prompt in prompts)
    card = {"sources": dict(sources.most_common()), "made": datetime.now(UTC).strftime("%Y-%m-%d")}
    score = train_score(prompts, own_lexicon(), card=card)
    chosen.output.write_bytes(dump_score(score))
    for kind, order in score.card["order"].items():
        print(f"{order:.3f} {kind}")
    print(f"{len(prompts)} prompts, spread {score.spread:.3f}: {chosen.output}")


if __name__ == "__main__":
    main()
