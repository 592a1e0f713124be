"""Atomic writes: a file is written under a temporary name, forced to disk, then renamed, so it is never half written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
import errno
from functools import cache
import hashlib
import itertools
import json
import math
import os
from pathlib import Path
import re
import socket
import sys
import tempfile
import threading
import time
from typing import Any, TextIO

from reactivation.machine.errors import DamagedData, StorageError, storing
from reactivation.machine.places import last_there, refuse_published

try:
    import fcntl
except ImportError:  # of a system that is no Unix
    fcntl = None  # type: ignore[assignment]  # mypy takes the name for the module alone

# Errors of a file system that lacks a call, as some shared ones do.
_WITHOUT = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOLCK}
_FORGOTTEN = 3600  # seconds after which a temporary file counts as left by a killed write


def write_atomically(file: Path, content: bytes) -> None:
    """Put `content` in `file`; a reader sees the old file or the new one, never a part.

    Raises:
        StorageError: disk full, no permission; the old file is untouched.
    """
    write_together({file: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Put contents in files that belong together: no file is replaced before all contents are on the disk.

    Files are replaced in the order given. A kill in between leaves some files new and some old, each whole.

    Raises:
        StorageError: disk full, no permission; the old files are untouched.
    """
    temporaries = {file: beside(file) for file in contents}
    try:
        for file, content in contents.items():
            with storing(file):
                _write(temporaries[file], content)
        for file, temporary in temporaries.items():
            rename(temporary, file)
    finally:
        for file, temporary in temporaries.items():
            with storing(file):
                temporary.unlink(missing_ok=True)


def beside(file: Path) -> Path:
    """Name this thread's temporary file for a file; the host is in it, as two machines may have equal thread numbers."""
    return file.with_name(f".{file.name.removeprefix('.')}.{socket.gethostname()}.{threading.get_native_id()}.tmp")


def _write(file: Path, content: bytes) -> None:
    with open(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def clear_leftovers(folder: Path, older: float = _FORGOTTEN) -> None:
    """Delete the temporary files of killed writes in a folder: those of ended threads, or `older` than so many seconds.

    Raises:
        StorageError: no permission.
    """
    with storing(folder):
        for file in folder.glob(".*.tmp"):
            with suppress(FileNotFoundError):  # another command has just renamed it
                if _writer_is_gone(file) or file.stat().st_mtime <= time.time() - older:
                    file.unlink()


def _writer_is_gone(temporary: Path) -> bool:
    """Whether a temporary file belongs (see `beside`) to a thread of this machine that has ended."""
    of_here = re.fullmatch(rf".*\.{re.escape(socket.gethostname())}\.(\d+)\.tmp", temporary.name)
    return of_here is not None and Path("/proc/self").exists() and not Path(f"/proc/{of_here[1]}").exists()


def digest(file: Path) -> str | None:
    """SHA-256 of a file's content; None where there is no file."""
    return _digest(file, file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None


@cache
def _digest(file: Path, changed: int, size: int) -> str:
    return sha256(file.read_bytes())


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def rename(file: Path, target: Path) -> None:
    """Rename a file within its folder, replacing `target`, so that the result survives a power cut.

    Raises:
        StorageError: disk full, no permission.
    """
    with storing(target):
        os.replace(file, target)
        _sync_folder(target.parent)


def set_aside(file: Path) -> Path:
    """Rename a doubtful file, within its folder, to a name that no code reads; returns the new path.

    Raises:
        StorageError: no permission.
    """
    names = (file.with_name(f"{file.name}.doubted{number or ''}") for number in itertools.count())
    target = next(name for name in names if not name.exists())
    rename(file, target)
    return target


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _WITHOUT:
            raise
        _warn("a file system here cannot force folders to disk: files may be lost where the power fails")
    finally:
        os.close(descriptor)


@cache
def _warn(message: str) -> None:
    """Print a message once per process."""
    print(message, file=sys.stderr)


def require_place(folder: Path) -> None:
    """Check that a folder can be written to, or made, before anything is computed for it; leaves nothing there.

    Raises:
        BadInput: it lies among published results.
        StorageError: no permission, a read-only file system, or a file stands in the way.
    """
    refuse_published(folder)
    with storing(folder):
        os.rmdir(tempfile.mkdtemp(prefix=".", dir=last_there(folder)))


def make_folder(folder: Path) -> None:
    """Make the folder that a command writes to, and its parents; delete temporary files of killed writes there.

    Raises:
        BadInput: it lies among published results.
        StorageError: no permission, or a file stands in the way.
    """
    refuse_published(folder)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)


def to_json(content: Any) -> bytes:
    """Readable JSON, always the same bytes for the same content."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def parse_json(text: str | bytes) -> Any:
    """The content of JSON text. NaN and infinities, which Python reads, are refused: they are not JSON.

    Raises:
        ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    return json.loads(text, parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not finite")
    return number


def read_json(file: Path, kind: type = dict) -> Any:
    """The content of a JSON file.

    Raises:
        DamagedData: missing, not JSON, or of another kind.
        StorageError: it cannot be read.
    """
    with storing(file):
        try:
            content = parse_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DamagedData(f"{file}: missing") from None
        except (ValueError, RecursionError):
            raise damaged(file, "valid JSON") from None
    if not isinstance(content, kind):
        raise damaged(file)
    return content


def damaged(file: Path, wanted: str = "what its command writes") -> DamagedData:
    """The one-line message for a file whose content is not what it should be."""
    return DamagedData(f"{file}: not {wanted}; delete it and run its command again")


def read_json_once(file: Path) -> Any:
    """As `read_json`, but read again only when the file has changed. Callers must not modify the returned content."""
    return _read_json(file, file.stat().st_mtime_ns) if file.exists() else read_json(file)


@cache
def _read_json(file: Path, changed: int) -> Any:
    return read_json(file)


@contextmanager
def locked(folder: Path, name: str = ".lock") -> Iterator[int]:
    """Keep other processes that ask for the same lock out of a folder; yields its descriptor, which a child may inherit.

    Raises:
        StorageError: another process has it.
    """
    lock = folder / name
    with storing(lock):
        stream = open(lock, "w", encoding="utf-8")  # noqa: SIM115 (closed below; only the opening is guarded here)
    with stream:
        with storing(lock):
            _lock(stream, folder)
        yield stream.fileno()


def _lock(stream: TextIO, folder: Path) -> None:
    if fcntl is None:
        _warn("this system has no locks: see to it that no two commands work in one folder at a time")
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(f"{folder}: another process is working in this folder; wait for it") from None
    except OSError as error:
        if error.errno not in _WITHOUT:
            raise
        _warn("a file system here has no locks: see to it that no two commands work in one folder at a time")
