"""Ending in good order: a signal is only noted, and the running command finishes its step, saves, and ends.

The signals are SIGINT (Ctrl-C), SIGTERM, SIGHUP of a closed terminal, and SIGUSR1 and SIGUSR2, by which batch systems warn.
A signal that was ignored when the process began (nohup) stays ignored. Ctrl-Z halts a training, and `fg` continues it.

A process that was started by another of our processes (`PARENT`) ends in the same way when its parent is gone: otherwise
nothing would end it, and it would keep its run folder locked. A process that a user started outlives the shell (nohup).
"""

import os
import signal
import threading
from types import FrameType, TracebackType

from reactivation.machine.numbers import whole_number

PARENT = "REACTIVATION_PARENT"  # variable of the environment: the number of the process that started this one
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Interruption:
    """While open, signals are only noted.

    Args:
        with_parent: whether the end of the process of ours that started this one counts as a signal.
    """

    def __init__(self, with_parent: bool = True) -> None:
        self._noted = 0
        self._parent = whole_number(os.environ.get(PARENT, "")) if with_parent else None

    @property
    def signal(self) -> int:
        """The number of the signal that was received, SIGTERM if the parent has ended, or 0."""
        if not self._noted and self._parent not in (None, os.getppid()):
            self._noted = signal.SIGTERM
        return self._noted

    def __enter__(self) -> "Interruption":
        # Python hands signals to the main thread alone: a training in another one (`ra.train`) leaves them to that.
        heard = [number for number in SIGNALS if _is_main_thread() and signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
