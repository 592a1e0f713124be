"""What a command prints: a stream that is closed, full, gone or of few letters costs lines, and never the work."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
import os
import sys
from typing import Any, TextIO


def open_streams() -> None:
    """Give a process the streams that it was started without, and let it write any letter to those that it has.

    A descriptor that is closed would be that of the next file that is opened, and get what is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (open as long as the process is)
        elif hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def only_telling() -> Iterator[None]:
    """Work in this block on what goes to files: what is printed tells of it, and may be lost."""
    with redirect_stdout(_Telling(sys.stdout)), redirect_stderr(_Telling(sys.stderr)):
        yield


def silence(stream: TextIO) -> None:
    """Send what a stream could not write, and all that follows, nowhere: Python would complain of it at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Telling:
    """A text stream that loses what it cannot write."""

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
