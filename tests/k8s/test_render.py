"""The rendered folder as a whole: complete, the same every time, and what kustomize makes of it."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml
from rendered_fleets import EXAMPLES, example, fleet, objects

from deployments.local.programs import find
from k8s.errors import RenderError
from k8s.render import MARK, render, write


def kustomize(folder):
    done = subprocess.run([str(find("kubectl")), "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}


def test_every_file_is_named_by_its_kustomization():
    files = render(example("l4"))
    for folder in ("base", "overlays/dev", "overlays/prod"):
        names = {path.split("/")[-1] for path in files if path.rsplit("/", 1)[0] == folder}
        content = yaml.safe_load(files[f"{folder}/kustomization.yaml"])
        named = {*content["resources"], *(patch["path"] for patch in content.get("patches", [])), "kustomization.yaml"}
        assert names == named - {"../../base"}


def test_the_same_spec_gives_the_same_files_in_order():
    spec = fleet()
    assert list(render(spec).items()) == sorted(render(spec).items())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_kustomize_builds_every_example(path, tmp_path):
    if find("kubectl") is None:
        pytest.skip("kubectl is not installed: tests/k8s builds overlays with Python as well")
    spec = example(path.stem)
    write(render(spec), tmp_path)
    prod, dev = kustomize(tmp_path / "overlays" / "prod"), kustomize(tmp_path / "overlays" / "dev")
    places = {each["metadata"].get("namespace") for (kind, _), each in prod.items() if kind != "Namespace"}
    assert places == {spec.name}
    assert {each["metadata"]["labels"]["app.kubernetes.io/environment"] for each in dev.values()} == {"dev"}
    service = prod["RayService", spec.name]["spec"]
    assert service["rayClusterConfig"]["gcsFaultToleranceOptions"]["redisAddress"] == f"{spec.name}-redis:6379"
    assert "gcsFaultToleranceOptions" not in dev["RayService", spec.name]["spec"]["rayClusterConfig"]


def test_monitoring_is_prod_s():
    spec = fleet(kubernetes={"monitoring": {"labels": {"release": "mine"}}})
    files = render(spec)
    found = list(objects(spec, "overlays/prod").values())
    monitored = [each for each in found if each["apiVersion"] == "monitoring.coreos.com/v1"]
    assert [each["kind"] for each in monitored] == ["PodMonitor", "PodMonitor", "PrometheusRule"]
    assert all(each["metadata"]["labels"]["release"] == "mine" for each in monitored)
    boards = [each for each in found if each["kind"] == "ConfigMap"]
    assert len(boards) == 6
    for board in boards:
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
        ((name, text),) = board["data"].items()
        assert name == f"{json.loads(text)['uid']}.json"
    assert not [path for path in files if path.startswith(("base", "overlays/dev")) and "monitor" in path]


def test_a_second_rendering_removes_what_the_first_left_and_nothing_else(tmp_path):
    write(render(fleet(kubernetes={"expose": {"kind": "ingress", "host": "a.example"}})), tmp_path)
    (tmp_path / "base" / "mine.yaml").write_text("mine: true\n")
    (tmp_path / "overlays" / "staging").mkdir()
    (tmp_path / "overlays" / "staging" / "kustomization.yaml").write_text(f"# {MARK}\n# a copy that I changed\n")
    assert (tmp_path / "base" / "way-in.yaml").exists()
    files = render(fleet())
    write(files, tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*files, "base/mine.yaml", "overlays/staging/kustomization.yaml"}


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RenderError, match=r"file: cannot be written .*, use another folder with -o"):
        write(render(fleet()), tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "7up"}, "name: invalid value '7up', use a name that begins with a letter"),
        ({"hardware": {"headgroup": {"device": "L4"}}, "pools": None}, "hardware.headgroup: is KubeRay's name"),
    ],
)
def test_names_that_kubernetes_refuses(change, message):
    if change.get("hardware"):
        change = {"hardware": change["hardware"], "pools": {"small": {"tier": "small", "model": "org/model"}}}
    with pytest.raises(RenderError, match=message):
        render(fleet(**change))
