"""Pods in the `kubernetes` section: where they run and how large they are."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cluster.kubernetes.patches import PodPatch
from cluster.kubernetes.values import DeviceResource, Image, Key, LabelValue
from cluster.part import Part
from cluster.problems import Problems


class TolerationSpec(Part):
    """A taint of nodes that pods tolerate."""

    key: Key
    """The taint's key."""
    value: LabelValue | None = None
    """The taint's value. None: any."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """The taint's effect."""


class NodesSpec(Part):
    """One kind of hardware as Kubernetes sees it. A pod has all devices of a node."""

    cpus: int | None = Field(default=None, ge=1, le=1_000)
    """CPUs of a pod. None: three per device and one for the node, a little less than the smallest clouds' machines
    have; of `cpu` hardware one per rank."""
    memory_gib: int | None = Field(default=None, ge=1, le=100_000)
    """Memory of a pod in GiB, /dev/shm included. None: half of the devices' memory, at least 12 per device; of `cpu`
    hardware what its ranks may use and 2."""
    shm_gib: int | None = Field(default=None, ge=1, le=10_000)
    """Size limit of /dev/shm in GiB, where ranks exchange tensors and Ray keeps objects. None: 2 per device and 1."""
    device_resource: DeviceResource | None = None
    """The device plugin's resource. None: the device's, such as `nvidia.com/gpu`."""
    node_selector: dict[Key, LabelValue] | None = None
    """Labels of the Kubernetes nodes to run on. None: `signalbox/hardware` with the hardware's name, a label that you
    give your node pool (docs/deploy.md)."""
    tolerations: tuple[TolerationSpec, ...] | None = Field(default=None, strict=False)
    """Taints that pods tolerate. None: the device resource's own, such as `nvidia.com/gpu`, with effect NoSchedule."""
    image: Image | None = None
    """Image of these pods, with the same Ray and the project's code. None: `kubernetes.image`, which k8s/Dockerfile
    builds for NVIDIA GPUs; other devices need one with their own libraries, such as ROCm."""
    pod_patch: PodPatch = Field(default={})
    """Merged into the template of these pods after `kubernetes.pod_patch`, in the same way: `{spec: {...}}`."""

    @model_validator(mode="after")
    def _shm_is_memory(self) -> Self:
        """What is written to /dev/shm counts as the pod's memory."""
        if self.shm_gib and self.memory_gib and self.shm_gib >= self.memory_gib:
            text = f"invalid value {self.shm_gib}, use less than memory_gib ({self.memory_gib}), which contains it"
            raise Problems(shm_gib=text)
        return self


class SmallPodSpec(Part):
    """A pod without devices."""

    cpus: int = Field(default=2, ge=1, le=1_000)
    """CPUs of the pod."""
    memory_gib: int = Field(default=4, ge=4, le=10_000)
    """Memory of the pod in GiB, /dev/shm included."""
    node_selector: dict[Key, LabelValue] = Field(default={})
    """Labels of the Kubernetes nodes to run on; use labels that keep the pod off GPU machines."""
    tolerations: tuple[TolerationSpec, ...] = Field(default=(), strict=False)
    """Taints that the pod tolerates."""


class HeadSpec(SmallPodSpec):
    """The pod of Ray's head: control, dashboard and autoscaler. No request passes it."""

    cpus: int = Field(default=4, ge=1, le=1_000)
    """CPUs of the pod."""
    memory_gib: int = Field(default=16, ge=4, le=10_000)
    """Memory of the pod in GiB, /dev/shm included."""


class GatewayNodesSpec(SmallPodSpec):
    """The pods of gateways, one gateway in each, and of replicas whose model runs elsewhere (`remote`)."""
