from __future__ import annotations

import pytest

from simulation.baselines.knowledge import NO_KNOWLEDGE, Capacity, Knowledge, Load, spans


def test_prompts_and_answers_share_a_replica():
    # 2000 / 1000 + 300 / 600
    assert Capacity(1000, 600).replicas_for(Load(1, 2000, 300)) == 2.5


@pytest.mark.parametrize(
    "numbers",
    [(0, 1), (1, 0), (1, float("inf")), (1, 1, 0.2, 0.1), (1, 1, 0.1, 0.1), (1, 1, -1, 0.1), (float("nan"), 1)],
)
def test_impossible_capacities_are_refused(numbers):
    with pytest.raises(ValueError, match="invalid value"):
        Capacity(*numbers)


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 60, 30), [(0, 30), (30, 60)]), ((0, 70, 30), [(0, 30), (30, 60), (60, 70)]), ((5, 5, 30), [])],
)
def test_spans(span, expected):
    assert spans(*span) == expected


def test_missing_knowledge_is_named():
    with pytest.raises(ValueError, match=r"policy oracle: knowledge\.capacity lacks pool 'small'"):
        NO_KNOWLEDGE.capacity_of("oracle", "small")
    with pytest.raises(ValueError, match=r"policy oracle: knowledge\.demand is missing"):
        NO_KNOWLEDGE.future("oracle")
    with pytest.raises(ValueError, match=r"policy static-peak: knowledge\.span_s"):
        Knowledge(span_s=(3, 3)).span("static-peak")
