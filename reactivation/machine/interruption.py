"""Ending in good order: SIGINT and SIGTERM leave a note, and whoever works finishes the step, saves, and goes.

A process that was started by another of ours ends likewise when that one is gone: nobody would end it any more, and it
would hold its run folder.
"""

import os
import signal
from types import FrameType, TracebackType

PARENT = "REACTIVATION_PARENT"  # variable of the environment: the number of the process that started this one
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While open, the two signals are only noted."""

    def __init__(self) -> None:
        self._noted = 0
        self._parent = int(os.environ.get(PARENT, os.getppid()))

    @property
    def signal(self) -> int:
        """The number of the signal that came, SIGTERM where the parent is gone, or 0."""
        if not self._noted and os.getppid() != self._parent:
            self._noted = signal.SIGTERM
        return self._noted

    def __enter__(self) -> "Interruption":
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number
