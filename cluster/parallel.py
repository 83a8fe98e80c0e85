"""The layout of one replica over devices."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from cluster.part import Part
from cluster.problems import Problems


class ParallelSpec(Part):
    """How one replica is split over devices."""

    tensor: int = Field(default=1, ge=1)
    """Tensor-parallel ranks: every layer's matrices are split over them."""
    pipeline: int = Field(default=1, ge=1)
    """Pipeline stages: consecutive layers are split over them."""
    expert: int = Field(default=1, ge=1)
    """Expert-parallel ranks: 1 keeps every expert on every rank, `tensor * data` spreads them."""
    data: int = Field(default=1, ge=1)
    """Data-parallel copies of the attention layers inside one replica."""

    @model_validator(mode="after")
    def _experts_span_the_ranks(self) -> Self:
        all_ranks = self.tensor * self.data
        if self.expert not in (1, all_ranks):
            use = "1" if all_ranks == 1 else f"1 or {all_ranks}"
            raise Problems(
                expert=f"invalid value {self.expert}, use {use}: experts are spread over all tensor x data ranks, or "
                "none"
            )
        return self

    @property
    def devices(self) -> int:
        """Devices (ranks) that one replica needs."""
        return self.tensor * self.pipeline * self.data
