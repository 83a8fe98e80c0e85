"""The findings and the report of the checks."""

from __future__ import annotations

from dataclasses import dataclass


class Skipped(Exception):
    """A check cannot run here. The message gives the reason and the fix."""


@dataclass(frozen=True, order=True)
class Finding:
    """One mistake in the rendered output: where it is, what is wrong and what to use instead."""

    check: str
    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.problem}"


@dataclass(frozen=True)
class Report:
    """The findings of all checks."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    """Names of the checks that ran."""
    skipped: dict[str, str]
    """Checks that could not run here, with the reason."""

    @property
    def ok(self) -> bool:
        """Whether there are no findings. Skipped checks count as passed."""
        return not self.findings
