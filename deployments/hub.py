"""Facts of a model on a hub, from the few files that hold them. No weights are downloaded.

The library's own settings count: HF_TOKEN for models that ask for one, HF_ENDPOINT for another hub, HF_HOME for the
cache, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

from cluster.facts import NotAModel, UnknownModel, facts_in, facts_of
from cluster.model_facts import ModelFacts
from cluster.problems import shown

INDEX, WEIGHTS = "model.safetensors.index.json", "model.safetensors"
"""A checkpoint has many parts and the index, or it is one file, of which only the size is read."""
MOST_BYTES = 32 * 2**20
"""Larger files are not downloaded: a config has some kB, the largest index some MB."""
TIMEOUT_S = 10.0
"""Of the request for a file's size; the library's HF_HUB_DOWNLOAD_TIMEOUT bounds each read of its content."""


def facts_online(model: str) -> ModelFacts:
    """Facts of a model folder, of a hub id that ships with Signalbox, or else of the hub's files.

    Raises:
        NotAModel: a folder that no engine can load.
        UnknownModel: the hub has no facts, or cannot be asked; the message says what to do.
    """
    try:
        return facts_of(model)
    except NotAModel:
        raise
    except UnknownModel:
        if os.path.isdir(model):
            raise
    disable_progress_bars()
    return facts_in(model, _json_of(model, "config.json"), _checkpoint_bytes(model))


def _checkpoint_bytes(model: str) -> int | None:
    """Bytes of all weights; None if the hub has them in another format."""
    try:
        return int(_json_of(model, INDEX)["metadata"]["total_size"])
    except (_NoSuchFile, _Unreachable):
        pass
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownModel(f"{INDEX} of '{model}' has no total_size: download the model and use its folder") from error
    try:
        return _size(model, WEIGHTS)
    except (_NoSuchFile, _Unreachable):
        return None


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")


class _NoSuchFile(UnknownModel):
    """The model exists on the hub, the file does not."""


class _Unreachable(UnknownModel):
    """The hub does not answer, or may not be asked."""


def _json_of(model: str, name: str) -> dict[str, Any]:
    try:
        size = _size(model, name)
        if size is None or size > MOST_BYTES:
            raise UnknownModel(
                f"{name} of '{model}' has {size or 'unknown'} bytes: more than {MOST_BYTES} are not read"
            )
        with _asking(model, name):
            path = hf_hub_download(model, name, endpoint=_endpoint(), cache_dir=constants.HF_HUB_CACHE)
    except _Unreachable as unreachable:
        path = _cached(model, name, unreachable)
    try:
        found = json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UnknownModel(f"{name} of '{model}' is not JSON: see its page on {_endpoint()}") from error
    if not isinstance(found, dict):
        raise UnknownModel(f"{name} of '{model}' is not a JSON object: see its page on {_endpoint()}")
    return found


def _cached(model: str, name: str, unreachable: _Unreachable) -> str:
    try:
        return hf_hub_download(
            model, name, endpoint=_endpoint(), cache_dir=constants.HF_HUB_CACHE, local_files_only=True
        )
    except LocalEntryNotFoundError:
        raise unreachable from None


def _size(model: str, name: str) -> int | None:
    """Bytes of a file on the hub. The request is made once, so that a missing network is noticed at once.

    Raises:
        UnknownModel: as in `_asking`.
    """
    with _asking(model, name):
        url = hf_hub_url(model, name, endpoint=_endpoint())
        return get_hf_file_metadata(url, endpoint=_endpoint(), timeout=TIMEOUT_S).size


@contextmanager
def _asking(model: str, name: str) -> Iterator[None]:
    """The library's failures as sentences.

    Raises:
        _NoSuchFile: the model has no such file.
        _Unreachable: the hub does not answer.
        UnknownModel: the hub refuses, or the file cannot be kept.
    """
    hub = _endpoint()
    try:
        yield
    except HFValidationError as error:
        raise UnknownModel(f"{shown(model)} is neither a folder here nor a hub id: use ORGANISATION/NAME") from error
    except GatedRepoError as error:
        raise UnknownModel(f"'{model}' is gated: accept its licence on {hub}/{model}, and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise UnknownModel(f"{hub} has no model '{model}': check the id, or set HF_TOKEN if it is private") from error
    except OfflineModeIsEnabled as error:
        raise _Unreachable(f"'{model}' is not in the cache, and HF_HUB_OFFLINE is set: unset it") from error
    except LocalEntryNotFoundError as error:
        raise _Unreachable(_unreachable(hub, model)) from error
    except EntryNotFoundError as error:
        raise _NoSuchFile(f"'{model}' has no {name} on {hub}: use the id of the original checkpoint") from error
    except HfHubHTTPError as error:
        raise UnknownModel(f"{hub} answered {error.response.status_code} for '{model}': try again later") from error
    except HTTPError as error:
        raise _Unreachable(_unreachable(hub, model)) from error
    except OSError as error:
        raise UnknownModel(f"{name} of '{model}' cannot be kept in {constants.HF_HUB_CACHE} ({error})") from error


def _unreachable(hub: str, model: str) -> str:
    return (
        f"{hub} cannot be reached for '{model}': check the network or HF_ENDPOINT, or download the model's config.json "
        "and use the folder's path"
    )
