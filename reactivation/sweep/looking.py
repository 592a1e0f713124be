"""Looking at a sweep, and cancelling it: `sweep.py status`, `cancel` and `logs`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import sys
import time

from reactivation.machine.errors import BadInput, SomeFailed
from reactivation.settings.declaring import setting
from reactivation.settings.layers import RESULTS, resolve_plain
from reactivation.settings.reading import COMMAND_LINE, parse_arguments, refuse_idle, require_printable
from reactivation.sweep import slurm
from reactivation.sweep.folder import HEARTBEAT, SILENCE, Sweep, found_sweep, run_of
from reactivation.sweep.slurm import Scheduled
from reactivation.sweep.states import (
    CAUSES,
    FAILED,
    FINISHED,
    NEW,
    PARTIAL,
    RUNNING,
    WAITING,
    State,
    attempts,
    counted,
    last_lines,
    silence,
    states,
    summary,
)
from reactivation.sweep.submissions import call_off, is_called_off, submissions

_SHOWN = 20  # runs listed per state
_LOG_LINES = 200
_WATCH = 5.0  # seconds between two looks


@dataclass
class Settings:
    """Settings of `sweep.py status`, `cancel` and `logs`."""

    name: str | None = setting(None, "name of the sweep; null: the last", file_name=True)
    watch: bool = setting(False, "look again and again until nothing runs or waits; Ctrl-C leaves the runs alone")
    path: str = setting(RESULTS, "root of the results", folder=True)


def look(command: str, words: list[str]) -> None:
    """Run one of `COMMANDS` on the words typed after it.

    Raises:
        BadInput: no such sweep, or no such run.
        SomeFailed: a run failed.
    """
    for word in words:
        require_printable(word)
    named = [word for word in words if "=" not in word]
    settings: Settings = resolve_plain(Settings, parse_arguments([word for word in words if "=" in word]))
    run, taken = COMMANDS[command]
    refuse_idle(words, taken, command)
    run(named, settings)


def stand(sweep: Sweep, scheduled: Scheduled | None = None) -> list[State]:
    """The states of all runs, by their folders, notes and the scheduler; `scheduled`, if given, saves asking that."""
    scheduled = scheduled or slurm.scheduled(sweep)
    return states(sweep, scheduled.of, scheduled.answers)


def show(sweep: Sweep) -> None:
    """Print the state of a sweep; write its table if all runs have ended, some of them after the table was written.

    Raises:
        SomeFailed: a run failed.
    """
    scheduled = slurm.scheduled(sweep)
    found = stand(sweep, scheduled)
    print(f"{sweep.path}: {summary(counted(found))}", flush=True)
    if not scheduled.answers:
        print("the scheduler does not answer: what waits or runs there may be counted as new, partial or failed")
    for state in [state for state in found if state.name in (RUNNING, PARTIAL) or (state.name == NEW and state.cause)][
        :_SHOWN
    ]:
        print("; ".join([f"  {state.name} {state.run}", *_further(sweep, state)]))
    failed = [state for state in found if state.name == FAILED]
    for state in failed[:_SHOWN]:
        print(f"  {state.run}: {state.cause}; {CAUSES[state.cause or 'error'].advice}")
        print(*(f"    | {line}" for file in _logs(sweep, state.run) for line in last_lines(file)), sep="\n")
    if len(failed) > _SHOWN:
        print(f"  and {len(failed) - _SHOWN} more")
    _write_table(sweep, found)
    if failed:
        codes = [state.tried[-1].code for state in failed if state.tried and state.tried[-1].code]
        raise SomeFailed(f"{len(failed)} of {len(found)} runs failed", codes[0] if codes else 1)


def _further(sweep: Sweep, state: State) -> Iterator[str]:
    """The step of a run, why no process works on it, and whether its process has given no sign of life."""
    if state.last:
        yield f"step {state.step}/{state.last}"
    if state.cause:
        yield CAUSES[state.cause].advice
    if state.name == RUNNING and (silent := silence(sweep, state.run)) > 3 * HEARTBEAT:
        yield f"no sign of life for {silent:.0f} s (after {SILENCE:.0f} s it counts as killed)"


def _write_table(sweep: Sweep, found: list[State]) -> None:
    """Write the table, unless runs are still active, none is finished, or the table is up to date."""
    names, file = {state.name for state in found}, sweep.table_file
    if names & {RUNNING, WAITING} or FINISHED not in names:
        return
    if not file.exists() or file.stat().st_mtime < max(state.ended for state in found):
        from reactivation.sweep.table import write_table

        _, files = write_table(sweep)
        print(*files, sep="\n")


def _logs(sweep: Sweep, run: str) -> list[Path]:
    """The log of a run, and that of the last job that made it."""
    jobs = [attempt.job for attempt in attempts(sweep, run) if attempt.job]
    jobs += [submission.job_of()[run] for submission in submissions(sweep) if run in submission.job_of()]
    files = [sweep.log_file(run), *(slurm.job_log(sweep, job) for job in jobs[-1:])]
    return [file for file in files if file.exists()]


def _status(named: list[str], settings: Settings) -> None:
    sweep = _sweep(named, settings)
    while settings.watch:
        counts = counted(stand(sweep))
        print(f"{time.strftime('%H:%M:%S')} {summary(counts)}", flush=True)
        if not {RUNNING, WAITING} & set(counts):
            break
        time.sleep(_WATCH)
    show(sweep)


def _cancel(named: list[str], settings: Settings) -> None:
    sweep = _sweep(named, settings)
    open_ones = [submission for submission in submissions(sweep) if not is_called_off(sweep, submission)]
    for submission in open_ones:
        call_off(sweep, submission)
    slurm.cancel([submission.job for submission in open_ones if submission.job])
    print(f"{sweep.path}: called off; what runs saves and ends, and the same line goes on")


def _show_logs(named: list[str], settings: Settings) -> None:
    if len(named) != 1:
        raise BadInput("logs takes a run, or a part of its name: logs RUN [name=NAME]")
    sweep = found_sweep(settings.name, settings.path)
    run = run_of(sweep.runs, named[0])
    for file in _logs(sweep, run):
        print(file, *last_lines(file, _LOG_LINES), sep="\n")
    count = len(attempts(sweep, run))
    print(f"{run}: {count} attempt{'' if count == 1 else 's'}", file=sys.stderr)


def _sweep(named: list[str], settings: Settings) -> Sweep:
    named = [*named, *filter(None, [settings.name])]
    if len(named) > 1:
        raise BadInput(f"{COMMAND_LINE}: {' '.join(named)}: one sweep at a time")
    return found_sweep(named[0] if named else None, settings.path)


# Each with the keys that it takes.
COMMANDS = {
    "status": (_status, ("name", "watch", "path")),
    "cancel": (_cancel, ("name", "path")),
    "logs": (_show_logs, ("name", "path")),
}
