"""A fleet on a Ray cluster that runs already. Its end is the end of its application, never of the cluster."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from deployments.attached.address import connecting, is_loopback, require_listener
from deployments.attached.applications import merged, require_room, without
from deployments.attached.nodes import RayNode, choose_nodes
from deployments.attached.probe import ROOMS, digest
from deployments.config import LAPTOP, RETRYING_ENVIRONMENT, SERVING_ENVIRONMENT, Target, serve_config
from deployments.node_choice import as_argument
from deployments.start_watch import FleetFailed, PartState, application_status, watch_start

PROJECT = Path(__file__).parent.parent.parent
NAMESPACE = "signalbox"
END_TIMEOUT_S = 60.0
"""How long the end of the application is waited for; Serve finishes it in any case."""
LOGS = "/tmp/ray/session_latest/logs/serve on each node"


class AttachedFleet:
    """Submits a fleet to a running cluster, watches it and takes it away again."""

    def __init__(self, spec: FleetSpec, address: str) -> None:
        self.spec = spec
        self.address = address
        self.url = ""
        self._about: dict[str, str] = {}
        self._submitted = False
        self._starts_serve = False
        """Whether Ray Serve did not run there before."""

    @property
    def started(self) -> bool:
        """Whether there is something to stop."""
        return self._submitted

    def start(self, said: Callable[[str], None] = lambda text: None) -> None:
        """Find nodes, ship the code where it is missing, and submit the fleet; `said` is called with each step.

        Raises:
            FleetFailed: no cluster answers, its nodes do not match the spec, or Serve there has no room for the fleet.
        """
        said("connecting")
        os.environ.update(SERVING_ENVIRONMENT | RETRYING_ENVIRONMENT)
        with connecting(self.address):
            self._connect({})
            said("looking at the nodes")
            found = self._survey()
            shipped = found.codes != {digest(PROJECT)}
            environment = self._environment(shipped, found.has_haproxy)
            os.environ.update(environment["env_vars"])
            self._disconnect()
            said("shipping the code" if shipped else "Ray Serve")
            self._connect(environment)
            self._submit(found.nodes, shipped)
        code = f"shipped from {PROJECT} as py_modules" if shipped else "installed on every node, the same as here"
        self._about = {"cluster": f"{len(found.nodes)} nodes", "code": code, "logs": LOGS}

    def _connect(self, environment: dict[str, Any]) -> None:
        import ray

        require_listener(self.address)
        ray.init(
            address=self.address,
            namespace=NAMESPACE,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )

    def _disconnect(self) -> None:
        import ray

        ray.shutdown()

    def _survey(self) -> Any:
        from deployments.attached.survey import survey

        return survey(self.spec)

    def _environment(self, ships: bool, has_haproxy: bool) -> dict[str, Any]:
        """The runtime environment of this job, which Serve's controller and all replicas inherit."""
        variables = SERVING_ENVIRONMENT | RETRYING_ENVIRONMENT
        if has_haproxy:
            variables |= {"RAY_SERVE_ENABLE_HA_PROXY": "1"}
        code = {"py_modules": [str(PROJECT / room) for room in ROOMS], "excludes": ["__pycache__"]}
        return {"env_vars": variables} | (code if ships else {})

    def _submit(self, nodes: tuple[RayNode, ...], shipped: bool) -> None:
        """Declare the fleet to Serve, which is started if it does not run there."""
        from ray.serve._private.api import serve_start
        from ray.serve.schema import ServeDeploySchema

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        head = next((node.address for node in nodes if node.is_head), nodes[0].address)
        config = serve_config(self.spec, self._target(head))
        config["applications"][0]["args"]["nodes"] = as_argument(choose_nodes(self.spec, nodes))
        client = _serve_client()
        details = client.get_serve_details() if client else {}
        require_room(details, self.spec.name)
        if client and shipped and self.spec.name not in details["applications"]:
            raise FleetFailed(
                "Ray Serve runs on this cluster without the code of Signalbox, which its controller needs: install the "
                "same code on every node, or end Ray Serve there"
            )
        self._submitted, self._starts_serve = True, client is None
        client = client or serve_start(
            http_options={**config["http_options"]},
            proxy_location=config["proxy_location"],
            global_logging_config=config["logging_config"],
        )
        self.url = f"http://{head}:{client.http_config.port}"
        client.deploy_apps(ServeDeploySchema.model_validate(merged(config, details, self.spec.name)))

    def _target(self, head: str) -> Target:
        """The endpoint is on the head, on all its interfaces unless the whole cluster is on loopback."""
        host = "127.0.0.1" if is_loopback(head) else "0.0.0.0"
        return replace(LAPTOP, host=host)

    def progress(self, timeout_s: float) -> Iterator[Mapping[str, PartState]]:
        """As `deployments.start_watch.watch_start`."""
        return watch_start(self.status, timeout_s, LOGS)

    def status(self) -> Any:
        """As `deployments.start_watch.application_status`."""
        return application_status(self.spec.name)

    def about(self) -> dict[str, str]:
        """The cluster, where its code comes from, and logs."""
        return self._about

    def stop(self, keep_logs: bool = False) -> str:
        """End the application, and Serve if it was started for it. Returns what was done, in words."""
        import ray

        try:
            said = self._end_application()
        except Exception as error:  # the cluster may be gone
            said = f"the application could not be ended ({type(error).__name__}): is the cluster still there?"
        ray.shutdown()
        self._submitted = False
        return f"{said}; the Ray cluster runs on"

    def _end_application(self) -> str:
        import ray
        from ray import serve
        from ray.serve.schema import ServeDeploySchema

        if (client := _serve_client()) is None:
            return "stopped before Ray Serve ran"
        details = client.get_serve_details()
        client.deploy_apps(ServeDeploySchema.model_validate(without(details, self.spec.name)))
        deadline = time.monotonic() + END_TIMEOUT_S
        while self.spec.name in serve.status().applications:
            if time.monotonic() > deadline:
                return f"stopped: Serve ends the application '{self.spec.name}' once its streams have ended"
            time.sleep(0.5)
        with suppress(ValueError):  # no gateway had started it
            ray.kill(ray.get_actor(f"board-{self.spec.name}", namespace=NAMESPACE))
        if self._starts_serve and not serve.status().applications:
            serve.shutdown()  # type: ignore[no-untyped-call]
            return "stopped: the application and the Ray Serve that this command started have ended"
        return "stopped: the application has ended"


def _serve_client() -> Any:
    """The client of the Ray Serve that runs on the connected cluster; None if none does."""
    from ray.serve.context import _get_global_client

    return _get_global_client(raise_if_no_controller_running=False)
