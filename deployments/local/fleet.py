"""A fleet on a Ray cluster that is started for it on this machine."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from deployments.caches import CacheUnusable, require_cache
from deployments.config import LAPTOP, serve_config
from deployments.hardware.machine import Machine, this_machine
from deployments.local.cluster import LocalCluster
from deployments.local.environment import environment, haproxy_available, make_ray_read_again, write_token
from deployments.local.folders import describe, logs_folder, make_folder
from deployments.local.memory import memory_gib
from deployments.local.nodes import needs_gpus, plan_nodes
from deployments.local.ports import NoFreePort, PortClaims
from deployments.model_files import named_folders
from deployments.start_watch import FleetFailed, PartState, application_status, watch_start


class LocalFleet:
    """Starts, watches and stops a fleet on this machine."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.url = f"http://{LAPTOP.host}:{spec.gateway.port}"
        self.temp_dir = Path()
        self._ports = PortClaims()
        self._cluster: LocalCluster | None = None

    @property
    def started(self) -> bool:
        """Whether there is something to stop."""
        return self._cluster is not None

    def start(self, said: Callable[[str], None] = lambda text: None) -> None:
        """Start the nodes and submit the fleet; `said` is called with each step. Pools start afterwards (`progress`).

        Raises:
            FleetFailed: the port is taken, the cache folder cannot be written, the machine does not have the spec's
                GPUs, or Ray does not start.
        """
        self._require_port()
        try:
            require_cache(self.spec)
            self.start_nodes(said)
            said("Ray Serve")
            self._submit()
        except FleetFailed:
            raise
        except (CacheUnusable, NoFreePort) as error:
            raise FleetFailed(str(error)) from error
        except Exception as error:  # Ray's own start fails in many ways, plain Exceptions among them
            raise FleetFailed(f"Ray did not start ({error}): the machine may be too busy, try again") from error

    def start_nodes(self, said: Callable[[str], None] = lambda text: None) -> None:
        """Start the Ray nodes alone and connect this process to them."""
        self.temp_dir = make_folder()
        for name in ("ray", "ipc"):
            (self.temp_dir / name).mkdir()
        describe(self.temp_dir, self.url)
        write_token(self.temp_dir)
        offline = all(folder for folder in named_folders(self.spec).values())
        os.environ.update(environment(self.temp_dir, self._ports, offline))
        make_ray_read_again()
        machine = this_machine() if needs_gpus(self.spec) else Machine((), "", 0, 0.0)
        try:
            nodes = plan_nodes(self.spec, machine)
        except FleetFailed:
            shutil.rmtree(self.temp_dir, ignore_errors=True)
            raise
        self._cluster = LocalCluster(self.temp_dir)
        self._cluster.start(nodes, machine.visible_variable, said)
        describe(self.temp_dir, self.url, self._cluster.address)

    def _submit(self) -> None:
        """Hand the declarative config to the Serve controller, as the REST API of a remote cluster would."""
        from ray.serve._private.api import serve_start
        from ray.serve.schema import ServeDeploySchema

        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        config = serve_config(self.spec, LAPTOP)
        client = serve_start(
            http_options={**config["http_options"]},
            proxy_location=config["proxy_location"],
            global_logging_config=config["logging_config"],
        )
        client.deploy_apps(ServeDeploySchema.model_validate(config))

    def _require_port(self) -> None:
        port, advice = self.spec.gateway.port, "set gateway.port in the spec, or use --port"
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((LAPTOP.host, port))
                taken = not self._ports.claim(port)
            except PermissionError as error:
                raise FleetFailed(f"port {port} is reserved for root: {advice}") from error
            except OSError:
                taken = True
        if taken:
            raise FleetFailed(f"port {port} is taken: stop what listens there, {advice}")

    def progress(self, timeout_s: float) -> Iterator[Mapping[str, PartState]]:
        """As `deployments.start_watch.watch_start`."""
        return watch_start(self.status, timeout_s, str(self.logs))

    def status(self) -> Any:
        """As `deployments.start_watch.application_status`."""
        return application_status(self.spec.name)

    def about(self) -> dict[str, str]:
        """Memory, proxy and logs."""
        proxy = "HAProxy" if haproxy_available() else "Serve's own proxy (HAProxy is Linux only)"
        return {"memory": f"{memory_gib():.1f} GiB", "proxy": proxy, "logs": str(self.logs)}

    @property
    def logs(self) -> Path:
        """Ray's log folder."""
        return logs_folder(self.temp_dir)

    def stop(self, keep_logs: bool = False) -> str:
        """End every process this fleet started and remove its files. Returns what was done, in words."""
        self._ports.release()
        if self._cluster is None:
            return "nothing was started"
        self._cluster.stop()
        self._cluster = None
        if not keep_logs:
            shutil.rmtree(self.temp_dir, ignore_errors=True)
        kept = f"; logs are kept in {self.logs}" if keep_logs else ""
        return f"stopped: every process this command started has ended{kept}"
