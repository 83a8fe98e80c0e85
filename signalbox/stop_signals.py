"""Ctrl-C and SIGTERM for commands that run until they are stopped."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """The first signal sets `stop` and raises KeyboardInterrupt; later ones change nothing, so that cleaning up ends.

    A context manager: the former handlers are back at its end.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def listen(self) -> None:
        """Take the signals; again after a library, such as Ray as it connects, has taken one of them."""
        for number in SIGNALS:
            signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self.stop.is_set():
            self.stop.set()
            raise KeyboardInterrupt
