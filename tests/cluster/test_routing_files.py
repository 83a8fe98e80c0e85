"""Files of the routing section are found beside the spec and sent on as absolute paths."""

from __future__ import annotations

import pytest

from cluster.loading import SpecError, load_spec

POOLS = "pools: {small: {tier: small, model: org/m, engine: {kind: simulated}}}\n"


def write(folder, routing):
    (folder / "spec.yaml").write_text(f"{POOLS}routing: {routing}\n")
    return folder / "spec.yaml"


@pytest.mark.parametrize("base", ["beside the spec", "working directory"])
def test_files_become_absolute(tmp_path, monkeypatch, base):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    file = tmp_path / ("a" if base == "beside the spec" else "b") / "coefficients.json"
    file.write_text("{}")
    monkeypatch.chdir(tmp_path / "b")
    routing = "{artifact: coefficients.json, escalation: {model: coefficients.json}}"
    spec = load_spec(write(tmp_path / "a", routing))
    assert spec.routing.artifact == spec.routing.escalation.model == str(file)


def test_rules_are_no_file(tmp_path):
    assert load_spec(write(tmp_path, "{artifact: rules}")).routing.artifact == "rules"


@pytest.mark.parametrize(
    ("routing", "field"),
    [
        ("{artifact: none.json}", "routing.artifact"),
        ("{escalation: {model: none.json}}", "routing.escalation.model"),
        ("{escalation: {model: .}}", "routing.escalation.model"),
        ("{artifact: " + "x" * 5000 + "}", "routing.artifact"),
        ("{artifact: 7}", "routing.artifact"),
    ],
)
def test_what_is_no_file_is_named(tmp_path, routing, field):
    with pytest.raises(SpecError, match=field):
        load_spec(write(tmp_path, routing))
