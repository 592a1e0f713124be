"""Runs side by side: a process each, one thread each, tried again where that may help, each noted and logged.

The local launcher is a supervisor of all runs of a sweep; a job of SLURM is one of its share.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
import os
from pathlib import Path
import signal
import socket
import subprocess
import time
from typing import BinaryIO

from reactivation.machine.errors import StorageError, exit_code
from reactivation.machine.interruption import Interruption
from reactivation.storage.files import make_folder
from reactivation.sweep.plan import Sweep
from reactivation.sweep.states import CAUSES, HEARTBEAT, Attempt, cause_of, is_done, last_lines, note, sign_of_life
from reactivation.training.processes import start_command

Unit = tuple[str, ...]  # runs that go together as one stack; most often one
_POLL = 0.1  # seconds between looks at the processes


@dataclass
class _Worker:
    unit: Unit
    process: subprocess.Popen[bytes]
    line: int  # of the terminal, for a progress bar
    attempt: Attempt
    log: BinaryIO
    held: ExitStack  # its locks
    shortages: int  # of the machine's memory, so far


@dataclass
class Outcome:
    """What became of runs."""

    failed: dict[str, int]  # run → exit code
    elsewhere: list[str]  # that another process is at work on
    stopped: int = 0  # by which signal


class Supervisor:
    """Run units of a sweep in so many places at once.

    Args:
        job: of the scheduler.
        tries: how often in all to begin what may end better the next time.
        cancelled: whether somebody has called it off.
        say: what to do with a line for people.
    """

    def __init__(
        self, sweep: Sweep, places: int, tries: int, cancelled: Callable[[], bool], say: Callable[[str], None],
        job: str | None = None,
    ):  # fmt: skip
        self._sweep, self._places, self._tries, self._job = sweep, places, tries, job
        self._cancelled, self._say = cancelled, say
        self._running: list[_Worker] = []
        self._tried: dict[Unit, int] = {}
        self._outcome = Outcome({}, [])
        self._done, self._total = 0, 0

    def run(self, units: Sequence[Unit]) -> Outcome:
        """Run all, and return when all have ended; a signal or a cancellation is handed on to whatever runs.

        Raises:
            StorageError: the sweep's folder cannot be written.
        """
        waiting, self._total = list(units), len(units)
        beat = time.monotonic()
        with Interruption(with_parent=False) as interruption:
            while self._running or (waiting and not self._outcome.stopped):
                while waiting and len(self._running) < self._places and not self._outcome.stopped:
                    self._begin(waiting.pop(0))
                stop = interruption.signal or (signal.SIGTERM if self._cancelled() else 0)
                if stop and not self._outcome.stopped:
                    self._outcome.stopped = stop
                    for worker in self._running:
                        worker.process.send_signal(stop)
                for worker in tuple(self._running):
                    if (peak := _reaped(worker)) is not None:
                        waiting += self._end(worker, peak)
                if time.monotonic() - beat > HEARTBEAT:
                    beat = time.monotonic()
                    sign_of_life(self._sweep, [run for worker in self._running for run in worker.unit])
                time.sleep(_POLL)
        return self._outcome

    def _begin(self, unit: Unit) -> None:
        """Start a process for runs, unless they are done or another process has them."""
        held = ExitStack()
        try:
            locks = [held.enter_context(self._sweep.held(run)) for run in unit]
        except StorageError:
            held.close()
            self._outcome.elsewhere += unit
            return
        left = tuple(run for run in unit if not is_done(self._sweep, self._sweep.runs[run]))
        if not left:
            held.close()
            self._done += 1
            return
        attempt = Attempt(socket.gethostname(), self._job, time.time())
        log_file = self._sweep.log_file(left[0])
        make_folder(log_file.parent)
        log = open(log_file, "ab")  # noqa: SIM115 (closed when the process has ended)
        for run in left:
            note(self._sweep, run, attempt)
        free = min(set(range(self._places)) - {worker.line for worker in self._running})
        # It keeps the locks until it ends itself, should this process be killed before.
        words = ["sweep", "work", str(self._sweep.path), *left]
        process = start_command(words, free, stdout=log, stderr=log, pass_fds=locks)
        self._running.append(_Worker(left, process, free, attempt, log, held, _shortages()))

    def _end(self, worker: _Worker, peak: float) -> list[Unit]:
        """Note what became of a process; returns what is to be tried again."""
        code = exit_code(worker.process.returncode)
        worker.log.close()
        said = "\n".join(last_lines(self._sweep.log_file(worker.unit[0])))
        cause = cause_of(code, said, _shortages() > worker.shortages)
        if self._cancelled() and cause == "stopped":
            cause = "cancelled"
        ended = replace(worker.attempt, ended=time.time(), code=code, cause=cause, peak=peak)
        for run in worker.unit:
            note(self._sweep, run, ended)
        worker.held.close()
        self._running.remove(worker)
        self._tried[worker.unit] = self._tried.get(worker.unit, 0) + 1
        name = ", ".join(worker.unit)
        if cause is None:
            self._done += 1
            self._say(f"{self._done}/{self._total} {name}: done in {time.time() - ended.began:.0f} s")
            return []
        if CAUSES[cause].again and not self._outcome.stopped and self._tried[worker.unit] < self._tries:
            self._say(f"{name}: {CAUSES[cause].advice.split(';')[0]}; trying again")
            return [worker.unit]
        if not (self._outcome.stopped and cause in ("stopped", "cancelled")):
            self._outcome.failed |= {run: code for run in worker.unit if not is_done(self._sweep, self._sweep.runs[run])}
            self._say(f"{name}: {cause} (exit code {code})")
        return []


def _reaped(worker: _Worker) -> float | None:
    """The memory that a process took at most [MB], once it has ended."""
    number, status, usage = os.wait4(worker.process.pid, os.WNOHANG)
    if number == 0:
        return None
    worker.process.returncode = os.waitstatus_to_exitcode(status)
    return round(usage.ru_maxrss / 1024)


def _shortages() -> int:
    """How many processes the machine, or the container, has killed for want of memory."""
    for file, key in (("/sys/fs/cgroup/memory.events", "oom_kill"), ("/proc/vmstat", "oom_kill")):
        with suppress(OSError):
            lines = dict(line.split() for line in Path(file).read_text().splitlines())
            if key in lines:
                return int(lines[key])
    return 0
