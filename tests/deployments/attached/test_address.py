"""Addresses of clusters."""

from __future__ import annotations

import socket

import pytest

from cluster.problems import Problems
from deployments.attached.address import checked_address, connecting, is_loopback, require_listener
from deployments.start_watch import FleetFailed


@pytest.mark.parametrize("text", ["auto", "10.0.0.7:6379", "head.example:6379", "ray://head:10001", "[::1]:6379"])
def test_forms_that_ray_takes(text):
    assert checked_address(text) == text


@pytest.mark.parametrize(
    "text", ["", "local", "head", "head:0", "head:65536", "http://head:8265", "ray://head", "a b:1"]
)
def test_other_forms_are_refused_with_what_to_write(text):
    with pytest.raises(Problems) as caught:
        checked_address(text)
    assert "use auto, HOST:PORT or ray://HOST:PORT" in caught.value.by_field["address"]


def test_loopback():
    hosts = ("127.0.0.1", "127.0.1.1", "::1", "localhost", "10.0.0.7", "head")
    assert [is_loopback(host) for host in hosts] == [True, True, True, True, False, False]


def test_a_dead_address_is_known_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://localhost:{port}", "auto"):
            require_listener(address)
    with pytest.raises(OSError, match="refused"):
        require_listener(f"127.0.0.1:{port}")


def test_rays_errors_are_one_line():
    with pytest.raises(FleetFailed, match=r"^the Ray cluster at auto cannot be used \(no cluster\): check --address"):  # noqa: SIM117
        with connecting("auto"):
            raise ConnectionError("no cluster\nand a long story")
    with pytest.raises(FleetFailed, match=r"^as it is$"), connecting("auto"):
        raise FleetFailed("as it is")
