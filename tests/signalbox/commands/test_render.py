"""`signalbox render`: files, the checks' verdict, and errors of a line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rendered_fleets import EXAMPLES
from typer.testing import CliRunner

from k8s import checks
from signalbox.cli import app


def run(*words):
    return CliRunner().invoke(app, ["render", *map(str, words)])


def test_writes_a_folder_and_says_so(tmp_path):
    done = run(EXAMPLES / "laptop.yaml", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert f"into {tmp_path / 'out'}: overlays dev and prod" in done.stdout.replace("\n", " ")
    assert (tmp_path / "out" / "overlays" / "prod" / "kustomization.yaml").exists()


def test_check_says_what_it_did_and_what_it_could_not(tmp_path):
    done = run(EXAMPLES / "l4.yaml", "-o", tmp_path, "--check")
    assert done.exit_code == 0, done.output
    assert "checked: kustomize, " in done.stdout
    assert "skipped crd schemas: no folder of CRDs was given" in done.stdout


def test_check_fails_with_what_is_wrong(tmp_path, monkeypatch):
    finding = checks.Finding("streams", "a file", "a problem")
    monkeypatch.setattr(checks, "check", lambda *given: checks.Report((finding,), ("streams",), {}))
    done = run(EXAMPLES / "l4.yaml", "-o", tmp_path, "--check")
    assert (done.exit_code, done.stderr) == (1, "streams: a file: a problem\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "pools: {s: {tier: small, model: m}}\nname: 7up\n",
            "name: invalid value '7up', use a name that begins with a letter",
        ),
        ("pools: {s: {tier: small, model: m}}\nkubernetes: {image: 3}\n", "kubernetes.image: "),
    ],
)
def test_what_cannot_be_rendered_is_one_line(tmp_path, text, said):
    (tmp_path / "spec.yaml").write_text(text)
    done = run(tmp_path / "spec.yaml", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_without_the_packages_to_render_with_the_command_says_what_to_install(tmp_path):
    blocked = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; from signalbox.cli import app; "
        f"app(['render', '{EXAMPLES / 'l4.yaml'}', '-o', '{tmp_path}'])"
    )
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.endswith("is not installed here: pip install -e '.[k8s]'\n")
