"""What every request of a client repeats is left out, and what asks for work is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.preambles import REPEATED, Preambles

PREAMBLE = "You find below a message from a valued customer, who bought garden tools from us."
WORK = "Derive the SSA form of each snippet."


def seen(*texts, times=REPEATED):
    memory = Preambles()
    for number in range(times):
        for text in texts:
            memory.see(text.format(number), None)
    return memory


def test_a_repeated_beginning_is_left_out():
    assert seen(PREAMBLE + "\n\nquery {}").without(PREAMBLE + "\n\nhi", None) == "hi"


def test_several_paragraphs_are_left_out():
    beginning = f"{PREAMBLE}\n\nThe customer speaks German.\n\n"
    assert seen(beginning + "query {}").without(beginning + "hi", None) == "hi"


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        (seen(PREAMBLE + "\n\nquery {}", times=REPEATED - 1), PREAMBLE + "\n\nhi"),
        (seen(WORK + "\n\nsnippet {}"), WORK + "\n\nx = 1"),
        (seen(PREAMBLE), PREAMBLE),
        (seen(PREAMBLE + "\n\nquery {}"), PREAMBLE + " And more.\n\nhi"),
        (seen(PREAMBLE + "\n\nquery {}"), PREAMBLE + "\n\n"),
    ],
    ids=["seldom", "work", "alone", "another", "nothing left"],
)
def test_everything_else_stays(memory, text):
    assert memory.without(text, None) == text


def test_clients_are_apart():
    memory = seen(PREAMBLE + "\n\nquery {}")
    assert memory.without(PREAMBLE + "\n\nhi", "alice") == PREAMBLE + "\n\nhi"


def test_the_memory_is_bounded():
    memory = Preambles(most=3)
    for number in range(10):
        memory.see(f"beginning {number}.\n\nhi", None)
    assert len(memory._seen) == 3


@given(st.text(max_size=200))
def test_any_text_keeps_its_end(text):
    memory = Preambles()
    for _ in range(REPEATED):
        memory.see(text, None)
    assert text.endswith(memory.without(text, None))
