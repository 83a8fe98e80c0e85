"""Prompts with a difficulty label: our own (training/prompts) and files of public ones."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from router.difficulty.lexicon import Lexicon, parse_lexicon
from router.requests import from_chat
from router.types import RoutingRequest

OWN = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class LabelledPrompt:
    """A request and how hard a person calls it."""

    request: RoutingRequest
    domain: str
    lang: str
    difficulty: float
    """0..1, see training/prompts/README.md."""
    source: str
    group: str | None = None
    """Prompts on one topic, of different difficulty; None if the prompt belongs to none."""


def kind_of(prompt: LabelledPrompt) -> tuple[str, str]:
    """Return what a prompt shares with those it is compared with: domain and language."""
    return prompt.domain, prompt.lang


def own_prompts(folder: Path = OWN) -> Iterator[LabelledPrompt]:
    """The prompts that we wrote: `lang, domain, difficulty, group, prompt` in tab-separated files."""
    for path in sorted(folder.glob("*.tsv")):
        with path.open(newline="") as lines:
            for lang, domain, difficulty, group, text in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                request = _request([{"role": "user", "content": text.replace("\\n", "\n")}])
                yield LabelledPrompt(request, domain, lang, float(difficulty), path.stem, f"{path.stem} {group}")


FRAMES = (
    "Hi! Could you please help me with this? {} Thanks!",
    "Hello, I have a question. {}",
    "{}\n\nThanks in advance, this would really help me.",
    "please {}",
    "## Question\n\n{}",
    "### Task\n{}\n",
    "**{}**",
    "Question: {}\nAnswer:",
    "- {}",
    "Hallo, ich brauche kurz Hilfe. {} Vielen Dank!",
    "Bonjour, pouvez-vous m'aider ? {} Merci d'avance.",
    "Hola, necesito ayuda con esto: {} Gracias.",
    "Здравствуйте! {} Спасибо!",
    "你好，请帮我一下。{} 谢谢！",
)
"""What people write around a task, which makes it neither easier nor harder."""


def framed(prompts: Iterable[LabelledPrompt], seed: int = 0) -> Iterator[LabelledPrompt]:
    """A second version of each prompt of a group, with something around it."""
    chance = Random(seed)
    for prompt in prompts:
        if prompt.group:
            text = chance.choice(FRAMES).format(prompt.request.text)
            yield replace(prompt, request=replace(prompt.request, text=text))


def public_prompts(path: Path) -> Iterator[LabelledPrompt]:
    """The prompts of a gzipped file of JSON lines with `messages`, `domain`, `lang`, `difficulty` and `source`."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            request = _request(row["messages"])
            yield LabelledPrompt(request, row["domain"], row["lang"], row["difficulty"], row["source"])


def _request(messages: list[dict[str, Any]]) -> RoutingRequest:
    return from_chat({"messages": messages})


def own_lexicon(folder: Path = OWN / "lexicon") -> Lexicon:
    """The lexicon that we wrote: `lang, term, digit` in tab-separated files."""
    lines = (line for path in sorted(folder.glob("*.tsv")) for line in path.read_text().splitlines())
    return parse_lexicon(line.partition("\t")[2] for line in lines)
