from __future__ import annotations

import gzip

import pytest
from outcome_maker import outcome_rows, write_outcomes

from training.outcome_files import BadFile, read_file, stem_of, tiers_of


@pytest.mark.parametrize(
    ("found", "wanted", "tiers"),
    [
        (["small", "moe", "large"], {}, {"small": "small", "moe": "moe", "large": "large"}),
        (["mixtral-8x7b", "gpt-4"], {}, {"mixtral-8x7b": "moe", "gpt-4": "large"}),
        (["a", "b", "moe"], {"a": "small", "b": "large"}, {"a": "small", "b": "large", "moe": "moe"}),
        (["mistral-7b", "llama-3.1-8b", "nemotron-51b"], {}, {"llama-3.1-8b": "small", "nemotron-51b": "large"}),
        (["mistral-7b", "llama-3.1-8b"], {"mistral-7b": "small"}, {"mistral-7b": "small"}),
        (["llama-3.1-8b", "gpt-4"], {"llama-3.1-8b": "moe"}, {"llama-3.1-8b": "moe", "gpt-4": "large"}),
        (["a"], {"elsewhere": "small"}, {}),
        ([], {}, {}),
    ],
)
def test_one_model_a_tier_and_what_was_asked_for_first(found, wanted, tiers):
    assert tiers_of(found, wanted) == tiers


@pytest.mark.parametrize(
    ("name", "stem"), [("a.jsonl.gz", "a"), ("a.jsonl", "a"), ("a.b.jsonl.gz", "a.b"), ("a.txt", "a"), ("a", "a")]
)
def test_the_stem_is_the_name_without_its_ending(tmp_path, name, stem):
    assert stem_of(tmp_path / name) == stem


@pytest.mark.parametrize("name", ["made.jsonl", "made.jsonl.gz"])
def test_a_file_is_read_gzipped_or_not(tmp_path, name):
    path = write_outcomes(tmp_path / name, outcome_rows(5, ["small=tiny", "large", "moe=other"]))
    file = read_file(path, {"tiny": "small"})
    assert (file.stem, file.models, file.unread) == ("made", {"tiny": "small", "large": "large"}, ("other",))
    assert len(file.outcomes) == 5
    assert set(file.outcomes[0].quality) == {"small", "large"}


def test_line_separators_inside_a_query_are_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"query": "one\u2028two\x85three", "quality": {"small": 1, "large": 1}}\n')
    assert [outcome.request.text for outcome in read_file(path, {}).outcomes] == ["one\u2028two\x85three"]


GOOD = b'{"query": "q", "quality": {"small": 1, "large": 0}}\n'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "a.jsonl.gz: cannot be read (No such file or directory)"),
        (b"not gzip", "a.jsonl.gz: is not a gzip file"),
        (gzip.compress(GOOD * 99)[:-12], "a.jsonl.gz: the gzip data is cut off or damaged"),
        (gzip.compress(GOOD)[:12] + b"\xff" * 30, "a.jsonl.gz: the gzip data is cut off or damaged"),
        (gzip.compress(b"\xff\xfe"), "a.jsonl.gz: is not UTF-8 text (byte 0)"),
        (gzip.compress(b""), "a.jsonl.gz: has no rows"),
        (gzip.compress(GOOD + b"{"), "a.jsonl.gz:2: is not JSON"),
        (gzip.compress(b'{"query": 1, "quality": {"small": 1}}'), "a.jsonl.gz:1: query is 1"),
        (gzip.compress(GOOD + b'{"query": "q", "quality": {"small": 7}}'), "a.jsonl.gz:2: quality.small is 7"),
        (gzip.compress(b'{"query": "q", "quality": {"small": 1}}'), "the models small cover 1 of the tiers"),
        (gzip.compress(b'{"query": "q", "quality": {"x": 1, "y": 1}}'), "models x, y cover 0 of the tiers"),
    ],
    ids=range(11),
)
def test_what_cannot_be_used_is_said_with_its_place(tmp_path, data, said):
    path = tmp_path / "a.jsonl.gz"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadFile) as caught:
        read_file(path, {})
    assert said in str(caught.value)
