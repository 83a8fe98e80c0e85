"""Ctrl-C and SIGTERM: the first one stops, the others are too late."""

from __future__ import annotations

import signal

import pytest

from signalbox.stop_signals import SIGNALS, StopSignals


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_later_ones_change_nothing(number):
    before = signal.getsignal(number)
    with StopSignals() as signals:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert signals.stop.is_set()
        for later in SIGNALS:
            signal.raise_signal(later)
    assert signal.getsignal(number) is before


def test_a_handler_that_a_library_has_set_is_replaced():
    with StopSignals() as signals:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signals.listen()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
