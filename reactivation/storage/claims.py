"""Claims on a folder, which hold between machines, where locks of a shared file system often do not.

A claim is a file that is created exclusively. It names the process that works in the folder: host, process, job, time. It is
deleted when the work ends. After a kill it stays, and counts until it is known to be stale: because its process is gone from
this host, because the scheduler says that its job is over, or because its process has not touched it for long.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import socket
import time

from reactivation.machine import scheduler
from reactivation.machine.errors import StorageError, storing
from reactivation.machine.numbers import whole_number
from reactivation.storage.fields import made
from reactivation.storage.files import beside, parse_json

_NAME = ".claim"
_PATIENCE = 24 * 3600  # seconds after which an untouched claim of another host is stale
_OFTEN = 60  # seconds between touches
_TRIES = 3  # attempts to make a claim while other processes make and delete theirs


@dataclass(frozen=True)
class Claim:
    """Name the process that works in a folder."""

    host: str
    pid: int
    started: str | None  # when the process began, since process numbers are reused; None where that is unknown
    job: str | None  # of the scheduler
    begun: int  # how often that job had been restarted
    time: str


def is_claimed(folder: Path) -> bool:
    """Whether a folder has a claim, stale or not."""
    return (folder / _NAME).exists()


def is_left_behind(folder: Path, name: str = _NAME) -> bool:
    """Whether a claim belongs to a process of this host that has ended."""
    with suppress(OSError):
        claim = _read(folder / name)
        return claim is not None and claim.host == _host() and _is_gone(claim)
    return False


@contextmanager
def claimed(folder: Path, name: str = _NAME, silence: float | None = None) -> Iterator[Callable[[], None]]:
    """Keep the processes of other machines that ask for the same claim out of a folder.

    Yields a function that touches the claim, to be called regularly.

    Args:
        silence: seconds since the last touch after which a claim of another host is stale, unless the scheduler knows its
            job; before that, the scheduler is not asked. None: a day, and the scheduler is asked at once.

    Raises:
        StorageError: another process has a claim that is not known to be stale, or the claim cannot be written.
    """
    file, own = folder / name, _own()
    with storing(file):
        _make(file, own, silence)
    try:
        yield _Touching(file, own)
    finally:
        with suppress(OSError):
            if _read(file) == own:
                file.unlink()


class _Touching:
    """Touch a claim, at most once in _OFTEN seconds.

    Raises:
        StorageError: another process has taken the folder over, for instance after this process was halted for long.
    """

    def __init__(self, file: Path, own: Claim) -> None:
        self._file, self._own, self._last = file, own, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._last < _OFTEN:
            return
        self._last = time.monotonic()
        with suppress(OSError):
            if _read(self._file) not in (self._own, None):
                raise StorageError(f"{self._file.parent}: taken over by another process; this one stops")
            os.utime(self._file)


def _make(file: Path, own: Claim, silence: float | None) -> None:
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            _write_exclusively(file, (json.dumps(asdict(own)) + "\n").encode())
            return
        with suppress(FileNotFoundError):  # it is gone by now
            found, untouched = _read(file), time.time() - file.stat().st_mtime
            if not _is_stale(found, own, untouched, silence):
                raise StorageError(_refusal(file, found))
            _remove(file, found)
    raise StorageError(_refusal(file, None))


def _write_exclusively(file: Path, content: bytes) -> None:
    """Create a file exclusively, complete with its content; without links in the file system, only exclusively."""
    temporary = beside(file)
    try:
        temporary.write_bytes(content)
        os.link(temporary, file)
    except FileExistsError:
        raise
    except OSError:
        with open(file, "xb") as stream, _removed_unless_written(file):
            stream.write(content)
            stream.flush()
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _removed_unless_written(file: Path) -> Iterator[None]:
    """Delete a claim that could not be written, as on a full disk: an empty one would block the next command."""
    try:
        yield
    except OSError:
        file.unlink(missing_ok=True)
        raise


def _remove(file: Path, stale: Claim | None) -> None:
    """Delete a stale claim; if another process has replaced it meanwhile, put the new claim back."""
    aside = beside(file)
    os.rename(file, aside)
    if _read(aside) != stale:
        with suppress(FileExistsError):
            os.link(aside, file)
    aside.unlink()


def _read(file: Path) -> Claim | None:
    """The content of a claim; None if it cannot be read, as when it is not written yet."""
    try:
        return made(Claim, parse_json(file.read_bytes()))
    except (ValueError, TypeError, RecursionError):
        return None


def _is_stale(claim: Claim | None, own: Claim, untouched: float, silence: float | None) -> bool:
    if claim and claim.host == own.host:
        return _is_gone(claim)
    if claim and claim.job and claim.job == own.job:
        return claim.begun < own.begun
    if untouched < (silence or 0):
        return False
    runs = scheduler.runs(claim.job) if claim and claim.job else None
    patience = (silence or _PATIENCE) if claim else _OFTEN  # an empty claim is written at once, or never
    return untouched > patience if runs is None else not runs


def _is_gone(claim: Claim) -> bool:
    """Whether the process of a claim of this host has ended."""
    started = _started(claim.pid)
    return started is None or started != claim.started


def _refusal(file: Path, claim: Claim | None) -> str:
    whose = f"process {claim.pid} of {claim.host} since {claim.time}" if claim else "another process"
    job = f" (job {claim.job})" if claim and claim.job else ""
    return f"{file.parent}: another process is working in this folder: {whose}{job}; if it is not, delete {file}"


def _own() -> Claim:
    variables, pid = os.environ, os.getpid()
    return Claim(
        _host(),
        pid,
        _started(pid),
        variables.get("SLURM_JOB_ID"),
        whole_number(variables.get("SLURM_RESTART_COUNT", "0")) or 0,
        time.strftime("%Y-%m-%d %H:%M:%S%z"),
    )


def _host() -> str:
    return os.environ.get("REACTIVATION_HOST") or socket.gethostname()  # tests act as several hosts by this variable


def _started(pid: int) -> str | None:
    """The boot of this machine and the time since at which a process began; None if there is no such process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        state, *others = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return None if state in "ZX" else f"{boot} {others[18]}"  # Z and X: it has ended, and its parent has not reaped it
    except (OSError, ValueError, IndexError):
        return _alive(pid)


def _alive(pid: int) -> str | None:
    """ "unknown" for a process whose start cannot be found; None if there is no such process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "unknown"
