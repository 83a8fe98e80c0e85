"""What outlives pods in the `kubernetes` section: volumes, and the head's Redis."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from cluster.kubernetes.values import Image, MountPath, NodePath, ObjectName, Quantity, RedisAddress
from cluster.part import Part, Text
from cluster.problems import Problems


class VolumeSpec(Part):
    """A folder that outlives pods: a claim, an existing claim, or a folder of the node's own disk."""

    size: Quantity = "100Gi"
    """Size of the claim that is rendered."""
    storage_class: ObjectName | None = None
    """Storage class of the claim; it must support ReadWriteMany, since every node mounts it. None: the cluster's
    default, which often does not: `kubectl get storageclass`."""
    claim: ObjectName | None = None
    """An existing PersistentVolumeClaim to use; then none is rendered."""
    host_path: NodePath | None = None
    """A folder on each node's own disk: fast, not shared, and forbidden by Kubernetes' stricter pod standards."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.claim and self.host_path:
            raise Problems(host_path="claim and host_path are two volumes: use only one of them")
        return self


class WeightsSpec(VolumeSpec):
    """Where nodes keep the weights of models that are named by a hub id."""

    size: Quantity = "500Gi"
    """Size of the claim that is rendered: all models of the fleet, and room for the next ones."""
    mount: MountPath = "/models"
    """Where pods see the volume. Hub ids are read from its `huggingface/hub`, and model folders may be anywhere below
    it. With a `cache_folder`, hub ids are read from there instead."""


class RedisSpec(Part):
    """Where Ray's head keeps its state, so that its pod can be replaced while nodes keep serving."""

    address: RedisAddress | None = None
    """`HOST:PORT` of an existing Redis or Valkey, `rediss://HOST:PORT` with TLS. None: `signalbox render` adds one,
    with a volume. It must not close idle connections (`timeout 0`)."""
    user: Text | None = None
    """User of an existing Redis with access control lists. None: the default user."""
    password_secret: ObjectName | None = None
    """Secret whose key `password` is the password. None: the fleet's name with `-redis`; for an existing Redis, no
    password."""
    image: Image = "valkey/valkey:8.1.8-alpine"
    """Image of the rendered Redis: Valkey speaks Redis' protocol under a free licence."""
    size: Quantity = "2Gi"
    """Size of its volume: Ray writes kilobytes per actor."""
    storage_class: ObjectName | None = None
    """Storage class of its volume. None: the cluster's own default."""

    @model_validator(mode="after")
    def _user_has_an_address(self) -> Self:
        if self.user and not (self.address and self.password_secret):
            raise Problems(user="needs address and password_secret: the rendered Redis has no users")
        return self
