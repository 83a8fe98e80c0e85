"""The Serve deployment that faces clients."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError
from ray import serve
from ray.serve.handle import DeploymentHandle

from cluster.explain import explain
from cluster.spec import FleetSpec
from deployments.gateway.door import Door
from deployments.gateway.pool_client import PoolClient
from deployments.serve_logs import start_logging

log = logging.getLogger("signalbox.gateway")


@serve.ingress()
class GatewayDeployment:
    """A gateway replica. Serve calls `reconfigure` with the whole spec, at the start and after each change."""

    def __init__(self, pools: dict[str, DeploymentHandle[Any]]) -> None:
        self.door = Door({name: PoolClient(name, handle) for name, handle in pools.items()})

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Apply the spec in the deployment's `user_config`."""
        try:
            spec = FleetSpec.model_validate(user_config["spec"])
        except ValidationError as error:
            self.door.refuse("; ".join(explain(error)))
            return
        start_logging(spec.log_level, "gateway")
        log.info("the gateway of %s takes its spec; pools: %s", spec.name, ", ".join(spec.pools))
        await self.door.apply(spec)

    def __serve_build_asgi_app__(self) -> Door:
        return self.door
