"""Runs side by side, each in a process of one thread. Attempts are noted and logged, and repeated where that may help.

The local launcher is a supervisor of all runs of a sweep; a SLURM job is a supervisor of the job's share of them.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
import os
import signal
import socket
import subprocess
import time
from typing import BinaryIO

from reactivation.machine.control_groups import memory_kills
from reactivation.machine.errors import SIGNAL_BASE, StorageError, exit_code
from reactivation.machine.interruption import Interruption
from reactivation.storage.files import make_folder
from reactivation.sweep.folder import HEARTBEAT, Hold, Sweep
from reactivation.sweep.states import (
    CAUSES,
    Attempt,
    attempts,
    cause_of,
    in_vain,
    is_done,
    last_lines,
    note,
    reached,
    sign_of_life,
)
from reactivation.sweep.submissions import Submission, is_called_off
from reactivation.training.processes import start_command

Unit = tuple[str, ...]  # runs that go together as one stack; most often one
_POLL = 0.1  # seconds between looks at the processes
_LOOK = 2.0  # seconds between looks at files of other processes, which may be on a shared file system


@dataclass
class _Worker:
    unit: Unit
    process: subprocess.Popen[bytes]
    line: int  # of the terminal, for a progress bar
    attempt: Attempt
    log: BinaryIO
    held: ExitStack  # releases its locks and claims
    holds: Sequence[Hold]  # its locks and claims
    kills: int  # `memory_kills` when it began


@dataclass
class Outcome:
    """The outcome of a supervisor's runs."""

    failed: dict[str, int] = field(default_factory=dict)  # run → exit code
    elsewhere: list[str] = field(default_factory=list)  # runs that another process works on
    stopped: int = 0  # the signal that stopped the supervisor, or 0
    left: bool = False  # whether runs are left that may be started again


