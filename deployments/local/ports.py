"""TCP ports of a local fleet that no other fleet on this machine takes."""

from __future__ import annotations

import socket
import sys

LOWEST = 20_000
"""Ray gives the ports from 10002 up to its workers."""
TRIES = 100


class NoFreePort(Exception):
    """No port was free."""


def free_port() -> int:
    """A TCP port that nothing listens on now.

    Raises:
        NoFreePort: none was found.
    """
    for _ in range(TRIES):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port: int = sock.getsockname()[1]
        if port > LOWEST:
            return port
    raise NoFreePort("no free TCP port was found on 127.0.0.1")


class PortClaims:
    """Ports of one fleet, claimed from its start until `release` or until the process ends.

    A free port is not enough: two fleets that start at the same time can find the same one, and Serve's proxies share a
    port without an error. So each port is also claimed by a name that the kernel gives to one process only.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """A free port, claimed.

        Raises:
            NoFreePort: none was found.
        """
        for _ in range(TRIES):
            if self.claim(port := free_port()):
                return port
        raise NoFreePort("every free TCP port that was found belongs to another fleet")

    def claim(self, port: int) -> bool:
        """Whether the port is ours from now on; False if another fleet has it."""
        if sys.platform != "linux":  # only Linux has such names, and only there Serve runs more than one proxy
            return True
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0signalbox-port-{port}")
        except OSError:
            name.close()
            return False
        self._held.append(name)
        return True

    def release(self) -> None:
        """Give all ports back."""
        while self._held:
            self._held.pop().close()
