"""What stands in k8s/manifests is what the examples render to, byte for byte."""

from __future__ import annotations

import pytest
from rendered_fleets import EXAMPLES, example

from k8s.render import render

MANIFESTS = EXAMPLES.parent / "k8s" / "manifests"
GPU_EXAMPLES = ["a100", "deepseek", "h100", "l4", "qwen"]


@pytest.mark.parametrize("name", GPU_EXAMPLES)
def test_example_renders_to_what_is_kept(name):
    kept = {str(path.relative_to(MANIFESTS / name)): path for path in (MANIFESTS / name).rglob("*") if path.is_file()}
    rendered = render(example(name))
    refresh = f"signalbox render examples/{name}.yaml -o k8s/manifests/{name}"
    differ = [path for path, text in rendered.items() if path in kept and kept[path].read_text() != text]
    assert (sorted(kept), differ) == (sorted(rendered), []), f"run `{refresh}` and read what changes"


def test_every_gpu_example_is_kept():
    specs = {path.stem: example(path.stem) for path in EXAMPLES.glob("*.yaml")}
    gpu = {name for name, spec in specs.items() if all(kind.is_gpu for kind in spec.hardware.values())}
    # One of these is for `signalbox simulate`, the other for a machine without Kubernetes.
    assert gpu - {"simulation", "one-card"} == set(GPU_EXAMPLES)
    assert sorted(path.name for path in MANIFESTS.iterdir()) == GPU_EXAMPLES
