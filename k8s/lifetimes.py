"""How long pods may take to stop. Workers wait for streams; the head has none."""

from __future__ import annotations

import math

from cluster.spec import FleetSpec

END_MARGIN_S = 60
"""Seconds for HAProxy's own draining (30 s), and for the node to notice its termination (a few more)."""
HEAD_DRAIN_S = 10
"""Drain time of the head. No stream passes it, and Serve's controller never leaves it, so a drain only delays the
head's successor: KubeRay starts it after the old pod is gone, and until then nothing scales."""
HEAD_GRACE_S = 60
"""Termination grace period of the head's pod."""
STATE_REMOVAL = "ray.io/gcs-ft-deletion-timeout"
"""Annotation: seconds after which KubeRay gives up on removing a deleted cluster's state from Redis. It starts to do so
once all pods are gone (KubeRay 1.7, raycluster_controller.go, getGCSFTDeletionTimeout; 300 by default)."""
STATE_REMOVAL_MARGIN_S = 300
"""Seconds for that job after the last pod is gone."""


def longest_stream_s(spec: FleetSpec) -> int:
    """Longest time that a request may run, in seconds."""
    return math.ceil(spec.gateway.request_timeout_s)


def drain_s(spec: FleetSpec) -> int:
    """How long a terminated worker may keep serving, in seconds: until replacement replicas have started elsewhere and
    its streams have ended. A node that becomes empty stops earlier."""
    return longest_stream_s(spec) + math.ceil(spec.scaling.cold_start_s)


def grace_s(spec: FleetSpec) -> int:
    """Termination grace period of a worker's pod, in seconds: longer than its drain time and thus than the longest
    stream."""
    return drain_s(spec) + END_MARGIN_S


def state_removal_s(spec: FleetSpec) -> int:
    """Value of `STATE_REMOVAL`, in seconds."""
    return grace_s(spec) + STATE_REMOVAL_MARGIN_S
