"""Files that are either whole or not there: written beside their place, forced to disk, then renamed."""

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
from functools import cache
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any, TextIO

from reactivation.machine.errors import DamagedData, StorageError, storing
from reactivation.machine.places import refuse_published


def write_atomically(file: Path, content: bytes) -> None:
    """Put `content` in `file`; whoever reads sees the old file or the new one, never a part.

    Raises:
        StorageError: disk full, no permission; the old file is untouched.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with storing(file):
        try:
            with open(temporary, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            rename(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)


def digest(file: Path) -> str | None:
    """SHA-256 of a file's content; None where there is no file."""
    return _digest(file, file.stat().st_mtime_ns) if file.exists() else None


@cache
def _digest(file: Path, changed: int) -> str:
    return sha256(file.read_bytes())


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def rename(file: Path, target: Path) -> None:
    """Put a file in the place of another of its folder, so that it survives a power cut.

    Raises:
        StorageError: disk full, no permission.
    """
    with storing(target):
        os.replace(file, target)
        _sync_folder(target.parent)


def set_aside(file: Path) -> Path:
    """Give a file that is not believed another name beside its own, under which nothing looks for it; returns that.

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
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder that a command writes to, and its parents.

    Raises:
        BadInput: it lies among published results.
        StorageError: no permission, or a file stands in the way.
    """
    refuse_published(folder)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def to_json(content: Any) -> bytes:
    """Readable JSON, always the same bytes for the same content."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def read_json(file: Path, kind: type = dict) -> Any:
    """The content of a JSON file.

    Raises:
        DamagedData: missing, not JSON, or of another kind.
        StorageError: it cannot be read.
    """
    with storing(file):
        try:
            content = json.loads(file.read_text())
        except FileNotFoundError:
            raise DamagedData(f"{file}: missing") from None
        except ValueError:
            raise damaged(file, "valid JSON") from None
    if not isinstance(content, kind):
        raise damaged(file)
    return content


def damaged(file: Path, wanted: str = "what its command writes") -> DamagedData:
    """The one-line message for a file whose content is not what it should be."""
    return DamagedData(f"{file}: not {wanted}; delete it and run its command again")


def read_json_once(file: Path) -> Any:
    """As `read_json`, of a table; read again only when the file has changed. Whoever asks must not change what is given."""
    return _read_json(file, file.stat().st_mtime_ns) if file.exists() else read_json(file)


@cache
def _read_json(file: Path, changed: int) -> Any:
    return read_json(file)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same lock out of a folder.

    Raises:
        StorageError: another process has it.
    """
    with storing(folder):
        stream = open(folder / ".lock", "w")  # noqa: SIM115 (closed below; only the opening is guarded here)
    with stream:
        with storing(folder):
            _lock(stream, folder)
        yield


def _lock(stream: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageError(f"{folder}: another process is working in this folder; wait for it") from None
