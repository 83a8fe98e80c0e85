"""Facts of a model by its folder or hub id: parameter counts and KV cache size, without loading any weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from cluster.decoder import facts_from_config
from cluster.layer_kinds import UnknownLayers
from cluster.model_facts import ModelFacts as ModelFacts

WIDTHS = {"float32": 4, "float64": 8, "float8_e4m3fn": 1}
"""Bytes per weight of a checkpoint's types other than the usual 16 bits."""
MODELS = files("cluster") / "models"


class UnknownModel(Exception):
    """Nothing is known about a model; the message says where facts would come from."""


class NotAModel(UnknownModel):
    """A folder on this machine that no engine can load."""


def facts_of(model: str) -> ModelFacts:
    """Facts of a model folder, or of a hub id whose config ships with Signalbox.

    Raises:
        NotAModel: a folder, but its config.json is missing or names no architecture.
        UnknownModel: neither a folder with a config.json of a decoder nor a known hub id.
    """
    try:
        folder = Path(model)
        if folder.is_dir():
            return facts_in(model, _config_in(folder), _weights_in(folder))
        text = (MODELS / f"{model.replace('/', '--')}.json").read_text()
    except FileNotFoundError as error:
        raise UnknownModel(
            f"no built-in facts for '{model}': fetch them with --online, or download its config.json and use the "
            "folder's path"
        ) from error
    except (OSError, ValueError) as error:
        raise UnknownModel(f"the config.json of '{model}' cannot be read ({error})") from error
    return facts_in(model, cast("dict[str, Any]", json.loads(text)))


def shipped_models() -> list[str]:
    """Hub ids whose facts ship with Signalbox, sorted."""
    names = (entry.name for entry in MODELS.iterdir())
    return sorted(name.removesuffix(".json").replace("--", "/") for name in names if name.endswith(".json"))


def source_of(model: str) -> str:
    """Where the shipped facts of a hub id come from."""
    config = json.loads((MODELS / f"{model.replace('/', '--')}.json").read_text())
    return str(config["source"])


def facts_in(model: str, config: Mapping[str, Any], checkpoint_bytes: int | None = None) -> ModelFacts:
    """Facts from a config.json and, where it is known, the size of all weights.

    Raises:
        UnknownModel: the config is not one of a known kind of decoder; the message names the model and the field.
    """
    where = f"the config.json of '{model}'"
    try:
        facts = facts_from_config(config)
    except KeyError as error:
        raise UnknownModel(f"{where} lacks {error.args[0]}, which every decoder has: use its original file") from error
    except UnknownLayers as error:
        raise UnknownModel(f"{where} has {error}: its KV cache cannot be counted") from error
    except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnknownModel(f"{where} is not one of a known decoder: use its original file") from error
    widths = [cache.width for cache in facts.caches if cache.width]
    if not widths or min(facts.layers, facts.heads, facts.kv_heads, *widths, facts.max_context_tokens) < 1:
        raise UnknownModel(f"{where} has sizes below 1: use its original file")
    return _with_checkpoint(facts, checkpoint_bytes) if checkpoint_bytes else facts


def _with_checkpoint(facts: ModelFacts, checkpoint_bytes: int) -> ModelFacts:
    """The size of a checkpoint in one type gives its parameter count; that of a quantised one, its bytes per weight."""
    if facts.quantised:
        return replace(facts, checkpoint_bytes=checkpoint_bytes)
    if facts.is_counted:
        return facts
    return replace(facts, published=checkpoint_bytes // WIDTHS.get(facts.dtype, 2))


def _config_in(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").exists():
        if (folder / "params.json").exists():
            raise UnknownModel(f"{folder} has a params.json: its sizes are read from a config.json only")
        raise NotAModel(f"{folder} has no config.json: use a folder that save_pretrained wrote")
    try:
        config = json.loads((folder / "config.json").read_text())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise NotAModel(
            f"{folder}/config.json is not JSON ({reason}): use a folder that save_pretrained wrote"
        ) from error
    if not isinstance(config, dict) or not {"architectures", "model_type"} & config.keys():
        raise NotAModel(f"{folder}/config.json names no architecture: use a folder that save_pretrained wrote")
    return config


def _weights_in(folder: Path) -> int | None:
    """Bytes of the folder's safetensors files; None without any."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors")) or None
