"""Claims on a folder that hold between machines, where locks of a shared file system often do not.

A claim is a file that is made exclusively. It says who works in the folder: host, process, job, time. It goes when the work
ends; after a kill it stays, and is believed until it is known to be stale: by the processes of its own host, by the
scheduler if it is of a job, or because nobody has touched it for long, which who works does at every look.
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
_PATIENCE = 24 * 3600  # seconds after which a claim of another host that nobody touched is stale
_OFTEN = 60  # seconds between touches
_TRIES = 3  # to make a claim, where others make and leave theirs meanwhile


@dataclass(frozen=True)
class Claim:
    """Say who works in a folder."""

    host: str
    pid: int
    started: str | None  # what tells this process from another that is given its number later; None where nobody knows
    job: str | None  # of the scheduler
    begun: int  # how often that job had been begun anew
    time: str


def is_claimed(folder: Path) -> bool:
    """Whether there is a claim on a folder, stale or not."""
    return (folder / _NAME).exists()


def is_left_behind(folder: Path, name: str = _NAME) -> bool:
    """Whether a claim is of a process of this host that is gone."""
    with suppress(OSError):
        claim = _read(folder / name)
        return claim is not None and claim.host == _host() and _is_gone(claim)
    return False


@contextmanager
def claimed(folder: Path, name: str = _NAME, silence: float | None = None) -> Iterator[Callable[[], None]]:
    """Keep the processes of other machines that ask for the same claim out of a folder.

    Gives what keeps the claim fresh when it is called.

    Args:
        silence: seconds since the last touch after which a claim of another host is stale, unless the scheduler knows its
            job, and before which nobody asks; None for a day, where the scheduler is asked at once.

    Raises:
        StorageError: another process has a claim that is not known to be stale, or none can be made.
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
    """Touch a claim, if the last time is some time ago.

    Raises:
        StorageError: another process has taken the folder over, as of one that had been halted for long.
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
    """Make a file with all its content, or, where a file system has no links, at least as nobody else can."""
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
    """Leave no claim that says nothing, as on a full disk: it would keep the folder from the next command."""
    try:
        yield
    except OSError:
        file.unlink(missing_ok=True)
        raise


def _remove(file: Path, stale: Claim | None) -> None:
    """Take a stale claim away; one that another process has put in its place meanwhile goes back there."""
    aside = beside(file)
    os.rename(file, aside)
    if _read(aside) != stale:
        with suppress(FileExistsError):
            os.link(aside, file)
    aside.unlink()


def _read(file: Path) -> Claim | None:
    """What a claim says; None if it says nothing, as one that was begun and not written."""
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
    patience = (silence or _PATIENCE) if claim else _OFTEN  # one that says nothing is written at once, or never
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
    return os.environ.get("REACTIVATION_HOST") or socket.gethostname()  # tests are several hosts by this variable


def _started(pid: int) -> str | None:
    """The boot of this machine and the moment of it at which a process began; None if there is no such process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        state, *others = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return None if state in "ZX" else f"{boot} {others[18]}"  # one that has ended may wait for its parent's notice
    except (OSError, ValueError, IndexError):
        return _alive(pid)


def _alive(pid: int) -> str | None:
    """Where nothing tells when a process began: whether it is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "unknown"
