"""docs/spec.md is what `signalbox spec` prints, and every field is explained."""

from __future__ import annotations

from cluster.loading import PROJECT_ROOT
from signalbox.tables.spec import spec_reference

PAGE = PROJECT_ROOT / "docs" / "spec.md"


def test_the_page_is_current():
    assert PAGE.read_text().strip() == spec_reference().strip(), "run: signalbox spec > docs/spec.md"


def test_every_field_has_a_meaning():
    rows = [line for line in spec_reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert not [row for row in rows if row.endswith("|  |")]
