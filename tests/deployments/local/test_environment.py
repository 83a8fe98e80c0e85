"""The environment of a local fleet: nothing in it is shared with another fleet, and its secret is well kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.config import SERVING_ENVIRONMENT
from deployments.local import environment as local
from deployments.local.environment import environment, make_ray_read_again, write_token
from deployments.local.ports import PortClaims


@pytest.fixture
def claims() -> Iterator[list[PortClaims]]:
    """The ports of two fleets."""
    both = [PortClaims(), PortClaims()]
    yield both
    for each in both:
        each.release()


def test_every_file_of_ray_and_haproxy_is_below_the_fleets_own_folder(tmp_path: Path, claims: list[PortClaims]) -> None:
    env = environment(tmp_path, claims[0], offline=True)
    paths = [value for value in env.values() if value.startswith("/")]
    assert len(paths) >= 6
    assert all(path.startswith(str(tmp_path)) for path in paths)
    assert "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH" in env


def test_two_fleets_share_no_port(tmp_path: Path, claims: list[PortClaims]) -> None:
    fleets = [environment(tmp_path / name, ports, offline=True) for name, ports in zip("ab", claims, strict=True)]
    taken = [value for env in fleets for name, value in env.items() if name.endswith("_PORT")]
    assert len(taken) == 8
    assert len(set(taken)) == 8
    for name in ("RAY_SERVE_FALLBACK_PROXY_HTTP_PORT", "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT"):
        assert all(name in env for env in fleets)


def test_without_haproxy_serves_own_proxy_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "haproxy_available", lambda: False)
    found = {key for key in environment(tmp_path, PortClaims(), offline=True) if "HAPROXY" in key or "HA_PROXY" in key}
    assert found <= SERVING_ENVIRONMENT.keys()


def test_models_of_a_hub_may_be_downloaded(tmp_path: Path, claims: list[PortClaims]) -> None:
    assert environment(tmp_path, claims[0], offline=True)["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in environment(tmp_path, claims[1], offline=False)


def test_rays_ports_ask_for_a_secret_that_is_new_for_each_fleet(tmp_path: Path, claims: list[PortClaims]) -> None:
    secrets = []
    for name, ports in zip("ab", claims, strict=True):
        (tmp_path / name).mkdir()
        file = write_token(tmp_path / name)
        env = environment(tmp_path / name, ports, offline=True)
        assert env["RAY_AUTH_MODE"] == "token"
        assert env["RAY_AUTH_TOKEN_PATH"] == str(file)
        assert file.stat().st_mode & 0o777 == 0o600
        secrets.append(file.read_text())
        assert secrets[-1] not in env.values()
    assert secrets[0] != secrets[1]
    assert min(map(len, secrets)) == 64


def test_a_ray_that_was_imported_too_early_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="imported before"):
        make_ray_read_again()
