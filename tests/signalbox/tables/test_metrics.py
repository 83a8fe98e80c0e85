"""docs/metrics.md is what `signalbox metrics` prints, and has every metric that there is."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.metrics.gateway import TABLE
from deployments.metrics.vllm import VLLM
from k8s.dashboards import build
from signalbox.cli import app
from signalbox.tables.metrics import metrics_page

PAGE = PROJECT_ROOT / "docs" / "metrics.md"


def test_the_page_is_current():
    assert PAGE.read_text().strip() == metrics_page().strip(), "run: signalbox metrics > docs/metrics.md"
    assert CliRunner().invoke(app, ["metrics"]).output.strip() == metrics_page().strip()


def test_every_metric_has_a_row_that_says_all_of_it():
    rows = {line.split("`")[1]: line for line in metrics_page().splitlines() if line.startswith("| `")}
    assert set(rows) == {one.exposed for one in (*TABLE, *VLLM)}
    for one in (*TABLE, *VLLM):
        cells = [cell.strip() for cell in rows[one.exposed].strip("|").split(" | ")]
        assert len(cells) == 6, f"a cell of {one.name} has a bar in it, or nothing"
        assert all(f"`{label}`: " in cells[3] for label in one.labels)


def test_the_names_of_the_page_that_texts_refer_to_exist():
    names = {one.name for one in TABLE}
    for text in (each for one in TABLE for each in (one.meaning, one.moves)):
        assert set(re.findall(r"`(signalbox_\w+)`", text)) <= names


def test_what_dashboards_ask_vllm_for_is_told():
    """Suffixes are Prometheus': of a histogram's series, of a counter."""
    known = {one.exposed for one in VLLM}
    text = str(build(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml")))
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"ray_vllm_\w+", text)}
    assert asked
    assert asked <= known
