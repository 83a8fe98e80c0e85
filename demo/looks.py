"""What a look at a demo model's answer can see: its tokens, the hidden state of its prompt, and sampled answers."""

from dataclasses import dataclass

from demo.confidence_data import Answered

TEMPERATURE = 0.7
"""Of sampled answers."""


@dataclass(frozen=True)
class Sample:
    """An answer sampled at TEMPERATURE."""

    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Look:
    """A greedy answer, and what else the model can show of it."""

    answered: Answered
    hidden: tuple[float, ...]
    """State of the prompt's last token behind the last layer and its norm, from which the first token is predicted."""
    samples: tuple[Sample, ...]
