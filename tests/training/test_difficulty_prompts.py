"""Our prompts and words are whole, labelled, and apart from the prompts that judge the router."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

from training.difficulty_prompts import framed, own_lexicon, own_prompts, public_prompts

SETS = Path(__file__).parent.parent / "router" / "sets"
PROMPTS = list(own_prompts())


def test_every_prompt_has_a_label_and_every_group_an_order():
    groups = defaultdict(list)
    for prompt in PROMPTS:
        assert 0 <= prompt.difficulty <= 1
        assert prompt.request.text.strip()
        groups[prompt.group].append(prompt)
    assert len(groups) > 1_000
    for name, members in groups.items():
        labels = [member.difficulty for member in members]
        assert len(members) == 1 or max(labels) - min(labels) >= 0.1, name
        assert len({member.lang for member in members}) == 1, name


def test_many_languages_have_many_prompts():
    counts = Counter(prompt.lang for prompt in PROMPTS)
    assert sum(count >= 25 for count in counts.values()) >= 20


def test_no_prompt_that_judges_the_router_teaches_it():
    taught = {prompt.request.text.strip().lower() for prompt in PROMPTS}
    for path in SETS.glob("*.tsv"):
        for line in path.read_text().splitlines():
            for text in line.replace("\\n", "\n").split("\t")[1:]:
                assert text.strip().lower() not in taught, text


def test_the_lexicon_has_easy_and_hard_terms():
    lexicon = own_lexicon()
    digits = [*lexicon.terms.values(), *lexicon.stems.values()]
    assert all(0 <= digit <= 9 for digit in digits)
    assert sum(digit <= 2 for digit in digits) > 1_000 < sum(digit >= 6 for digit in digits)


def test_a_frame_keeps_the_label():
    few = PROMPTS[:50]
    for before, after in zip(few, framed(few), strict=True):
        assert before.request.text in after.request.text != before.request.text
        assert (before.difficulty, before.group) == (after.difficulty, after.group)


def test_public_prompts_are_read(tmp_path):
    path = tmp_path / "public.jsonl.gz"
    row = {"messages": [{"role": "user", "content": "7 + 5?"}], "domain": "math", "lang": "en"}
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(row | {"difficulty": 0.1, "source": "made up", "level": "1"}) + "\n")
    (prompt,) = public_prompts(path)
    assert (prompt.request.text, prompt.difficulty, prompt.group) == ("7 + 5?", 0.1, None)
