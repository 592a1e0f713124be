"""Ending in good order: a signal leaves a note, and whoever works finishes the step, saves, and goes.

These are Ctrl-C, SIGTERM, SIGHUP of a terminal that is gone, and SIGUSR1 and SIGUSR2 by which batch systems warn. One that
was ignored when the process began (nohup) stays ignored. Ctrl-Z halts a training, and `fg` lets it go on.

A process that was started by another of ours ends likewise when that one is gone: nobody would end it any more, and it
would hold its run folder.
"""

import os
import signal
from types import FrameType, TracebackType

from reactivation.machine.numbers import whole_number

PARENT = "REACTIVATION_PARENT"  # variable of the environment: the number of the process that started this one
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Interruption:
    """While open, signals are only noted.

    Args:
        with_parent: whether a parent that is gone is a signal, too.
    """

    def __init__(self, with_parent: bool = True) -> None:
        self._noted = 0
        parent = whole_number(os.environ.get(PARENT, ""))
        self._parent = None if not with_parent else os.getppid() if parent is None else parent

    @property
    def signal(self) -> int:
        """The number of the signal that came, SIGTERM where the parent is gone, or 0."""
        if not self._noted and self._parent not in (None, os.getppid()):
            self._noted = signal.SIGTERM
        return self._noted

    def __enter__(self) -> "Interruption":
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number
