"""Train the order of gains that ships: `python -m training.ship_gains OUTCOMES.jsonl.gz ...`.

Models of the files without a known tier are left out; `--tier TIER=MODEL` adds them.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from training.fit.adapt import SHIPPED, dump_gains
from training.fit.gains import fit_gains
from training.outcome_files import read_file


def main() -> None:
    """Train on one pair of models per file and write the artifact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outcomes", nargs="+", type=Path, help="outcome files of different data sets")
    parser.add_argument("--tier", action="append", default=[], metavar="TIER=MODEL")
    parser.add_argument("-o", "--output", type=Path, default=Path(str(files("training") / SHIPPED)))
    chosen = parser.parse_args()
    wanted = {model: tier for tier, _, model in (text.partition("=") for text in chosen.tier)}
    read = [read_file(path, wanted) for path in chosen.outcomes]
    base = fit_gains([file.outcomes for file in read])
    sources = {file.stem: len(file.outcomes) for file in read}
    chosen.output.write_bytes(dump_gains(base, {"sources": sources, "made": datetime.now(UTC).strftime("%Y-%m-%d")}))
    print(f"{sum(sources.values())} outcomes of {len(sources)} data sets: {chosen.output}")


if __name__ == "__main__":
    main()
