"""The errors for users, each with its exit code: a command prints the message on one line, without a traceback.

Here is, too, what messages have in common: a value in one line, and the known name that a wrong one was meant to be.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import difflib
import errno
import signal
import sys
from typing import Any, NoReturn

from reactivation.machine.output import only_telling, open_streams, silence

_LONGEST = 80  # characters of a value that are shown in a message

SIGNAL_BASE = 128  # a command ended by signal n exits with 128 + n (130 after Ctrl-C, 143 after SIGTERM)


class UserError(Exception):
    """An error that the user can correct; the message says what was wrong, where, and what to do."""

    exit_code = 1


class BadInput(UserError):
    """A key, value, name or command line that cannot be used."""

    exit_code = 2


class DamagedData(UserError):
    """A run, checkpoint or result that is missing, broken, or contradicts its folder."""

    exit_code = 3


class StorageError(UserError):
    """The disk is full, or a folder cannot be written, read or locked."""

    exit_code = 4


class Interrupted(UserError):
    """A signal ended the command after it had saved its state."""

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.exit_code = SIGNAL_BASE + signal_number


class SomeFailed(UserError):
    """Some of several tasks failed; the reason of each was printed."""

    def __init__(self, message: str, exit_code: int, interrupted: bool = False):
        super().__init__(message)
        self.exit_code = exit_code
        self.interrupted = interrupted  # also by a signal: nothing else may be started


def exit_code(return_code: int) -> int:
    """The exit code for the return code of a child process: n, or 128 + n where signal n ended it."""
    return return_code if return_code >= 0 else SIGNAL_BASE - return_code


def storage_error(error: OSError, where: object) -> StorageError:
    """The one-line message for a failed write or read of `where`."""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
        errno.EACCES: "permission denied: change the permissions, or name another folder",
        errno.EPERM: "permission denied: change the permissions, or name another folder",
        errno.EROFS: "the file system is read-only: name another folder",
        errno.ENOTDIR: "part of that path is a file: move it away, or name another folder",
        errno.EEXIST: "part of that path is a file: move it away, or name another folder",
    }.get(error.errno or 0, error.strerror or str(error))
    return StorageError(f"{where}: {advice}")


@contextmanager
def storing(where: object) -> Iterator[None]:
    """Read or write `where` in this block: an OSError becomes a StorageError."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, where) from error


def run_command(main: Callable[[list[str]], None]) -> None:
    """Run `main` on the command line and exit with the code of its outcome."""
    open_streams()
    try:
        main(sys.argv[1:])
        sys.stdout.flush()  # here, so that errors of writing are handled below
    except UserError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted", SIGNAL_BASE + signal.SIGINT)
    except BrokenPipeError:  # the reader of the output has ended, as `head` does
        silence(sys.stdout)
        sys.exit(SIGNAL_BASE + signal.SIGPIPE)
    except MemoryError:
        _end("not enough memory: use smaller sizes, or a machine that grants more", BadInput.exit_code)
    except OSError as error:
        silence(sys.stdout)  # it may be stdout that cannot be written
        _end(str(storage_error(error, error.filename or "storage")), StorageError.exit_code)


def _end(message: str, code: int) -> NoReturn:
    with only_telling():
        print(message, file=sys.stderr)
        sys.stdout.flush()
    sys.exit(code)


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    close = alike(name, known)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"


def alike(name: str, known: Sequence[str], likeness: float = 0.5) -> list[str]:
    """At most one known name: the one of which `name` may be a misspelling."""
    return difflib.get_close_matches(name, known, n=1, cutoff=likeness)


def in_one_line(value: Any) -> str:
    """A value as messages show it: shortened, and with unprintable characters escaped."""
    text = str(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
