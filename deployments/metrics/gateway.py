"""Every metric of a gateway replica, and the table of all metrics, from which docs/metrics.md is generated.

Labels take few values: names from the spec and fixed words, never text from a client.
"""

from __future__ import annotations

from deployments.metrics.answers import AnswerMetrics
from deployments.metrics.costs import CostMetrics, TenantMetrics
from deployments.metrics.definition import definitions
from deployments.metrics.engine import EngineMetrics
from deployments.metrics.learning import LearningMetrics
from deployments.metrics.requests import RequestMetrics
from deployments.metrics.routing import RoutingMetrics
from deployments.metrics.scaling import PolicyMetrics, ScalingMetrics


class GatewayMetrics(
    RequestMetrics, AnswerMetrics, RoutingMetrics, CostMetrics, TenantMetrics, LearningMetrics, ScalingMetrics
):
    """What a gateway replica exports."""


SECTIONS = (*GatewayMetrics.__bases__, PolicyMetrics, EngineMetrics)
"""Classes with metrics, in the order of docs/metrics.md."""
TABLE = definitions(SECTIONS)
"""All metrics of Signalbox; vLLM and Serve export more."""
