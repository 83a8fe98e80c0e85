"""The quality model of a running gateway changes, goes back, survives, and never by a bad artifact."""

from __future__ import annotations

import asyncio
import hashlib

import fake_pools as fakes
import pytest
from fake_board import FakeBoard

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from deployments.gateway import gateway as gateway_module
from deployments.gateway.gateway import Gateway
from deployments.gateway.learning import learning as learning_module
from deployments.gateway.learning import quality_reload
from router.model.arrays import ArtifactError
from router.types import Prediction

KEYS = {
    name: {"sha256": hashlib.sha256(name.encode()).hexdigest(), "admin": name == "boss"} for name in ("ann", "boss")
}


class Sure:
    """Finds only one tier's answers good."""

    calibration = None

    def __init__(self, tier):
        self.tier = tier
        self.card = {"knows": tier}

    def predict(self, request):
        """As QualityModel.predict."""
        return Prediction({tier: float(tier == self.tier) for tier in TIERS}, dict.fromkeys(TIERS, 10.0))


def load(data):
    """An artifact here is a tier's name."""
    if data.decode(errors="replace") not in TIERS:
        raise ArtifactError("is damaged")
    return Sure(data.decode())


@pytest.fixture
def make(monkeypatch, tmp_path):
    monkeypatch.setattr(gateway_module, "GatewayMetrics", fakes.SilentMetrics)
    monkeypatch.setattr(gateway_module, "BoardLink", lambda spec: FakeBoard(tmp_path))
    monkeypatch.setattr(learning_module, "read_quality", lambda data, spec: load(data))

    def make(**gateway):
        data = fakes.SPEC.model_dump(mode="json")
        spec = data | {"routing": {"artifact": "rules"}, "gateway": data["gateway"] | gateway}
        return Gateway(FleetSpec.model_validate(spec), {name: fakes.FakePool() for name in fakes.SPEC.pools})

    return make


def ask(gateway, method, path="/v1/router", **kwargs):
    async def run():
        async with fakes.client(gateway) as http:
            return await http.request(method, path, **kwargs)

    return asyncio.run(run())


def put(gateway, tier, **kwargs):
    return ask(gateway, "PUT", content=tier.encode(), **kwargs)


def roll_back(gateway, **kwargs):
    return ask(gateway, "POST", "/v1/router/rollback", **kwargs)


def pool_of(gateway):
    return ask(gateway, "POST", "/v1/chat/completions", json=fakes.chat(model="auto")).headers["x-signalbox-pool"]


def follow(gateway):
    async def run():
        await gateway.sync.exchange()
        if following := gateway.learning._following:
            await following
        gateway.learning._following = None

    asyncio.run(run())


def test_an_artifact_decides_at_once_and_a_rollback_goes_one_back(make):
    gateway = make()
    assert ask(gateway, "GET").json() == {
        "version": None, "since_s": None, "base": "rules", "card": None, "previous": [], "problem": None,
            "learning": None,
    }  # fmt: skip
    first = put(gateway, "large").json()
    assert (first["version"][:2], first["card"], first["previous"]) == ("1-", {"knows": "large"}, [])
    assert pool_of(gateway) == "large"
    assert put(gateway, "moe").json()["previous"][0]["version"] == first["version"]
    assert pool_of(gateway) == "moe"
    assert roll_back(gateway).json()["version"] == first["version"]
    assert pool_of(gateway) == "large"
    assert roll_back(gateway).json()["version"] is None
    assert pool_of(gateway) == "small"
    nothing = roll_back(gateway)
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "no_rollback")


def test_other_gateways_follow_the_board_and_a_new_one_finds_what_is_in_use(make):
    first, second = make(), make()
    second.sync._board = second.learning._quality._board = first.learning._quality._board
    put(first, "large")
    assert pool_of(second) == "small"
    follow(second)
    assert pool_of(second) == "large"
    third = make()  # with a board of its own: it was read from the disk
    follow(third)
    assert pool_of(third) == "large"


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [(b"", 400, "is damaged"), (b"nonsense", 400, "is damaged"), (b"x" * 200, 413, "100 bytes")],
)
def test_what_is_no_artifact_changes_nothing(make, monkeypatch, content, status, said):
    monkeypatch.setattr(quality_reload, "MAX_ARTIFACT_BYTES", 100)
    gateway = make()
    put(gateway, "large")
    refused = ask(gateway, "PUT", content=content)
    assert refused.status_code == status
    assert said in refused.json()["error"]["message"]
    assert pool_of(gateway) == "large"


def test_without_the_board_nothing_changes_and_that_is_said(make):
    gateway = make()
    put(gateway, "large")
    gateway.learning._quality._board.away = True
    follow(gateway)
    assert put(gateway, "moe").status_code == 503
    assert roll_back(gateway).json()["error"]["code"] == "not_stored"
    assert pool_of(gateway) == "large"


def test_an_artifact_that_this_release_cannot_load_leaves_the_model_and_is_shown(make):
    gateway = make()
    put(gateway, "large")
    board = gateway.learning._quality._board
    board.board.use_artifact(b"from another release")
    for _ in range(2):
        follow(gateway)
    assert pool_of(gateway) == "large"
    assert "is damaged" in ask(gateway, "GET").json()["problem"]
    roll_back(gateway)
    assert ask(gateway, "GET").json()["problem"] is None


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("eve", 401), ("ann", 403), ("boss", 200)])
def test_with_api_keys_only_an_admin_may(make, key, status):
    gateway = make(api_keys=KEYS)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    assert ask(gateway, "GET", headers=headers).status_code == status
    assert put(gateway, "large", headers=headers).status_code == status
    assert roll_back(gateway, headers=headers).status_code == status


def test_who_changed_the_router_is_logged(make, caplog):
    gateway = make(api_keys=KEYS)
    headers = {"authorization": "Bearer boss", "x-request-id": "change-1"}
    put(gateway, "large", headers=headers)
    roll_back(gateway, headers=headers)
    roll_back(gateway, headers=headers)  # nothing to go back to
    roll_back(gateway, headers={"authorization": "Bearer ann"})
    lines = [record.getMessage() for record in caplog.records if "boss" in record.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith("boss put an artifact in use: 1-")
    assert lines[1] == "boss rolled the artifact back: rules (request 'change-1')"


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("POST", "/v1/router", "GET, PUT"), ("GET", "/v1/router/rollback", "POST")]
)
def test_other_methods_are_405(make, method, path, allowed):
    answer = ask(make(), method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