class Supervisor:
    """Run units of a sweep in so many slots, one process each.

    Args:
        patience: how long to wait for runs that another process works on [s].
        why_told: called once after a signal; returns its cause.
        say: prints a line for users.
        job: the scheduler's job, if this is one.
    """

    def __init__(
        self, sweep: Sweep, submission: Submission, slots: int, patience: float, why_told: Callable[[], str],
        say: Callable[[str], None], job: str | None = None,
    ):  # fmt: skip
        self._sweep, self._submission, self._slots, self._job = sweep, submission, slots, job
        self._patience, self._why_told, self._say = patience, why_told, say
        self._running: list[_Worker] = []
        self._outcome = Outcome()
        self._told = "stopped"  # the cause, once a signal has come
        self._done, self._total = 0, 0

    def run(self, units: Sequence[Unit]) -> Outcome:
        """Run all units, and return when all have ended; signals and cancellations are passed on to running processes.

        Raises:
            StorageError: the sweep's folder cannot be written.
        """
        waiting, self._total = list(units), len(units)
        began = beat = look = time.monotonic()
        with Interruption(with_parent=False) as interruption:
            while self._running or (waiting and not self._outcome.stopped):
                now = time.monotonic()
                if not self._outcome.stopped and now >= look:
                    look = now + _LOOK
                    self._stop(signal.SIGTERM if is_called_off(self._sweep, self._submission) else 0)
                    waiting = self._fill(waiting, now - began < self._patience)
                self._stop(interruption.signal)
                for worker in tuple(self._running):
                    if (peak := _reaped(worker)) is not None:
                        waiting += self._end(worker, peak)
                        look = now  # there is a free slot
                if now - beat > HEARTBEAT:
                    beat = now
                    self._show_life()
                time.sleep(_POLL)
        self._outcome.left |= bool(waiting)
        return self._outcome

    def _show_life(self) -> None:
        sign_of_life(self._sweep, [run for worker in self._running for run in worker.unit])
        for hold in [hold for worker in self._running for hold in worker.holds]:
            with suppress(StorageError):  # if it was taken over after a long halt, the claim of the run folder still counts
                hold.touch()

    def _fill(self, waiting: list[Unit], patient: bool) -> list[Unit]:
        """Start units while there are free slots; return those that still wait."""
        held = []
        while waiting and len(self._running) < self._slots and not self._outcome.stopped:
            unit, *waiting = waiting
            if not self._begin(unit):
                held.append(unit)
        if not patient:
            self._outcome.elsewhere += [run for unit in held for run in unit]
            return waiting
        return waiting + held

    def _stop(self, number: int) -> None:
        """Pass the first signal on to all processes; ignore later ones."""
        if not number or self._outcome.stopped:
            return
        self._outcome.stopped = number
        for worker in self._running:
            worker.process.send_signal(number)
        self._told = "cancelled" if is_called_off(self._sweep, self._submission) else self._why_told()

    def _begin(self, unit: Unit) -> bool:
        """Start a process for runs, unless they are done or were tried often enough; False if another process has them."""
        held = ExitStack()
        try:
            holds = [held.enter_context(self._sweep.held(run)) for run in unit]
        except StorageError:
            held.close()
            return False
        left = tuple(run for run in unit if not is_done(self._sweep, self._sweep.runs[run]))
        spent = [run for run in left if not self._may_begin(run)]
        if not left or spent:
            held.close()
            if not left:
                self._done += 1
                self._say(f"{self._done}/{self._total} {', '.join(unit)}: done by another process")
            self._outcome.failed |= {
                run: attempts(self._sweep, run)[-1].code or SIGNAL_BASE + signal.SIGKILL for run in spent
            }
            return True
        log_file = self._sweep.log_file(left[0])
        make_folder(log_file.parent)
        log = open(log_file, "ab")  # noqa: SIM115 (closed when the process has ended)
        attempt = Attempt(socket.gethostname(), self._job, self._submission.number, 0, time.time())
        for run in left:
            note(self._sweep, run, replace(attempt, reached=reached(self._sweep, run)))
        free = min(set(range(self._slots)) - {worker.line for worker in self._running})
        # The process inherits the locks, so it keeps them even if this supervisor is killed.
        words = ["sweep", "work", str(self._sweep.path), *left]
        process = start_command(words, free, stdout=log, stderr=log, pass_fds=[hold.lock for hold in holds])
        self._running.append(_Worker(left, process, free, attempt, log, held, holds, memory_kills()))
        return True

    def _may_begin(self, run: str) -> bool:
        tried = in_vain(attempts(self._sweep, run), self._submission.number, reached(self._sweep, run))
        return tried < self._submission.tries

    def _end(self, worker: _Worker, peak: float) -> list[Unit]:
        """Note how a process ended; return the units to try again."""
        code = exit_code(worker.process.returncode)
        worker.log.close()
        said = "\n".join(last_lines(self._sweep.log_file(worker.unit[0])))
        cause = cause_of(code, said, memory_kills() > worker.kills)
        if self._outcome.stopped and cause == "stopped":
            cause = self._told
        for run in worker.unit:
            begun = attempts(self._sweep, run)[-1]
            note(self._sweep, run, replace(begun, ended=time.time(), code=code, cause=cause, peak=peak))
        worker.held.close()
        self._running.remove(worker)
        name = ", ".join(worker.unit)
        if cause is None:
            self._done += 1
            self._say(f"{self._done}/{self._total} {name}: done in {time.time() - worker.attempt.began:.0f} s")
            return []
        again = CAUSES[cause].again and all(map(self._may_begin, worker.unit))
        if self._outcome.stopped and (CAUSES[cause].again or CAUSES[cause].wanted):
            self._outcome.left |= again
        elif again:
            self._say(f"{name}: {CAUSES[cause].advice.split(';')[0]}; trying again")
            return [worker.unit]
        else:
            self._outcome.failed |= {run: code for run in worker.unit if not is_done(self._sweep, self._sweep.runs[run])}
            self._say(f"{name}: {cause} (exit code {code})")
        return []


def _reaped(worker: _Worker) -> float | None:
    """The peak memory of a process [MB] if it has ended, else None."""
    number, status, usage = os.wait4(worker.process.pid, os.WNOHANG)
    if number == 0:
        return None
    worker.process.returncode = os.waitstatus_to_exitcode(status)
    return round(usage.ru_maxrss / 1024)
