"""A model is made once, and again if it was interrupted or its source changed."""

from pathlib import Path

import pytest

from demo.chat import build


def test_a_finished_model_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MODELS_FOLDER", tmp_path)
    (tmp_path / "small").mkdir()
    made: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build("small", "version 1", interrupted)
    for origin in ("version 1", "version 1", "version 2", "version 2"):
        build.build("small", origin, lambda origin=origin: made.append(origin))
    assert made == ["version 1", "version 2"]
    with pytest.raises(KeyboardInterrupt):
        build.build("small", "version 3", interrupted)
    build.build("small", "version 2", lambda: made.append("again"))
    assert made[-1] == "again"
