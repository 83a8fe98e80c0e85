"""Whether the models of a spec can be loaded: what `signalbox serve` looks at before it starts anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cluster.facts import NotAModel, UnknownModel, facts_of
from cluster.loading import absent_folders
from cluster.pool import PoolSpec
from cluster.spec import FleetSpec

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
"""Endings of files with weights."""


def model_problems(spec: FleetSpec, *, here: bool = True) -> list[str]:
    """Return what keeps engines from loading the models, as far as this machine can see.

    Args:
        here: whether engines run on this machine, so that every folder has to be here.
    """
    absent = absent_folders(spec) if here else ()
    found = [f"{field}: there is no folder '{text}' here: use an existing folder" for field, text in absent]
    for name, pool in spec.pools.items():
        if pool.engine.traits.hosts_weights:
            found += [f"pools.{name}.model: {problem}" for problem in _problems(pool)]
    return found


def _problems(pool: PoolSpec) -> Iterator[str]:
    try:
        facts_of(pool.model)
    except NotAModel as error:
        yield str(error)
        return
    except UnknownModel:
        pass  # an engine may know it
    if pool.engine.options.get("load_format") != "dummy" and _lacks_weights(Path(pool.model)):
        yield (
            f"{pool.model} has no weights: run `make chat-models` for the folders in demo/chat, or download those of "
            "the model"
        )


def _lacks_weights(model: Path) -> bool:
    """Whether a model is a folder here, without a file of weights."""
    return model.is_dir() and not any(file.suffix in WEIGHTS for file in model.iterdir())
