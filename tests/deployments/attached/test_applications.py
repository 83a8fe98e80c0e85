"""Our application next to those of others."""

from __future__ import annotations

import pytest
from ray.serve.schema import ServeDeploySchema

from deployments.attached.applications import merged, require_room, without
from deployments.start_watch import FleetFailed

OURS = {"name": "signalbox", "import_path": "deployments.app:build", "route_prefix": "/"}
OTHER = {"name": "other", "import_path": "a.b:c", "route_prefix": "/other"}


def details(**apps):
    return {"applications": {name: {"deployed_app_config": config, **extra} for name, (config, extra) in apps.items()}}


def test_what_others_have_declared_is_submitted_again_and_stays_at_our_end():
    found = details(
        other=(OTHER, {"route_prefix": "/other"}),
        imperative=(None, {"route_prefix": "/x"}),
        signalbox=(OURS, {"route_prefix": "/"}),
    )
    require_room(found, "signalbox")
    config = merged({"applications": [OURS | {"args": {}}]}, found, "signalbox")
    assert [app["name"] for app in config["applications"]] == ["other", "signalbox"]
    assert config["applications"][0] == OTHER
    assert without(found, "signalbox") == {"applications": [OTHER]}
    assert ServeDeploySchema.model_validate(without({}, "signalbox")).applications == []


@pytest.mark.parametrize(
    ("apps", "text"),
    [
        ({"signalbox": (OTHER, {})}, "^name: an application 'signalbox' of somebody else"),
        ({"signalbox": (None, {})}, "^name: an application 'signalbox' of somebody else"),
        ({"other": (OTHER, {"route_prefix": "/"})}, "the application 'other' on this cluster has the path /"),
    ],
)
def test_a_name_or_path_that_is_taken_is_said(apps, text):
    with pytest.raises(FleetFailed, match=text):
        require_room(details(**apps), "signalbox")
