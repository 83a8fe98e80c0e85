"""The order of artifacts survives the process; what is damaged counts as empty."""

from __future__ import annotations

import pytest

from deployments.board.artifacts import KEEP, ArtifactStore
from deployments.board.messages import ArtifactState


def versions(store):
    state = store.state()
    return [state.version, *(each.version for each in state.previous)]


def test_the_newest_is_in_use_and_each_rollback_goes_one_back(tmp_path):
    store = ArtifactStore(tmp_path / "router")
    assert store.state() == ArtifactState()
    for number, data in enumerate((b"a", b"b", b"b"), start=1):
        store.use(data, float(number))
    third, second, first = versions(store)
    assert (third[:2], second[:2], first[:2]) == ("3-", "2-", "1-")
    assert store.read(third) == b"b"
    assert store.roll_back(4.0)
    assert versions(store) == [second, first]
    assert store.state().since_s == 4.0
    assert store.read(third) is None
    assert store.roll_back(5.0)
    assert store.roll_back(6.0)
    assert versions(store) == [None]
    assert not store.roll_back(7.0)


def test_another_process_finds_what_was_in_use_and_never_reuses_a_name(tmp_path):
    ArtifactStore(tmp_path).use(b"a", 1.0)
    again = ArtifactStore(tmp_path)
    assert again.read(again.state().version) == b"a"
    again.roll_back(2.0)
    again.use(b"a", 3.0)
    assert versions(ArtifactStore(tmp_path))[0].startswith("2-")


def test_only_the_last_ones_are_kept(tmp_path):
    store = ArtifactStore(tmp_path)
    for number in range(KEEP + 3):
        store.use(bytes([number]), float(number))
    assert len(versions(store)) == KEEP
    assert len(list(tmp_path.glob("*.artifact"))) == KEEP


@pytest.mark.parametrize(
    "index",
    [b"", b"{", b"[]", b"\xff", b"{}", b'{"count": "x", "since_s": 1, "versions": []}',
     b'{"count": 1, "since_s": 1, "versions": [{}]}', b'{"count": 1, "since_s": 1, "versions": [3]}'],
)  # fmt: skip
def test_a_damaged_index_counts_as_empty(tmp_path, index, caplog):
    ArtifactStore(tmp_path).use(b"a", 1.0)
    (tmp_path / "index.json").write_bytes(index)
    store = ArtifactStore(tmp_path)
    assert versions(store) == [None]
    assert "cannot be used" in caplog.text
    store.use(b"b", 2.0)
    assert store.read(versions(store)[0]) == b"b"


def test_a_missing_artifact_is_none(tmp_path):
    store = ArtifactStore(tmp_path)
    store.use(b"a", 1.0)
    (version,) = versions(store)
    (tmp_path / f"{version}.artifact").unlink()
    assert store.read(version) is None
    assert store.read("../../etc/passwd") is None
    assert store.roll_back(2.0)


def test_an_artifact_that_cannot_be_stored_changes_nothing(tmp_path):
    store = ArtifactStore(tmp_path)
    store.use(b"a", 1.0)
    before = versions(store)
    (tmp_path / "index.draft").mkdir()
    with pytest.raises(OSError, match="index"):
        store.use(b"b", 2.0)
    assert versions(store) == before
