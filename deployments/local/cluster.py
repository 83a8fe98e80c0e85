"""A Ray cluster of several nodes on this machine, and the end of every process that it started."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from deployments.config import METRICS_EVERY_MS
from deployments.local.nodes import NodePlan
from deployments.placement import HARDWARE_LABEL

HOST = "127.0.0.1"
OBJECT_STORE_BYTES = 100 * 2**20
"""Frames travel over gRPC; the object store is hardly used."""
GPU_OBJECT_STORE_BYTES = 2 * 2**30
"""vLLM's ranks on several GPUs exchange their inputs through it."""
KILL_AFTER_S = 5.0
NODE_WAIT_S = 90.0
"""How long a Ray node may take to start."""
START_TRIES = 3
"""A Ray node sometimes never answers while others start on the same machine; a new cluster does."""


class LocalCluster:
    """Ray nodes on loopback. The environment of their processes is this process's, which has to be set before."""

    def __init__(self, temp_dir: Path) -> None:
        self.temp_dir = temp_dir
        self._before = {child.pid for child in psutil.Process().children(recursive=True)}
        self._cluster: Any = None
        # In a separate session, so that Ctrl-C does not reach it; its pipe closes however this process ends.
        reaper = [sys.executable, "-m", "deployments.local.reaper", str(temp_dir)]
        self._reaper = subprocess.Popen(reaper, stdin=subprocess.PIPE, start_new_session=True)

    @property
    def address(self) -> str:
        """Of the cluster's head; the cluster has started."""
        return str(self._cluster.address)

    def start(self, nodes: Sequence[NodePlan], visible_variable: str, said: Callable[[str], None]) -> None:
        """Start the nodes, the head first, and connect this process to them.

        Args:
            visible_variable: the variable that hides GPUs from a process.
            said: called with each step.
        """
        import ray

        logging.getLogger("ray").setLevel(logging.CRITICAL)  # what goes wrong is raised, too
        for tries_left in reversed(range(START_TRIES)):
            try:
                self._add_nodes(nodes, visible_variable, said)
                break
            except Exception:  # Ray raises plain Exceptions
                if not tries_left:
                    raise
                said("a Ray node does not answer: starting again")
                self._drop_nodes()
        ray.init(
            address=self._cluster.address,
            namespace="signalbox",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )

    def _add_nodes(self, nodes: Sequence[NodePlan], visible_variable: str, said: Callable[[str], None]) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()  # with Ray's reaper: its processes end even when this one is killed
        with patience():
            for index, node in enumerate(nodes, start=1):
                said(f"Ray node {index} of {len(nodes)} ({node.hardware})")
                self._cluster.add_node(
                    **node_arguments(node, visible_variable), **(self._head_arguments() if index == 1 else {})
                )

    def _head_arguments(self) -> dict[str, Any]:
        return {
            "temp_dir": str(self.temp_dir / "ray"),
            "include_dashboard": False,
            "_system_config": {"metrics_report_interval_ms": METRICS_EVERY_MS},
        }

    def _drop_nodes(self) -> None:
        """End the processes of a cluster that did not start, those of the failed node included."""
        started = [child for child in self._ours() if child.pid != self._reaper.pid]
        self._cluster.shutdown()
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(started, timeout=KILL_AFTER_S)

    def _ours(self) -> list[psutil.Process]:
        return [child for child in psutil.Process().children(recursive=True) if child.pid not in self._before]

    def stop(self) -> None:
        """End every process that was started."""
        ours = self._ours()
        if self._cluster is not None:
            import ray

            ray.shutdown()
            self._cluster.shutdown()
        self._reaper.kill()
        # Proxies and engine processes outlive a killed raylet; psutil compares start times, so no pid is mistaken.
        _, alive = psutil.wait_procs(ours, timeout=KILL_AFTER_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=KILL_AFTER_S)


def node_arguments(node: NodePlan, visible_variable: str) -> dict[str, Any]:
    """A node's resources, label and address. Its raylet sees its own GPUs only, and a node without any sees none."""
    arguments: dict[str, Any] = {
        "num_cpus": node.cpus,
        "num_gpus": len(node.gpus),
        "labels": {HARDWARE_LABEL: node.hardware},
        "object_store_memory": GPU_OBJECT_STORE_BYTES if node.gpus else OBJECT_STORE_BYTES,
        "node_ip_address": HOST,
    }
    if node.gpus:
        arguments |= {
            "resources": {f"accelerator_type:{node.accelerator_type}": 1},
            "env_vars": {visible_variable: ",".join(node.gpus)},
        }
    return arguments


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
