"""`signalbox spec`: docs/spec.md."""

from __future__ import annotations


def spec() -> None:
    """Print the reference of every spec field as Markdown."""
    from signalbox.tables.spec import spec_reference

    print(spec_reference())
