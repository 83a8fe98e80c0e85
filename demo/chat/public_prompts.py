"""Writes public questions as graded prompts for `signalbox collect`.

`python -m demo.chat.public_prompts CLONES -o PROMPTS.jsonl`; CLONES is a folder with clones of the repositories below.

| kind | repository | licence |
|---|---|---|
| grade-school maths | openai/grade-school-math | MIT |
| short word problems | arkilpatel/SVAMP | MIT |
| facts | google-research-datasets/natural-questions (NQ-open) | Apache-2.0, data CC BY-SA 3.0 |
| code | facebookresearch/cruxeval (what a function returns) | MIT |
| reasoning | suzgunmirac/BIG-Bench-Hard | MIT |
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Row = dict[str, str | int]
"""A line of a prompts file (docs/routing.md)."""

SHORT_TOKENS = 24
STEPS_TOKENS = 128
"""Enough for a few steps of calculation."""
LONGEST_CHARACTERS = 900
"""Longer questions are left out: a laptop needs seconds to read each."""
LONG_BBH = frozenset(
    f"{name}.json"
    for name in (
        "salient_translation_error_detection",
        "tracking_shuffled_objects_seven_objects",
        "logical_deduction_seven_objects",
        "dyck_languages",
        "word_sorting",
    )
)
"""Files whose questions are long, or whose answers cannot be graded by a short pattern."""
_CHOICE = r"^\W*(?:(?i:the |correct |right |best )*(?i:answer|option|choice)(?i: is|:)?\W*)?"
"""What may precede the letter of a choice or a word that is the answer."""


def grade_school(clones: Path) -> Iterator[Row]:
    """GSM8K's test questions; the reference is the number after `####`."""
    for row in _lines(clones / "grade-school-math/grade_school_math/data/test.jsonl"):
        answer = str(row["answer"]).rsplit("####", 1)[1].strip()
        query = f"{row['question']}\nCalculate step by step, briefly. End with the number."
        yield {"query": query, "answer": answer, "grade": "numeric", "group": "maths", "max_tokens": STEPS_TOKENS}


def word_problems(clones: Path) -> Iterator[Row]:
    """SVAMP: one step of arithmetic in a short story."""
    for row in json.loads((clones / "SVAMP/SVAMP.json").read_text(encoding="utf-8")):
        story = f"{row['Body'].strip().rstrip('.')}. {row['Question']} Reply with the number only."
        answer = f"{row['Answer']:g}"
        yield {"query": story, "answer": answer, "grade": "numeric", "group": "word problems"}


def facts(clones: Path) -> Iterator[Row]:
    """NQ-open: what people typed into a search engine, with short answers."""
    for row in _lines(clones / "natural-questions/nq_open/NQ-open.dev.jsonl"):
        answers = "|".join(rf"\b{re.escape(answer)}\b" for answer in row["answer"])
        query = f"{str(row['question']).capitalize()}? Reply in a few words."
        yield {"query": query, "pattern": f"(?i){answers}", "grade": "regex", "group": "facts"}


def code(clones: Path) -> Iterator[Row]:
    """CRUXEval: the value that a Python function returns."""
    for row in _lines(clones / "cruxeval/data/cruxeval.jsonl"):
        query = f"{row['code']}\n\nWhat does f({row['input']}) return? Reply with the value only."
        value = re.escape(str(row["output"]).strip("'\""))
        pattern = rf"\A\s*(?:```\w*\s*|`)?(?:f\(.*\)\s*(?:==|->|returns?|=)\s*)?['\"]?{value}['\"]?\s*`*\.?\s*\Z"
        yield {"query": query, "pattern": pattern, "grade": "regex", "group": "code"}


def reasoning(clones: Path) -> Iterator[Row]:
    """BIG-Bench Hard: choices, yes or no, and short values."""
    for file in sorted((clones / "BIG-Bench-Hard/bbh").glob("*.json")):
        if file.name not in LONG_BBH:
            for row in json.loads(file.read_text(encoding="utf-8"))["examples"]:
                wanted = "letter of the right option" if "(A)" in row["input"] else "answer"
                query = f"{row['input']}\nReply with the {wanted} only."
                yield {"query": query, "group": file.stem, **_graded(row["target"].strip("() "))}


def _graded(target: str) -> Row:
    """How a short answer is graded. A letter counts in capitals only, because "a" is a word."""
    if target.lstrip("-").isdigit():
        return {"answer": target, "grade": "numeric"}
    word = re.escape(target) if len(target) == 1 else f"(?i:{re.escape(target)})"
    return {"pattern": f"{_CHOICE}{word}(?![\\w.,-]*\\w)", "grade": "regex"}


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


KINDS: dict[Callable[[Path], Iterator[Row]], int] = {
    grade_school: 150,
    word_problems: 350,
    facts: 300,
    code: 300,
    reasoning: 500,
}
"""Number of prompts of each kind, drawn by chance."""


def public_prompts(clones: Path, seed: int) -> list[Row]:
    """All prompts, shuffled.

    Raises:
        FileNotFoundError: a repository is missing.
    """
    chance = random.Random(seed)
    chosen: list[Row] = []
    for kind, count in KINDS.items():
        rows = [row for row in kind(clones) if len(str(row["query"])) <= LONGEST_CHARACTERS]
        chosen += chance.sample(rows, min(count, len(rows)))
    chance.shuffle(chosen)
    return [{"max_tokens": SHORT_TOKENS, **row} for row in chosen]


def main() -> None:
    """Write the prompts file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path, help="folder with the clones")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    try:
        rows = public_prompts(arguments.clones, arguments.seed)
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        arguments.output.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        sys.exit(
            f"{error.filename}: {error.strerror}; clone the repositories that --help lists into {arguments.clones}"
        )


if __name__ == "__main__":
    main()
