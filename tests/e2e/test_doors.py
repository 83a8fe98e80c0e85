"""The ports that a fleet opens: who may talk to them."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest
from fleet_process import RunningFleet
from ray.serve.generated.serve_pb2 import ASGIRequest

pytestmark = pytest.mark.fleet
PICKLE_TAKING = "/ray.serve.ASGIService/HandleRequest"
"""Where a replica of Ray Serve takes requests from other replicas."""
CALL_S = 5.0


class Marker:
    """Creates a file wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def listening(processes: dict[int, psutil.Process]) -> set[int]:
    """TCP ports that these processes listen on."""
    return {
        connection.laddr.port
        for process in processes.values()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def call(port: int, payload: bytes) -> grpc.StatusCode:
    """What a replica says to a request of a stranger."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            channel.unary_unary(PICKLE_TAKING)(payload, timeout=CALL_S)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_no_replica_unpickles_what_a_stranger_sends(fleet: RunningFleet, tmp_path: Path) -> None:
    if fleet.process is None:
        pytest.skip("the processes of a fleet that runs already are not known")
    marker = tmp_path / "unpickled"
    payload = ASGIRequest(pickled_request_metadata=pickle.dumps(Marker(marker))).SerializeToString()
    replicas = fleet.processes("ray::ServeReplica:")
    answers = {port: call(port, payload) for port in listening(replicas)}
    assert not marker.exists()
    refused = [port for port, code in answers.items() if code == grpc.StatusCode.UNAUTHENTICATED]
    assert len(refused) >= len(replicas) > 1  # each replica has such a port


def test_the_fallback_proxy_is_not_on_the_port_that_all_fleets_share(fleet: RunningFleet) -> None:
    if fleet.process is None:
        pytest.skip("the processes of a fleet that runs already are not known")
    assert listening(fleet.processes("")) & {8500, 9500} == set()


def test_the_secret_is_in_one_file_and_in_no_command_line_or_log(fleet: RunningFleet) -> None:
    if fleet.process is None:
        pytest.skip("the processes of a fleet that runs already are not known")
    environments, commands = [], []
    for each in fleet.processes("").values():
        with suppress(psutil.Error):  # it has ended meanwhile
            environments.append(each.environ())
            commands.append(" ".join(each.cmdline()))
    (folder,) = {Path(variables["RAY_TMPDIR"]) for variables in environments if "RAY_TMPDIR" in variables}
    file = folder / "ray_token"
    token = file.read_text()
    assert len(token) >= 32
    assert file.stat().st_mode & 0o077 == 0
    assert not [words for words in commands if token in words]
    assert not [names for names in environments if token in names.values()]
    logs = [path for path in folder.glob("ray/session_*/logs/**/*") if path.is_file()]
    assert len(logs) > 10
    assert [path for path in logs if token in path.read_text(errors="replace")] == []
