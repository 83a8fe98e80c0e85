"""What is known about models before anything starts."""

from __future__ import annotations

import pytest

from cluster.spec import FleetSpec
from deployments.model_checks import model_problems
from deployments.preflight import check_fleet


def fleet(model, options=None, **pool):
    pool = {"tier": "large", "model": model, "engine": {"options": options or {}}, **pool}
    return FleetSpec.model_validate({"pools": {"p": pool}, "hardware": {"h": {"device": "H100"}}})


@pytest.mark.parametrize("text", ['{"model_type": "new"}', '{"architectures": ["New"], "text_config": {}}'])
def test_a_model_that_is_new_to_us_is_left_to_its_engine(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "model.safetensors").touch()
    assert model_problems(fleet(str(tmp_path))) == []
    assert model_problems(fleet("nobody/nothing")) == []


def test_a_folder_on_a_volume_elsewhere_is_known_only_there():
    """A machine that would serve it refuses; `check` cannot say whether it fits."""
    spec = fleet("/models/mistral", adapters={"formal": "/models/formal"})
    assert model_problems(spec) == [
        "pools.p.model: there is no folder '/models/mistral' here: use an existing folder",
        "pools.p.adapters.formal: there is no folder '/models/formal' here: use an existing folder",
    ]
    assert model_problems(spec, here=False) == []
    assert check_fleet(spec).ok


def test_a_folder_without_weights_is_a_problem_before_a_start(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "new"}')
    (problem,) = model_problems(fleet(str(tmp_path)))
    assert problem.startswith(f"pools.p.model: {tmp_path} has no weights: run `make chat-models`")
    assert model_problems(fleet(str(tmp_path), {"load_format": "dummy"})) == []
    (tmp_path / "model.safetensors").touch()
    assert model_problems(fleet(str(tmp_path))) == []
