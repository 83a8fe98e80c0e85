"""The small builder builds the same overlays as kubectl, and rejects features that it does not support."""

from __future__ import annotations

import shutil

import pytest
import yaml
from rendered_fleets import EXAMPLES, example, fleet

from k8s.checks.json_patch import PatchFailed, apply_patch
from k8s.checks.kustomize import BuildFailed, build_here, build_with_kubectl, unused_files
from k8s.errors import RenderError
from k8s.render import OVERLAYS, render, write

needs_kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


def by_name(objects):
    return {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in objects}


@needs_kubectl
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_examples_are_built_as_kubectl_builds_them(tmp_path, name):
    try:
        write(render(example(name)), tmp_path)
    except RenderError as error:
        pytest.skip(f"not for Kubernetes: {error}")
    for overlay in OVERLAYS:
        folder = tmp_path / "overlays" / overlay
        ours = build_here(folder)
        assert len(ours) > 5
        assert by_name(ours) == by_name(build_with_kubectl(folder))


@pytest.fixture
def small(tmp_path):
    """Two objects, and an overlay that changes what every transformer changes."""
    (tmp_path / "base").mkdir()
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "a"}}
    binding = {
        "kind": "RoleBinding",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "b"},
        "roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "default"}],
    }
    job = {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {"name": "j", "labels": {"old": "1"}},
        "spec": {
            "template": {"spec": {"containers": [{"name": "one", "image": "x:1"}, {"name": "two", "image": "x:2"}]}}
        },
    }
    wide = {"kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "w"}, "rules": []}
    (tmp_path / "base" / "all.yaml").write_text(yaml.safe_dump_all([account, binding, job, wide]))
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (tmp_path / "overlays" / "one").mkdir(parents=True)
    return tmp_path


def kustomization(folder, **fields):
    path = folder / "overlays" / "one"
    (path / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["../../base"], **fields}))
    return path


@needs_kubectl
def test_every_transformer_does_what_kubectl_does(small):
    operations = [
        {"op": "add", "path": "/metadata/annotations", "value": {"a/b": "1"}},
        {"op": "test", "path": "/metadata/labels/old", "value": "1"},
        {"op": "replace", "path": "/metadata/annotations/a~1b", "value": "2"},
        {"op": "remove", "path": "/spec/template/spec/containers/0"},
        {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "first", "image": "y:1"}},
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "last", "image": "y:2"}},
    ]
    overlay = kustomization(
        small,
        namespace="place",
        labels=[{"pairs": {"env": "one"}, "includeTemplates": True}, {"pairs": {"other": "two"}}],
        patches=[{"target": {"kind": "Job", "name": "j"}, "patch": yaml.safe_dump(operations)}],
    )
    ours = by_name(build_here(overlay))
    assert ours == by_name(build_with_kubectl(overlay))
    assert [each["name"] for each in ours["Job", "place", "j"]["spec"]["template"]["spec"]["containers"]] == [
        "first", "two", "last"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"namePrefix": "x-"}, "'namePrefix' needs kubectl"),
        ({"resources": ["gone.yaml"]}, "gone.yaml: is listed in a kustomization.yaml but does not exist"),
        ({"labels": [{"pairs": {"a": "b"}, "includeSelectors": True}]}, "includeSelectors"),
        (
            {"patches": [{"target": {"kind": "Pod"}, "patch": "- {op: remove, path: /x}"}]},
            "a patch has no target object",
        ),
        ({"patches": [{"target": {"kind": "Job"}, "patch": "kind: Job"}]}, "merge patches need kubectl"),
        ({"patches": [{"target": {"kind": "Job"}, "patch": "- {op: remove, path: /spec/gone}"}]}, "patch of Job/j"),
        ({"patches": [{"target": {"kind": "Job"}, "path": "gone.yaml"}]}, "gone.yaml"),
    ],
)
def test_what_cannot_be_built_is_said(small, fields, problem):
    with pytest.raises(BuildFailed, match=problem):
        build_here(kustomization(small, **fields))


@needs_kubectl
def test_kubectl_s_own_words_are_passed_on(small):
    with pytest.raises(BuildFailed, match=r"kubectl kustomize: .*gone\.yaml"):
        build_with_kubectl(kustomization(small, resources=["gone.yaml"]))


def test_a_broken_file_is_said_in_a_line(small):
    (small / "base" / "all.yaml").write_text("a: [1\nb: 2\n")
    with pytest.raises(BuildFailed, match=r"all\.yaml") as error:
        build_here(kustomization(small))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ({"op": "replace", "path": "/gone", "value": 1}, "KeyError"),
        ({"op": "remove", "path": "/list/9"}, "IndexError"),
        ({"op": "remove", "path": "/list/-1"}, "IndexError"),
        ({"op": "add", "path": "/gone/deeper", "value": 1}, "KeyError"),
        ({"op": "add", "path": "/list/x", "value": 1}, "ValueError"),
        ({"op": "test", "path": "/list/0", "value": 2}, "unexpected value 1"),
        ({"op": "move", "path": "/list"}, "use add, replace, remove or test"),
        ({"op": "add", "path": "list", "value": 1}, "must begin with /"),
        ({"op": "add"}, "KeyError"),
    ],
)
def test_operations_that_do_not_fit(operation, problem):
    with pytest.raises(PatchFailed, match=problem):
        apply_patch({"list": [1]}, [operation])


def test_files_that_nothing_names(tmp_path):
    write(render(fleet()), tmp_path)
    assert list(unused_files(tmp_path)) == []
    (tmp_path / "base" / "mine.yaml").write_text("kind: Pod\n")
    file = tmp_path / "base" / "kustomization.yaml"
    file.write_text(file.read_text().replace("- network-policy.yaml\n", ""))
    assert [path.name for path in unused_files(tmp_path)] == ["mine.yaml", "network-policy.yaml"]
