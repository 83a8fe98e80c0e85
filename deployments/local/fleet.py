"""A Ray cluster of several nodes on this machine with the fleet on it; ends every process it started, nothing else."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cluster.spec import FleetSpec
from deployments.caches import CacheUnusable, require_cache
from deployments.config import LAPTOP, METRICS_EVERY_MS, serve_config
from deployments.local.environment import environment, make_ray_read_again, write_token
from deployments.local.folders import describe, logs_folder, make_folder
from deployments.local.ports import NoFreePort, PortClaims
from deployments.placement import HARDWARE_LABEL

OBJECT_STORE_BYTES = 100 * 2**20
"""Frames travel over gRPC; the object store is hardly used."""
KILL_AFTER_S = 5.0
NODE_WAIT_S = 90.0
"""How long a Ray node may take to start."""
START_TRIES = 3
"""A Ray node sometimes never answers while others start on the same machine; a new cluster does."""


class FleetFailed(Exception):
    """The fleet could not start; the message says why and where the logs are."""


@dataclass(frozen=True)
class NodePlan:
    """One Ray node of the local cluster."""

    hardware: str
    ranks: int


def plan_nodes(spec: FleetSpec) -> list[NodePlan]:
    """The nodes to start, the head first.

    Raises:
        FleetFailed: the spec asks for GPUs, which a local cluster does not simulate.
    """
    gpus = [name for name, hardware in spec.hardware.items() if hardware.is_gpu]
    if gpus:
        raise FleetFailed(
            f"hardware {', '.join(gpus)} is GPU hardware: `signalbox serve` starts CPU fleets on this machine; "
            "write device: cpu, or deploy this spec on a GPU cluster"
        )
    return [
        NodePlan(name, hardware.devices_per_node)
        for name, hardware in spec.hardware.items()
        for _ in range(hardware.nodes)
    ]


def without_traceback(message: str) -> str:
    """Serve's message with each Python traceback cut down to the error it ends with."""
    kept: list[str] = []
    inside = False
    for line in message.splitlines():
        if "Traceback (most recent call last)" in line or re.match(r"\S*ray::", line):
            inside = True
        elif inside and re.match(r"[\w.]+: |[\w.]+$", line):
            inside = False
        if not inside and not line.lstrip().startswith("For further information visit"):
            kept.append(line)
    return "\n".join(kept)


@contextmanager
def patience(wait_s: float = NODE_WAIT_S) -> Iterator[None]:
    """Let each Ray node started in the block take `wait_s` seconds. Ray waits for 30, which no setting changes, and a
    busy machine takes longer to start a node's agents."""
    from ray._private import services

    asked_once: Callable[..., Any] = services.get_node

    def asked_again(*args: Any, **kwargs: Any) -> Any:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return asked_once(*args, **kwargs)
            except RuntimeError:  # it has not registered yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    services.get_node = asked_again
    try:
        yield
    finally:
        services.get_node = asked_once


