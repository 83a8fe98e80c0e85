"""Give a running local fleet another spec, from another process than the one that serves it."""

from __future__ import annotations

import logging
import os
from typing import Any

from cluster.spec import FleetSpec
from deployments.local.environment import caller_environment
from deployments.local.folders import FleetFolder


class RunningFleet:
    """A connection to the Serve controller of a local fleet.

    Raises:
        ConnectionError: its Ray cluster does not answer.
    """

    def __init__(self, folder: FleetFolder) -> None:
        os.environ.update(caller_environment(folder.path))
        import ray
        from ray.serve.context import _get_global_client

        ray.init(address=folder.ray, namespace="signalbox", log_to_driver=False, logging_level=logging.ERROR)
        client: Any = _get_global_client(raise_if_no_controller_running=True)
        self._client = client
        applications = self._client.get_serve_details()["applications"].values()
        self._config = next(each["deployed_app_config"] for each in applications)

    @property
    def spec(self) -> FleetSpec:
        """The spec that was applied last."""
        gateway = next(each for each in self._config["deployments"] if each["name"] == "gateway")
        return FleetSpec.model_validate(gateway["user_config"]["spec"])

    def deploy(self, config: dict[str, Any]) -> None:
        """Hand a declarative config (`deployments.config.serve_config`) to the Serve controller."""
        from ray.serve.schema import ServeDeploySchema

        self._client.deploy_apps(ServeDeploySchema.model_validate(config))
