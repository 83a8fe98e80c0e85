"""A Ray cluster that a test starts for itself, as somebody else's would run: `ray_cluster.py FOLDER NODES`.

NODES is JSON: a list of arguments of `Cluster.add_node`. Prints `ADDRESS host:port`, and ends with its stdin.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.local.cluster import OBJECT_STORE_BYTES, patience

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

ROOT = Path(__file__).parent.parent.parent
TRIES = 6
"""A node that starts on a busy machine may end by itself, as `deployments.local.cluster` knows, too."""


def environment(folder: Path) -> dict[str, str]:
    """What the cluster's processes and its users have in common."""
    return {
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
    }


@contextmanager
def running(folder: Path, nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A cluster in a separate process. Yields its address."""
    (folder / "token").write_text(secrets.token_hex(32))
    command = [sys.executable, __file__, str(folder), json.dumps(list(nodes))]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment(folder)
    )
    assert process.stdin
    assert process.stdout
    try:
        said = next((line for line in iter(process.stdout.readline, "") if line.startswith("ADDRESS ")), None)
        assert said, "the cluster did not start"
        yield said.split()[1]
    finally:
        process.stdin.close()
        process.wait(120)
        process.stdout.close()


def main(folder: Path, nodes: list[dict[str, Any]]) -> None:
    """Run the cluster."""
    from ray.cluster_utils import Cluster  # reads the environment as it is imported

    for tries_left in reversed(range(TRIES)):
        cluster = Cluster()
        try:
            add_nodes(cluster, folder, nodes)
            break
        except Exception:  # Ray raises plain Exceptions
            cluster.shutdown()
            if not tries_left:
                raise
    print(f"ADDRESS {cluster.address}", flush=True)
    sys.stdin.read()
    cluster.shutdown()


def add_nodes(cluster: Cluster, folder: Path, nodes: list[dict[str, Any]]) -> None:
    """Start the nodes, the head first."""
    with patience(60.0):
        for index, node in enumerate(nodes):
            head = {"temp_dir": str(folder / "ray"), "include_dashboard": False} if index == 0 else {}
            common = {"object_store_memory": OBJECT_STORE_BYTES, "node_ip_address": "127.0.0.1"}
            cluster.add_node(**{**common, **head, **node})


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
