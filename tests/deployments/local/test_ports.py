"""Ports that belong to one fleet."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deployments.local import ports
from deployments.local.ports import NoFreePort, PortClaims, free_port

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs several proxies for one fleet")


@on_linux
def test_a_port_belongs_to_the_fleet_that_claimed_it_first() -> None:
    ours, theirs, port = PortClaims(), PortClaims(), free_port()
    assert ours.claim(port)
    assert not theirs.claim(port)
    ours.release()
    assert theirs.claim(port)
    theirs.release()


@on_linux
def test_a_port_that_another_fleet_claimed_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([50_001, 50_001, 50_002])
    monkeypatch.setattr(ports, "free_port", lambda: next(found))
    ours, theirs = PortClaims(), PortClaims()
    assert (ours.take(), theirs.take()) == (50_001, 50_002)
    monkeypatch.setattr(ports, "free_port", lambda: 50_001)
    with pytest.raises(NoFreePort, match="belongs to another fleet"):
        theirs.take()
    ours.release()
    theirs.release()


@on_linux
def test_claims_end_with_their_process() -> None:
    port = free_port()
    code = f"from deployments.local.ports import PortClaims; print(PortClaims().claim({port}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"
    ours = PortClaims()
    assert ours.claim(port)
    ours.release()
