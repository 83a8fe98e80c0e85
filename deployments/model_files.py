"""Files and folders that a spec names and that engines and gateways open: they have to be on the nodes."""

from __future__ import annotations

from pathlib import Path

from cluster.spec import FleetSpec


def named_models(spec: FleetSpec) -> dict[str, str]:
    """Folders and hub ids of all pools whose engines load weights, by the field that names them."""
    named: dict[str, str | None] = {}
    for name, pool in spec.pools.items():
        if not pool.engine.traits.hosts_weights:
            continue
        named |= {f"pools.{name}.model": pool.model, f"pools.{name}.tokenizer": pool.tokenizer}
        named[f"pools.{name}.speculation.model"] = spec.draft_of(name)
        named |= {f"pools.{name}.adapters.{each}": path for each, path in pool.adapters.items()}
    return {field: text for field, text in named.items() if text}


def named_folders(spec: FleetSpec) -> dict[str, bool]:
    """Whether each of `named_models` is a folder on this machine."""
    return {field: Path(text).is_dir() for field, text in named_models(spec).items()}


def needed_paths(spec: FleetSpec) -> dict[str, str]:
    """Absolute paths of folders and files that processes of the fleet open, by the field that names them."""
    files = {"routing.artifact": spec.routing.artifact, "routing.escalation.model": _confidence(spec)}
    named = named_models(spec) | {field: text for field, text in files.items() if text}
    return {field: text for field, text in named.items() if text.startswith("/")}


def _confidence(spec: FleetSpec) -> str | None:
    return spec.routing.escalation.model if spec.routing.escalation else None