class LocalFleet:
    """Starts, watches and stops a fleet on this machine."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.nodes = plan_nodes(spec)
        self.temp_dir = make_folder()
        self._ports = PortClaims()
        self._cluster: Any = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._before = {child.pid for child in psutil.Process().children(recursive=True)}

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{LAPTOP.host}:{self.spec.gateway.port}"

    def start(self, said: Callable[[str], None] = lambda text: None) -> None:
        """Start the nodes and submit the fleet; `said` is called with each step. Pools start afterwards (`progress`).

        Raises:
            FleetFailed: the port is taken, the cache folder cannot be written, or Ray does not start.
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
        # In a separate session, so that Ctrl-C does not reach it; its pipe closes however this process ends.
        reaper = [sys.executable, "-m", "deployments.local.reaper", str(self.temp_dir)]
        self._reaper = subprocess.Popen(reaper, stdin=subprocess.PIPE, start_new_session=True)
        for name in ("ray", "ipc"):
            (self.temp_dir / name).mkdir()
        describe(self.temp_dir, self.url)
        write_token(self.temp_dir)
        os.environ.update(environment(self.temp_dir, self._ports))
        make_ray_read_again()
        import ray

        self._start_cluster(said)
        ray.init(
            address=self._cluster.address,
            namespace="signalbox",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )

    def _start_cluster(self, said: Callable[[str], None]) -> None:
        for tries_left in reversed(range(START_TRIES)):
            try:
                self._add_nodes(said)
                break
            except Exception:  # Ray raises plain Exceptions
                if not tries_left:
                    raise
                said("a Ray node does not answer: starting again")
                self._drop_nodes()

    def _add_nodes(self, said: Callable[[str], None]) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()  # with Ray's reaper: its processes end even when this one is killed
        with patience():
            for index, node in enumerate(self.nodes, start=1):
                said(f"Ray node {index} of {len(self.nodes)} ({node.hardware})")
                self._cluster.add_node(**self._node_arguments(index, node))

    def _drop_nodes(self) -> None:
        """End the processes of a cluster that did not start, those of the failed node included."""
        reaper = self._reaper.pid if self._reaper else None
        started = [c for c in psutil.Process().children(recursive=True) if c.pid not in self._before | {reaper}]
        self._cluster.shutdown()
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(started, timeout=KILL_AFTER_S)

    def _node_arguments(self, index: int, node: NodePlan) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "num_cpus": node.ranks,
            "labels": {HARDWARE_LABEL: node.hardware},
            "object_store_memory": OBJECT_STORE_BYTES,
            "node_ip_address": "127.0.0.1",
        }
        if index == 1:
            arguments |= {
                "temp_dir": str(self.temp_dir / "ray"),
                "include_dashboard": False,
                "_system_config": {"metrics_report_interval_ms": METRICS_EVERY_MS},
            }
        return arguments

    def _submit(self) -> None:
        """Hand the declarative config to the Serve controller, as the REST API of a remote cluster would."""
        from ray.serve._private.api import serve_start
        from ray.serve.schema import ServeDeploySchema

        config = serve_config(self.spec, LAPTOP)
        client = serve_start(
            http_options={**config["http_options"]},
            proxy_location=config["proxy_location"],
            global_logging_config=config["logging_config"],
        )
        client.deploy_apps(ServeDeploySchema.model_validate(config))

    def _require_port(self) -> None:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((LAPTOP.host, self.spec.gateway.port))
                taken = not self._ports.claim(self.spec.gateway.port)
            except OSError:
                taken = True
        if taken:
            raise FleetFailed(
                f"port {self.spec.gateway.port} is taken: stop what listens there or set gateway.port in the spec"
            )

    def progress(self, timeout_s: float) -> Iterator[dict[str, str]]:
        """Yield each pool's state (`STARTING`, `UPDATING`, `HEALTHY`, ...) about twice a second until all are healthy.

        Raises:
            FleetFailed: a deployment failed, or `timeout_s` passed.
        """
        from ray import serve

        deadline = time.monotonic() + timeout_s
        while True:
            app = serve.status().applications.get(self.spec.name)
            states = {name: d.status.value for name, d in app.deployments.items()} if app else {}
            yield states
            if app and app.status.value == "RUNNING":
                return
            if app and app.status.value in ("DEPLOY_FAILED", "UNHEALTHY"):
                messages = [
                    app.message,
                    *(f"{n}: {d.message}" for n, d in app.deployments.items() if d.message),
                ]
                reasons = [without_traceback(message) for message in messages if message]
                raise FleetFailed("\n".join([*reasons, f"logs: {self.logs}"]))
            if time.monotonic() > deadline:
                raise FleetFailed(f"the fleet was not ready after {timeout_s:.0f} s: {states}\nlogs: {self.logs}")
            time.sleep(0.5)

    @property
    def logs(self) -> Path:
        """Ray's log folder."""
        return logs_folder(self.temp_dir)

    def stop(self, keep_logs: bool = False) -> None:
        """End every process this fleet started and remove its files."""
        ours = [c for c in psutil.Process().children(recursive=True) if c.pid not in self._before]
        if self._cluster is not None:
            import ray

            ray.shutdown()
            self._cluster.shutdown()
            self._cluster = None
        if self._reaper is not None:
            self._reaper.kill()
        # Proxies and engine processes outlive a killed raylet; psutil compares start times, so no pid is mistaken.
        _, alive = psutil.wait_procs(ours, timeout=KILL_AFTER_S)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=KILL_AFTER_S)
        self._ports.release()
        if not keep_logs:
            shutil.rmtree(self.temp_dir, ignore_errors=True)
