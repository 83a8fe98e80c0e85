"""Reading a spec file. All its problems become one SpecError that names the fields and says what to use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from cluster.explain import explain
from cluster.kubernetes.storage import WeightsSpec
from cluster.problems import shown
from cluster.routing_files import missing_routing_files, with_routing_files
from cluster.spec import FleetSpec
from cluster.strict_yaml import NotYaml, parse

PROJECT_ROOT = Path(__file__).parent.parent
MAX_BYTES = 200_000
MAX_PROBLEMS = 30
"""Lines of one error: a completely wrong file would have thousands."""


class SpecError(Exception):
    """The spec cannot be used; the message has one line per problem."""


def load_spec(path: Path | str) -> FleetSpec:
    """Read, check and complete a spec file.

    Model and tokenizer folders and the files of `routing` become absolute, so that the result is self-contained and
    can be sent to other nodes as `spec.model_dump(mode="json")`.

    Raises:
        SpecError: the file cannot be read, is not YAML, or is not a valid spec.
    """
    path = Path(path)
    try:
        data = parse(_read(path))
    except NotYaml as error:
        raise SpecError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise SpecError(f"{path}: invalid value {shown(data)}, use a mapping with the key `pools`")
    bases = (path.parent, Path.cwd(), PROJECT_ROOT)
    problems = [*_missing_folders(data, path), *missing_routing_files(data, bases)]
    try:
        spec = FleetSpec.model_validate(with_routing_files(_with_folders(data, path), bases))
    except ValidationError as error:
        raise _spec_error(path, chain(problems, explain(error))) from error
    if problems:
        raise _spec_error(path, iter(problems))
    return spec


def _spec_error(path: Path, problems: Iterator[str]) -> SpecError:
    lines = [f"{path}: {line}" for line in islice(problems, MAX_PROBLEMS)]
    rest = sum(1 for _ in problems)
    return SpecError("\n".join([*lines, f"{path}: and {rest} more problems"] if rest else lines))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(f"{path}: cannot be read ({reason}): use the path of a YAML file") from error
    if len(raw) > MAX_BYTES:
        raise SpecError(f"{path}: too long for a spec: use at most {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not a text file (byte {error.start} is not UTF-8): use a YAML file") from error


# -- folders -------------------------------------------------------------------------------------------------------


def _with_folders(data: dict[Any, Any], path: Path) -> dict[Any, Any]:
    """Pools with absolute folders; the model's original text stays its public name."""
    pools = data.get("pools")
    if not isinstance(pools, dict):
        return data
    return data | {"pools": {name: _pool_with_folders(pool, path) for name, pool in pools.items()}}


def _pool_with_folders(pool: Any, path: Path) -> Any:
    if not isinstance(pool, dict):
        return pool
    found: dict[str, Any] = {field: str(folder) for field, text in _written(pool) if (folder := _folder(text, path))}
    if "model" in found and pool.get("served_name") is None:
        found["served_name"] = pool["model"]
    if draft := found.pop("speculation.model", None):
        found["speculation"] = pool["speculation"] | {"model": draft}
    if adapters := {field: found.pop(field) for field in list(found) if field.startswith("adapters.")}:
        found["adapters"] = pool["adapters"] | {field.removeprefix("adapters."): to for field, to in adapters.items()}
    return pool | found


def _missing_folders(data: dict[Any, Any], path: Path) -> Iterator[str]:
    """Texts that can only mean a folder that does not exist, neither here nor on the weights' volume."""
    pools, mount = data.get("pools"), _weights_mount(data)
    for name, pool in pools.items() if isinstance(pools, dict) else ():
        for field, text in _written(pool):
            on_volume = mount and PurePosixPath(text).is_relative_to(mount) and ".." not in text
            if text.startswith((".", "/", "~", "demo/")) and _folder(text, path) is None and not on_volume:
                hint = "run `make demo-models`" if text.startswith("demo/") else "use an existing folder or a hub id"
                yield f"pools.{name}.{field}: there is no folder {shown(text)}: {hint}"


def _weights_mount(data: dict[Any, Any]) -> str | None:
    """Where pods see the weights' volume; None if the spec has no `kubernetes` section, or no such volume."""
    section = data.get("kubernetes")
    weights = section.get("weights", {}) if isinstance(section, dict) else None
    mount = weights.get("mount", WeightsSpec().mount) if isinstance(weights, dict) else None
    return mount if isinstance(mount, str) and mount.startswith("/") else None


def absent_folders(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    """Folders of the spec that this machine does not have, with their fields: those on a volume of Kubernetes."""
    for name, pool in spec.pools.items():
        for field, text in _written(pool.model_dump()) if pool.engine.traits.hosts_weights else ():
            if text.startswith("/") and not Path(text).is_dir():
                yield f"pools.{name}.{field}", text


def _written(pool: Any) -> Iterator[tuple[str, str]]:
    """Fields of a pool that may name folders, with their texts."""
    if not isinstance(pool, dict):
        return
    speculation, adapters = pool.get("speculation"), pool.get("adapters")
    fields = {"model": pool.get("model"), "tokenizer": pool.get("tokenizer")}
    fields |= {"speculation.model": speculation.get("model")} if isinstance(speculation, dict) else {}
    fields |= {f"adapters.{name}": text for name, text in adapters.items()} if isinstance(adapters, dict) else {}
    for field, text in fields.items():
        if isinstance(text, str) and text:
            yield field, text


def _folder(written: str, path: Path) -> Path | None:
    """The folder that a text means, relative to the spec file, the working directory or the project."""
    try:
        for base in (path.parent, Path.cwd(), PROJECT_ROOT):
            candidate = (base / Path(written).expanduser()).resolve()
            if candidate.is_dir():
                return candidate
    except (OSError, RuntimeError, ValueError):  # names too long, loops of links, unknown ~users, NUL bytes
        pass
    return None
