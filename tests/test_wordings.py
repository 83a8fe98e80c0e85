"""Docs, messages, docstrings and comments avoid the wordings that docs/style.md lists."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.loading import PROJECT_ROOT

STYLE = PROJECT_ROOT / "docs" / "style.md"
ROOMS = "cluster router autoscaling training simulation deployments benchmarks signalbox k8s demo examples docs".split()
KINDS = (".py", ".md", ".js", ".css", ".html", ".sh")
FILES = [
    *(PROJECT_ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")),
    *PROJECT_ROOT.glob("*.sh"),
    *(path for room in ROOMS for path in sorted((PROJECT_ROOT / room).rglob("*")) if path.suffix in KINDS),
    *(PROJECT_ROOT / "examples").glob("*.yaml"),
]

AVOID = {
    r"not to be had": "unavailable",
    r"stands in\b": "is in; replaces",
    r"(?:it|that|which|what|decision|name|text) stands\b(?! for)": "is; is kept",
    r"stands (?:alone|apart|beside|written)": "is alone; is separate",
    r"beside (?:it|them)\b|with \w+ beside": "compared with; and",
    r"dear(?:er|est)?\b": "expensive, more expensive, most expensive",
    r"anew": "again",
    r"of (?:its|their) own\b": "its own; separate",
    r"(?<!times\s)as long as": "while; if; until",
    r"(?:is|are|be) told\b": "knows; receives",
    r"told of": "notified of",
    r"say(?:s|ing)? how (?:much|many)": "reports; returns; shows",
    r"says nothing of": "does not cover",
    r"of the whole fleet": "for the whole fleet",
    r"wish(?:es)? of": "preferences",
    r"(?:asked of|also asked)": "sent to",
    r"late answers": "SLO misses",
    r"(?:is|are) borne": "is tolerated",
    r"pools? (?:sleeps?|wakes?)\b|wakes (?:it|a pool)\b": "a pool is at zero replicas; a pool starts",
    r"in sight": "reachable",
    r"go round": "there are not enough",
    r"greatest number wins": "the largest request wins",
    r"was never seen": "has not been observed",
    r"answers? nobody": "serves no traffic",
    r"in vain": "has no effect",
    r"for want of": "because there was no",
    r"none the worse": "this is expected",
    r"take it back": "roll it back",
    r"wake somebody": "page the on-call",
    r"no error of\b": "is not an error of",
    r"one by one, several times": "repeatable",
    r"put together": "concatenated; merged",
    r"as it comes": "with default settings",
    r"what brought it": "what changed",
    r"what did not hold": "rejected alternatives",
    r"(?<!mis)taken for an?\b": "is mistaken for",
    r"(?<!the\s)less the\b": "minus the",
    r"thrown out": "preempted; removed",
    r"of everything random": "random seed",
    r"there are:": "known values:",
    r"found '": "invalid value '",
    r"may be written here": "no value is allowed here",
}
"""Wordings as regular expressions, with their plain form. A blank stands for any white space, a line break too."""

ALLOWED = {
    "demo/wordings.py": "questions of the training data",
    "training/grading.py": "the judge's prompt: grades are comparable only under the same prompt",
}
"""Files whose wordings are no prose of ours, with the reason."""

UNTESTED = ("held (a scaling decision)", "less X (arithmetic)")
"""Rows of docs/style.md that depend on the meaning."""

_PATTERNS = {
    re.compile(rf"\b(?:{wording})".replace(" ", r"\s+"), re.IGNORECASE): plain for wording, plain in AVOID.items()
}
_OPENING = re.compile(r"""^\w*(?:\"""|'''|"|')|^#""")
_MARKS = re.compile(r"(?m)^[ \t]*(?:#|//|\*)*[ \t]*")
_PROSE = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1))


_QUOTED = re.compile(r"^>.*$", re.MULTILINE)
"""What models answered, in docs/chat.md: not our words."""


def prose(path: Path) -> str:
    """The text of a file with as many lines; only strings and comments of a Python file; no quoted text of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = _QUOTED.sub("", text)
    if path.suffix != ".py":
        return _MARKS.sub("", text)
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _PROSE:
            for number, line in enumerate(_OPENING.sub("", token.string).rstrip('"').split("\n"), token.start[0]):
                lines[number] += f" {line}"
    return _MARKS.sub("", "\n".join(lines[1:]))


def hits(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, wording and plain form of each wording to avoid."""
    for pattern, plain in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), plain


def is_ours(path: Path) -> bool:
    return path != STYLE and "plotly" not in path.name and str(path.relative_to(PROJECT_ROOT)) not in ALLOWED


def test_texts_use_plain_wordings():
    found = [
        f"{path.relative_to(PROJECT_ROOT)}:{line}: {wording!r}, write: {plain}"
        for path in filter(is_ours, FILES)
        for line, wording, plain in hits(prose(path))
    ]
    assert not found, "see docs/style.md\n" + "\n".join(found)


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed_files_need_it(name):
    assert list(hits(prose(PROJECT_ROOT / name)))


def test_each_wording_of_the_style_page_is_found():
    table = STYLE.read_text().partition("| instead of | write |")[2].partition("##")[0]
    wordings = re.findall(r"(?m)^\| (.+?) \|", table)
    assert len(wordings) > 30
    assert [each for each in wordings if each not in UNTESTED and not list(hits(each))] == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""One.\n\nIt is kept as long\nas it runs."""\n', 3),
        ("x = 1  # the dearest pool\n", 1),
        ('x = (\n    "at the dear"\n    f" price"\n)\n', 2),
        ("anew = 1\n", None),
    ],
)
def test_strings_and_comments_are_read(source, line, tmp_path):
    (tmp_path / "a.py").write_text(source)
    assert [hit[0] for hit in hits(prose(tmp_path / "a.py"))] == ([line] if line else [])
