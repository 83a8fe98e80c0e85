from __future__ import annotations

import re

import pytest

from simulation.baselines.keda import KedaParameters
from simulation.baselines.parameters import read_parameters


def test_what_is_left_out_has_its_default():
    chosen = read_parameters(KedaParameters, "keda", {"threshold": 2})
    assert (chosen.threshold, chosen.polling_s) == (2, 30)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"treshold": 5}, "policy keda has no parameter 'treshold', did you mean 'threshold'?"),
        (
            {"threshold": -1},
            "parameter threshold of policy keda: invalid value -1: input should be greater than or equal to",
        ),
        (
            {"threshold": float("nan")},
            "parameter threshold of policy keda: invalid value nan: input should be a finite number",
        ),
        ({"polling_s": 0}, "parameter polling_s of policy keda: invalid value 0: input should be greater than 0"),
    ],
)
def test_a_wrong_parameter_is_named(given, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        read_parameters(KedaParameters, "keda", given)
