"""Addresses of Ray clusters, and what goes wrong at them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.problems import Problems
from deployments.start_watch import FleetFailed

SHAPE = re.compile(r"auto|(?:ray://)?(?:\[([0-9a-fA-F:]+)\]|([\w.-]+)):(\d{1,5})")
CONNECT_S = 10.0
"""For the head to take a connection."""


def checked_address(text: str) -> str:
    """The address, if it has a form that Ray takes.

    Raises:
        Problems: it has another form.
    """
    match = SHAPE.fullmatch(text)
    if match is None or (match[3] and not 1 <= int(match[3]) <= 65_535):
        raise Problems(address=f"invalid value '{text}', use auto, HOST:PORT or ray://HOST:PORT")
    return text


def require_listener(address: str) -> None:
    """Check that something listens at an address, because Ray tries a dead one for minutes.

    Raises:
        OSError: nothing does.
    """
    match = SHAPE.fullmatch(address)
    if match is not None and match[3]:
        with socket.create_connection((match[1] or match[2], int(match[3])), CONNECT_S):
            pass


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def connecting(address: str) -> Iterator[None]:
    """Say in one line what went wrong between this process and a cluster.

    Raises:
        FleetFailed: instead of Ray's exceptions, of which there are many kinds.
    """
    try:
        yield
    except FleetFailed:
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        advice = "check --address; from a machine that is no node of the cluster, use ray://HEAD:10001"
        raise FleetFailed(f"the Ray cluster at {address} cannot be used ({first}): {advice}") from error
