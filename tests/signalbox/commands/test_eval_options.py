from __future__ import annotations

from pathlib import Path

import pytest
from outcome_maker import outcome_rows, write_outcomes

from router.quality import RuleQuality
from signalbox.commands.eval_options import check_options, model_from, prices_from, read_files, tiers_from
from training.outcome_files import BadFile


@pytest.mark.parametrize(
    ("given", "prices"),
    [
        (None, {"small": 1, "moe": 3, "large": 10}),
        (["large=20", "moe=0.5"], {"small": 1, "moe": 0.5, "large": 20}),
    ],
)
def test_prices(given, prices):
    assert prices_from(given) == prices


def test_models_of_tiers():
    assert tiers_from(["large=gpt-4", "large=llama-3-70b", "moe=a=b"]) == {
        "gpt-4": "large",
        "llama-3-70b": "large",
        "a=b": "moe",
    }


@pytest.mark.parametrize(
    ("read", "given", "said"),
    [
        (prices_from, ["large"], "--price: invalid value 'large', use TIER=VALUE with one of small, moe, large"),
        (prices_from, ["large="], "--price: invalid value 'large=', use TIER=VALUE"),
        (prices_from, ["lage=3"], "--price: invalid value 'lage', did you mean 'large'?"),
        (prices_from, ["large=free"], "--price large: invalid value 'free', use a number > 0"),
        (prices_from, ["large=-1"], "--price large: invalid value '-1', use a number > 0"),
        (prices_from, ["large=nan"], "--price large: invalid value 'nan', use a number > 0"),
        (tiers_from, ["gpt-4=large"], "--tier: invalid value 'gpt-4'"),
    ],
)
def test_wrong_pairs(read, given, said):
    with pytest.raises(BadFile) as caught:
        read(given)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trains": True, "judges": True}, "leave out --artifact and --compare, or --cv"),
        ({"labels": 100}, "add --cv question"),
        ({"with_answer": True}, "add --cv question"),
    ],
)
def test_options_that_contradict_each_other(options, said):
    with pytest.raises(BadFile, match=said):
        check_options(**{"trains": False, "judges": False, "labels": None} | options)


@pytest.mark.parametrize(
    ("data", "said"), [(None, "cannot be read"), (b"", "a.model: "), (b"\x80\x04pickle", "a.model: ")]
)
def test_an_artifact_that_is_none(tmp_path, data, said):
    if data is not None:
        (tmp_path / "a.model").write_bytes(data)
    with pytest.raises(BadFile, match=said):
        model_from(tmp_path / "a.model")


def test_two_files_of_one_name(tmp_path):
    paths = [write_outcomes(tmp_path / name, outcome_rows(3)) for name in ("a.jsonl", "a.jsonl.gz")]
    with pytest.raises(BadFile, match="two files have the name a"):
        read_files(paths, {}, print)


def test_a_tier_of_a_model_that_no_file_has(tmp_path):
    path = write_outcomes(tmp_path / "a.jsonl", outcome_rows(3, ["small", "large", "moe=extra"]))
    with pytest.raises(BadFile, match="no file has a model 'gpt-5', use one of extra, large, small"):
        read_files([path], {"gpt-5": "large"}, print)


def test_models_that_are_not_read_are_said(tmp_path):
    path = write_outcomes(tmp_path / "a.jsonl", outcome_rows(3, ["small", "large=gpt-4", "moe=extra"]))
    notes = []
    read_files([path], {}, notes.append)
    assert notes == ["a: small=small, large=gpt-4; not read: extra (use --tier to choose)"]


def test_rules_can_be_judged_like_an_artifact():
    assert isinstance(model_from(Path("rules")), RuleQuality)
