"""Output of commands: a stream that is closed, full, or cannot encode a character loses lines, but never stops the work."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
import os
import sys
from typing import Any, TextIO


def open_streams() -> None:
    """Open the standard streams that a process was started without, and let the others write any character.

    The next opened file would get the descriptor of a closed stream, and everything that is printed to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open as long as the process is)
        elif hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def only_telling() -> Iterator[None]:
    """In this block, errors of printing are ignored: the work goes to files, and printed lines only report on it."""
    with redirect_stdout(_Telling(sys.stdout)), redirect_stderr(_Telling(sys.stderr)):
        yield


def silence(stream: TextIO) -> None:
    """Discard what a stream could not write, and all that follows: Python would report it as an error at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Telling:
    """A text stream that discards text that it cannot write."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
