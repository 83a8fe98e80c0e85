"""Every command and example that the docs show is run, against the fleet that `make serve` starts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cluster.loading import PROJECT_ROOT

PAGES = [
    *sorted(PROJECT_ROOT.glob("*.md")),
    PROJECT_ROOT / "demo" / "README.md",
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`(signalbox [^`]+)`")
BIN = Path(sys.executable).parent

HARNESS = {
    "make serve": "the session's fleet is `make serve`'s own command",
    "make test": "this run",
    "make test-slow": "the other half of this run",
    "make proof": "runs for minutes; its report is benchmarks/results/proof.txt",
    "make demo-models": "trains for an hour; tests/demo holds its parts",
    "make chat-models": "downloads half a gigabyte; tests/demo/chat holds its parts",
    "signalbox serve examples/laptop-chat.yaml": "needs the models of `make chat-models`",
    "make bench": "the same as `signalbox bench demo`",
    "make monitor": "tests/e2e/test_monitor.py runs what it runs",
    "signalbox monitor": "tests/e2e/test_monitor.py",
    "signalbox router train": "the command's name; tests/signalbox/commands/test_router_train.py runs it",
    "signalbox router status": "the command's name; docs/routing.md runs it with a URL",
    "signalbox router rollback": "the command's name; tests/e2e/test_learning_loop.py runs it",
    "signalbox router curve": "the command's name; tests/signalbox/commands/test_router_curve.py runs it",
    "signalbox render": "the command's name; docs/deploy.md runs it with a spec",
    "signalbox bench engines": "tests/e2e/test_bench_engines.py",
    "signalbox bench engines --plot engines.html": "tests/e2e/test_bench_engines.py",
    "signalbox serve": "the session's fleet",
    "signalbox logs --follow": "goes on until Ctrl-C; tests/e2e/test_logs_fleet.py",
    "signalbox logs": "tests/e2e/test_logs_fleet.py",
    "signalbox apply": "tests/e2e/test_apply.py",
    "signalbox bench": "the command's name; its two commands are run by tests",
    "signalbox check": "the command's name; README runs it with a spec",
    "signalbox plan": "the command's name; README runs it with a model",
    "signalbox collect": "the command's name; docs/routing.md runs it with prompts",
    "signalbox simulate": "the command's name; tests/signalbox/commands/test_simulate.py runs it",
    "signalbox serve examples/laptop.yaml": "the session's fleet",
    "signalbox serve examples/laptop.yaml --address auto": "tests/e2e/test_attached_fleet.py",
    "signalbox init": "tests/signalbox/commands/test_init.py",
    "signalbox init -o fleet.yaml": "tests/signalbox/commands/test_init.py",
}


def blocks(language):
    for page in PAGES:
        if page.exists():
            for number, match in enumerate(BLOCK.finditer(page.read_text())):
                if match.group(1) == language:
                    yield pytest.param(match.group(2), id=f"{page.relative_to(PROJECT_ROOT)}-{number}")


def commands():
    """Shell lines of bash blocks and inline `signalbox ...` commands, each once."""
    seen = {}
    for page in filter(Path.exists, PAGES):
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match.group(1) == "bash":
                for line in match.group(2).replace("\\\n", " ").splitlines():
                    seen.setdefault(line.split("#")[0].strip(), page)
        for match in INLINE.finditer(text):
            seen.setdefault(match.group(1), page)
    # A name in capitals stands for the reader's own.
    return [command for command in seen if command and not re.search(r"\b[A-Z]{3,}\b", command.split(" -d ")[0])]


@pytest.mark.fleet
@pytest.mark.parametrize("command", [c for c in commands() if c not in HARNESS])
def test_command_runs(fleet, command):
    here = command.replace("http://127.0.0.1:8000", fleet.url)
    if re.match(r"signalbox (status|models|bench demo)", here) and "--url" not in here:
        here += f" --url {fleet.url}"
    if here.startswith("signalbox bench demo") and "--count" not in here:
        here += " --count 6"
    words = shlex.split(here)
    if words[0] in ("signalbox", "python"):
        words[0] = str(BIN / words[0])
    done = subprocess.run(words, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"error"' not in done.stdout


@pytest.mark.fleet
@pytest.mark.parametrize("source", list(blocks("python")))
def test_python_example_runs(fleet, source):
    source = source.replace("http://127.0.0.1:8000", fleet.url)
    done = subprocess.run([sys.executable, "-c", source], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.fleet
def test_the_readmes_example_is_right_cheaply_and_then_by_escalation(fleet):
    (example,) = re.findall(r"^```python\n(.*?)^```", (PROJECT_ROOT / "README.md").read_text(), re.M | re.S)
    questions = re.findall(r'^    "(.*)",$', example, re.M)
    easy, hard = (fleet.chat(question, model="auto", temperature=0) for question in questions)
    assert easy.headers["x-signalbox-pool"] == "small"
    assert easy.json()["choices"][0]["message"]["content"].endswith("Answer: 37")
    assert "small" in hard.headers["x-signalbox-escalated-from"]
    assert hard.json()["choices"][0]["message"]["content"].endswith("Answer: 35")


@pytest.mark.parametrize("source", list(blocks("yaml")))
def test_yaml_example_is_a_valid_part_of_a_spec(source):
    from cluster.spec import FleetSpec
    from deployments.preflight import check_fleet

    assert check_fleet(FleetSpec.model_validate(yaml.safe_load(source))).problems == ()


def test_paths_in_the_index_and_for_contributors_exist():
    pages = (PROJECT_ROOT / "docs" / "index.md", PROJECT_ROOT / "CONTRIBUTING.md")
    for page in pages:
        for path in re.findall(r"`((?:[a-z0-9_]+/)+[a-z0-9_]*(?:\.py)?)`", page.read_text()):
            assert (PROJECT_ROOT / path).exists(), f"{page.name}: {path}"


def test_the_index_lists_every_page():
    listed = set(re.findall(r"\]\(([a-z-]+\.md)", (PROJECT_ROOT / "docs" / "index.md").read_text()))
    assert {page.name for page in (PROJECT_ROOT / "docs").glob("*.md")} - {"index.md"} <= listed


def test_make_targets_named_for_contributors_exist():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)`", (PROJECT_ROOT / "CONTRIBUTING.md").read_text())) <= targets


def test_links_between_pages_lead_somewhere():
    for page in filter(Path.exists, PAGES):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
