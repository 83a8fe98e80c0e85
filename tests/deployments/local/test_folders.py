"""Finding the folders of local fleets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deployments.local import folders
from deployments.local.folders import ABOUT, FleetFolder, describe, fleet_folders, is_endpoint, make_folder

NOT_A_PID = 2**22 + 1


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folders, "PARENT", tmp_path)
    return tmp_path


def test_a_fleets_folder_is_found_and_is_its_users_only() -> None:
    folder = make_folder()
    assert folder.stat().st_mode & 0o077 == 0
    describe(folder, "http://127.0.0.1:8000")
    assert fleet_folders() == [FleetFolder(folder, "http://127.0.0.1:8000", os.getpid())]
    assert fleet_folders()[0].runs


def test_running_fleets_come_first_then_the_newest() -> None:
    made = [make_folder() for _ in range(3)]
    for age, folder in enumerate(made):
        describe(folder, f"http://127.0.0.1:{8000 + age}")
        os.utime(folder / ABOUT, (1000 - age, 1000 - age))
    for folder in made[:2]:
        (folder / ABOUT).write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": NOT_A_PID}))
    os.utime(made[0] / ABOUT, (2000, 2000))
    os.utime(made[1] / ABOUT, (3000, 3000))
    assert [each.path for each in fleet_folders()] == [made[2], made[1], made[0]]


def test_a_folder_without_a_description_is_none(parent: Path) -> None:
    (parent / "signalbox-other").mkdir()
    assert fleet_folders() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"url": 1}', '{"url": "http://h", "pid": "x"}'])
def test_a_broken_description_hides_no_other_fleet(text: str) -> None:
    broken, whole = make_folder(), make_folder()
    (broken / ABOUT).write_text(text)
    describe(whole, "http://127.0.0.1:8000")
    assert [each.path for each in fleet_folders()] == [whole]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000/v1", True),
        ("localhost:8000", True),
        ("http://127.0.0.1:8001", False),
        ("http://models.example:8000", False),
    ],
)
def test_an_endpoint_has_several_names(url: str, same: bool) -> None:
    assert is_endpoint(FleetFolder(Path("x"), "http://127.0.0.1:8000", 1), url) is same
