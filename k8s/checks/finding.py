"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass


class Skipped(Exception):
    """A check cannot run here; the message says why and what would make it run."""


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake in the rendered output: where it is, what was found and what to write instead."""

    check: str
    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.problem}"


@dataclass(frozen=True)
class Report:
    """What all checks found."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    """Checks that looked at the output, by name."""
    skipped: dict[str, str]
    """Checks that could not run here: their name and why."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found; checks that were skipped found nothing."""
        return not self.findings
