"""The script for a machine with a GPU: what of it can be checked without one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.preflight import check_fleet


def test_its_specs_are_valid_and_fit(tmp_path: Path) -> None:
    path = Path(__file__).with_name("check_gpu.py")
    spec = importlib.util.spec_from_file_location("check_gpu", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    box = module.Box(tmp_path, str(PROJECT_ROOT / "demo" / "models" / "large"))
    for devices in (1, 2):
        box.hardware = {"device": "L4", "devices_per_node": devices}
        for name, options in (("two", {}), ("fp8", {"quantization": "fp8"})):
            assert check_fleet(load_spec(box.spec(name, **options))).problems == ()
