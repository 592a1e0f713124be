"""The states of the runs of a sweep: by their folders first, then by the notes of supervisors, last by the scheduler.

So finished runs are known without a scheduler, and if it does not answer or has forgotten their jobs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import os
from pathlib import Path
import time
from typing import Any, NamedTuple

from reactivation.machine.errors import SIGNAL_BASE, BadInput, DamagedData, StorageError
from reactivation.machine.interruption import SIGNALS
from reactivation.storage.card import FINISHED as TRAINED
from reactivation.storage.card import Card, read_card
from reactivation.storage.fields import made
from reactivation.storage.files import make_folder, read_json, to_json, write_atomically
from reactivation.sweep.folder import SILENCE, PlannedRun, Sweep

NEW, PARTIAL, WAITING, RUNNING, FAILED, FINISHED = "new", "partial", "waiting", "running", "failed", "finished"
STATES = (FINISHED, RUNNING, WAITING, PARTIAL, NEW, FAILED)


class Cause(NamedTuple):
    """Why a run has not ended as it should."""

    again: bool  # whether another try may help with nothing changed
    advice: str
    wanted: bool = False  # a user ended it


CAUSES = {
    "input": Cause(False, "its settings cannot be used: mend the line"),
    "data": Cause(False, "see the last lines of its log"),
    "storage": Cause(False, "make room or give permission, then the same line again"),
    "memory": Cause(False, "out of memory: give launcher.memory=..., or a smaller task.batch_size"),
    "error": Cause(False, "an error of the program: see the last lines of its log"),
    "cancelled": Cause(False, "it was cancelled; the same line goes on", wanted=True),
    "time": Cause(True, "its time was up: the same line goes on; or give more with launcher.time=..."),
    "node": Cause(True, "its node failed; the same line goes on"),
    "preempted": Cause(True, "it had to make room for others; the same line goes on"),
    "killed": Cause(True, "it was killed, or its machine went down; the same line goes on"),
    "stopped": Cause(True, "it was told to end, and saved; the same line goes on", wanted=True),
}
_SHORTAGE = "not enough memory"  # in a training's own message
_OF_CODES = {BadInput.exit_code: "input", DamagedData.exit_code: "data", StorageError.exit_code: "storage"}
_LARGEST_CODE = 255
_STOPPED, _KILLED = tuple(SIGNAL_BASE + number for number in SIGNALS), SIGNAL_BASE + 9


@dataclass(frozen=True)
class Attempt:
    """Note an attempt at a run."""

    host: str
    job: str | None  # of the scheduler
    submission: int
    reached: int  # how far the run was when the attempt began: see `reached`
    began: float  # [s] since 1970, as `ended`
    ended: float | None = None
    code: int | None = None
    cause: str | None = None  # None for an attempt that succeeded or has not ended
    peak: float | None = None  # memory [MB]

    @property
    def is_sound(self) -> bool:
        """Whether its exit code and cause are possible ones."""
        return (self.code is None or 0 <= self.code <= _LARGEST_CODE) and (self.cause is None or self.cause in CAUSES)


@dataclass(frozen=True)
class State:
    """Hold the state of a run."""

    run: str
    name: str  # one of STATES
    step: int = 0
    last: int = 0  # step at which its training ends
    cause: str | None = None
    tried: tuple[Attempt, ...] = ()

    @property
    def ended(self) -> float:
        """When the last attempt ended [s since 1970]; 0 where none has."""
        return max((attempt.ended or 0.0 for attempt in self.tried), default=0.0)

    @property
    def seconds(self) -> float | None:
        """How long a finished run took; None if it needed several attempts."""
        if self.name != FINISHED or len(self.tried) != 1:
            return None
        return self.ended - self.tried[0].began


def cause_of(code: int, said: str, shortage: bool) -> str | None:
    """The cause of a process's end; None if it succeeded.

    Args:
        code: its exit code.
        said: the last lines that it printed.
        shortage: whether a process was killed because memory ran out since it began.
    """
    if code == 0:
        return None
    if _SHORTAGE in said or (code == _KILLED and shortage):
        return "memory"
    if code in _STOPPED:
        return "stopped"
    return "killed" if code == _KILLED else _OF_CODES.get(code, "error")


def attempts(sweep: Sweep, run: str) -> tuple[Attempt, ...]:
    """The attempts at a run; none if the file of attempts is damaged."""
    try:
        noted = tuple(made(Attempt, entry) for entry in read_json(sweep.state_file(run), list))
    except (DamagedData, TypeError):
        return ()
    return noted if all(attempt.is_sound for attempt in noted) else ()


def in_vain(tried: Sequence[Attempt], submission: int, reached: int) -> int:
    """How many attempts of a submission began at the point that the run has reached now."""
    return [(attempt.submission, attempt.reached) for attempt in tried].count((submission, reached))


def reached(sweep: Sweep, run: str) -> int:
    """How far a run is: its step plus the number of its results that exist."""
    card = _card(sweep, run)
    return (card.step if card else 0) + sum((sweep.path / file).exists() for file in sweep.runs[run].files)


def note(sweep: Sweep, run: str, attempt: Attempt) -> None:
    """Add an attempt to the notes, or replace the entry that began at the same time on the same host.

    Raises:
        StorageError: the notes cannot be written.
    """
    file = sweep.state_file(run)
    make_folder(file.parent)
    before = [other for other in attempts(sweep, run) if (other.began, other.host) != (attempt.began, attempt.host)]
    write_atomically(file, to_json([asdict(other) for other in (*before, attempt)]))


def sign_of_life(sweep: Sweep, runs: Iterable[str]) -> None:
    """Touch the notes of runs, which shows that their processes live."""
    for run in runs:
        os.utime(sweep.state_file(run))


def last_lines(file: Path, lines: int = 5) -> list[str]:
    """The last lines of a log, as a terminal would show them."""
    try:
        with open(file, "rb") as stream:
            stream.seek(max(0, file.stat().st_size - 4096))
            text = stream.read().decode(errors="replace")
    except OSError:
        return []
    return [line.split("\r")[-1] for line in text.split("\n") if line.strip()][-lines:]


def is_done(sweep: Sweep, run: PlannedRun, results: frozenset[str] | None = None) -> bool:
    """Whether a run is trained, and its results exist (`results`: the existing files of all runs, if known)."""
    card = _card(sweep, run.name)
    return card is not None and card.state == TRAINED and _measured(sweep, run, results)


def _measured(sweep: Sweep, run: PlannedRun, results: frozenset[str] | None) -> bool:
    return all(file in results if results is not None else (sweep.path / file).exists() for file in run.files)


def _card(sweep: Sweep, run: str) -> Card | None:
    folder = sweep.folder(run)
    try:
        return read_card(folder) if folder.has_begun() else None
    except DamagedData:
        return None


def states(sweep: Sweep, scheduled: Callable[[str], str | None], answers: bool = True) -> list[State]:
    """The states of all runs.

    Args:
        scheduled: run → what the scheduler, or a job's log, says of the last job of the run: WAITING, RUNNING, a cause, or
            None.
        answers: whether the scheduler answers, so that runs without a word from it are known not to wait.
    """
    results = frozenset(f"{file.parent.name}/{file.name}" for file in sweep.path.glob("*/*.json"))
    return [_state(sweep, run, scheduled, answers, results) for run in sweep.runs.values()]


def _state(
    sweep: Sweep, run: PlannedRun, scheduled: Callable[[str], str | None], answers: bool, results: frozenset[str]
) -> State:
    card, tried = _card(sweep, run.name), attempts(sweep, run.name)
    step, end = (card.step, card.settings["trainer.n_epochs"]) if card else (0, 0)
    state = State(run.name, PARTIAL if card else NEW, step, end, tried=tried)
    if card and card.state == TRAINED and _measured(sweep, run, results):
        return replace(state, name=FINISHED)
    said, last = scheduled(run.name), tried[-1] if tried else None
    if said == WAITING or (said == RUNNING and (last is None or last.cause is None or CAUSES[last.cause].again)):
        return replace(state, name=said)
    if said not in CAUSES and last and last.ended is None and _is_at_work(sweep, run.name):
        return replace(state, name=RUNNING)
    cause = _cause(last, said)
    is_open = cause is None or CAUSES[cause].wanted or (CAUSES[cause].again and not answers)
    return replace(state, cause=cause, name=state.name if is_open else FAILED)


def silence(sweep: Sweep, run: str) -> float:
    """Time since the last sign of life of a run [s]; 0 if it was never begun."""
    file = sweep.state_file(run)
    return time.time() - file.stat().st_mtime if file.exists() else 0.0


def _is_at_work(sweep: Sweep, run: str) -> bool:
    """Whether a run's supervisor or process lives: by its last sign of life, unless it was killed on this machine since."""
    return silence(sweep, run) < SILENCE and not sweep.is_left_behind(run)


def _cause(last: Attempt | None, said: str | None) -> str | None:
    """Why no process works on a run: by the last attempt, or by the scheduler where the attempt could not be noted."""
    known = said if said in CAUSES else None
    if last is None:
        return known
    if last.ended is None:
        return known or "killed"
    if known == "cancelled" and last.cause and CAUSES[last.cause].again:
        return known  # it was cancelled while it waited for another attempt
    return known if last.cause == "stopped" and known not in (None, "killed") else last.cause


def counted(found: Iterable[State]) -> dict[str, int]:
    """How many runs are in each state that occurs."""
    names = [state.name for state in found]
    return {name: names.count(name) for name in STATES if name in names}


def summary(counts: Mapping[str, Any]) -> str:
    """ "12 runs: 8 finished, 4 new"."""
    total = sum(counts.values())
    return f"{total} run{'s' if total > 1 else ''}: " + ", ".join(f"{count} {name}" for name, count in counts.items())
