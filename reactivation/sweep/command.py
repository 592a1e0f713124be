"""Train and analyse every combination of lists of settings, here or on a SLURM cluster.

    python sweep.py config=<task>/<a>,<task>/<b> seed=0..4 rnn.sigma=0.05,0.1 [key=values ...] [name=...] [dry_run=true]
    python sweep.py config=... seed=0..4 then='kl variance' variance_gain=1,2       each network analysed once it is there
    python sweep.py file=sweep.yml [key=values ...]          grid: {key: [values]}, list: [{key: value, ...}], then: [kl]
    python sweep.py ... launcher=slurm launcher.time=4:00:00 launcher.memory=4G
    python sweep.py status [NAME] [watch=true]
    python sweep.py cancel [NAME]
    python sweep.py logs RUN [name=NAME]                     a part of its name will do

Any key of train.py takes values: a,b,c or 0..4; what stands in [brackets] is one. With then=, keys of analyses do, too (of
one alone: kl.variance_gain=1,2). A sweep lives in results/sweeps/<name>/ with plan, states, logs and table; its runs lie
there as under results/, named by what varies. Kill it at any time: the same line goes on, leaves what is finished, and
starts nothing twice. `status` is answered from the folder, and by the scheduler where that answers. No NAME: the last.
Tables: python runs.py path=results/sweeps/NAME of=results.

Exit codes: 0 done (slurm: handed over); 2 bad input; 130 and 143 interrupted after saving; else that of the first run that
failed.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
import sys
import time

from reactivation.machine import cores
from reactivation.machine.errors import BadInput, Interrupted, SomeFailed, StorageError
from reactivation.machine.places import as_typed, refuse_published
from reactivation.settings.declaring import nearest, setting
from reactivation.settings.layers import RESULTS, TrainConfig, describe, resolve_plain
from reactivation.settings.reading import COMMAND_LINE, parse_arguments
from reactivation.storage.files import locked, make_folder
from reactivation.sweep import slurm
from reactivation.sweep.cost import cost
from reactivation.sweep.grid import grid_of
from reactivation.sweep.plan import Sweep, default_name, plan, run_of, sweep_folder
from reactivation.sweep.states import (
    CAUSES,
    FAILED,
    FINISHED,
    PARTIAL,
    RUNNING,
    WAITING,
    State,
    attempts,
    counted,
    last_lines,
    states,
    summary,
)
from reactivation.sweep.submissions import (
    LOCAL,
    SLURM,
    Launcher,
    Submission,
    call_off,
    is_called_off,
    new_submissions,
    read_submission,
    submissions,
    write_submission,
)
from reactivation.sweep.supervisor import Outcome, Supervisor
from reactivation.training.processes import places_on

_SHOWN = 20  # runs that are listed of a state
_LOG_LINES = 200
_WATCH = 5.0  # seconds between two looks
_PLANNING = 60.0  # seconds to wait for another process that plans the same sweep
_GROUP = "launcher."


@dataclass
class Settings:
    """Settings of `sweep.py` beside those that vary."""

    name: str | None = setting(None, "name of the sweep; null: made from what varies", file_name=True)
    file: str | None = setting(None, "YAML file with grid:, list:, then:")
    then: str | None = setting(None, "analyses of each run, as in 'kl variance'")
    dry_run: bool = setting(False, "show the plan and stop")
    path: str = setting(RESULTS, "root of the results")


@dataclass
class Looking:
    """Settings of `sweep.py status`, `cancel` and `logs`."""

    name: str | None = setting(None, "name of the sweep; null: the last", file_name=True)
    watch: bool = setting(False, "look again and again until nothing runs or waits; Ctrl-C leaves the runs alone")
    path: str = setting(RESULTS, "root of the results")


def main(words: list[str]) -> None:
    """Plan, show, start; or look at what was started.

    Raises:
        UserError: as everywhere; SomeFailed where a run failed.
    """
    first, *rest = words or ["--help"]
    if {"--help", "-h"} & set(words):
        print(as_typed(__doc__ or ""), "Keys: name, type, default, meaning", *describe(Settings()), sep="\n")
        print(*describe(Launcher(), _GROUP), sep="\n")
    elif first == "work":  # in a process of its own, as a supervisor starts it
        from reactivation.sweep.work import work

        work(Sweep(Path(rest[0])), rest[1:])
    elif first == "job":  # as the script of a job has it
        _job(Sweep(Path(rest[0])), int(rest[1]), int(rest[2]))
    elif first in _LOOKS:
        named = [word for word in rest if "=" not in word]
        looking: Looking = resolve_plain(Looking, parse_arguments([word for word in rest if "=" in word]))
        _LOOKS[first](named, looking)
    else:
        _start(words)


def _start(words: list[str]) -> None:
    arguments = parse_arguments(words)
    own = {f.name for f in fields(Settings)}
    settings: Settings = resolve_plain(Settings, {key: value for key, value in arguments.items() if key in own})
    launching = {key: value for key, value in arguments.items() if key == "launcher" or key.startswith(_GROUP)}
    launcher = _launcher(launching)
    varied = {key: value for key, value in arguments.items() if key not in own and key not in launching}
    grid = grid_of(varied, settings.file, settings.then)
    planned = list(plan(grid))
    runs, configs = [run for run, _ in planned], {run.name: config for run, config in planned}
    sweep = Sweep(sweep_folder(settings.name or default_name(grid, runs), settings.path))
    refuse_published(sweep.path)
    sweep.take_plan(runs)
    found = states(sweep, slurm.scheduled(sweep))
    _show_plan(sweep, found, configs)
    if settings.dry_run:
        return
    make_folder(sweep.path)
    with _planning(sweep):
        if sweep.take_plan(runs):
            sweep.write_plan()
        handed = new_submissions(sweep, _to_do(states(sweep, slurm.scheduled(sweep)), launcher), launcher)
        if launcher.launcher == SLURM:
            _submit(sweep, handed, launcher)
    for submission in handed if launcher.launcher == LOCAL else ():
        device = next(iter(configs.values())).device
        outcome = _supervised(sweep, submission, submission.jobs[0], places_on(device))
        _end(sweep, outcome)
    if not handed:
        _look(sweep)


def _launcher(arguments: Mapping[str, str]) -> Launcher:
    settings = {key.removeprefix(_GROUP): value for key, value in arguments.items()}
    known = [f.name for f in fields(Launcher)]
    if unknown := settings.keys() - known:
        raise BadInput(f"{COMMAND_LINE}: unknown key {_GROUP}{min(unknown)}; {nearest(min(unknown), known)}")
    launcher: Launcher = resolve_plain(Launcher, settings)
    return launcher


def _show_plan(sweep: Sweep, found: list[State], configs: Mapping[str, TrainConfig]) -> None:
    counts = counted(found)
    analyses = sum(len(run.analyses) for run in sweep.runs.values())
    print(f"{sweep.path}: {summary(counts)}" + (f"; {analyses} analyses" if analyses else ""))
    if set(counts) - {FINISHED}:
        print(f"left: {cost(sweep, configs, found)}", flush=True)


def _to_do(found: Iterable[State], launcher: Launcher) -> list[str]:
    """What to hand over. What seems to run may have been killed a moment ago: here its lock tells, a cluster has to wait."""
    alive = {FINISHED, WAITING} | ({RUNNING} if launcher.launcher == SLURM else set())
    return [state.run for state in found if state.name not in alive]


@contextmanager
def _planning(sweep: Sweep) -> Iterator[None]:
    """Keep others from handing over runs of the same sweep meanwhile; waits for one that is at it.

    Raises:
        StorageError: it takes too long.
    """
    deadline = time.monotonic() + _PLANNING
    while True:
        try:
            with locked(sweep.path):
                yield
                return
        except StorageError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _submit(sweep: Sweep, handed: list[Submission], launcher: Launcher) -> None:
    at_once = launcher.at_once and max(1, launcher.at_once // len(handed))
    for submission in handed:
        try:
            job = slurm.submit(sweep, submission, launcher, at_once)
        except BadInput:
            sweep.submission_file(submission.number).unlink()
            raise
        write_submission(sweep, replace(submission, job=job))
        print(f"job {job}: {len(submission.jobs)} jobs; {as_typed('python sweep.py')} status {sweep.path.name}")


def _supervised(sweep: Sweep, submission: Submission, units: tuple[tuple[str, ...], ...], places: int) -> Outcome:
    job = slurm.this_job() if submission.launcher == SLURM else None
    return Supervisor(
        sweep, places, submission.tries, lambda: is_called_off(sweep, submission), lambda line: print(line, flush=True), job
    ).run(units)


def _end(sweep: Sweep, outcome: Outcome) -> None:
    """Say what became of a local sweep, and write its table."""
    from reactivation.analysis.runs_table import RESULTS_OF_RUNS, RUNS, runs_table

    if outcome.stopped and not outcome.failed:
        raise Interrupted("all runs have saved or ended; the same line goes on", outcome.stopped)
    if outcome.elsewhere:
        print(f"{len(outcome.elsewhere)} runs are left to the process that is at work on them")
    of = RESULTS_OF_RUNS if any(run.analyses for run in sweep.runs.values()) else RUNS
    runs_table(sweep.path, of).to_csv(sweep.table_file)
    print(sweep.table_file)
    _look(sweep)


def _job(sweep: Sweep, number: int, index: int) -> None:
    """What a job of a scheduler does.

    Raises:
        SomeFailed, Interrupted: as the local launcher.
    """
    submission = read_submission(sweep, number)
    if is_called_off(sweep, submission):
        print("called off")
        return
    outcome = _supervised(sweep, submission, submission.jobs[index], 1 if submission.gpus else cores.available())
    if outcome.stopped and not is_called_off(sweep, submission):
        again = slurm.requeue_this(submission.tries)
        raise Interrupted("saved; " + ("queued again" if again else "the same line goes on"), outcome.stopped)
    if outcome.failed:
        raise SomeFailed(f"failed: {', '.join(outcome.failed)}", next(iter(outcome.failed.values())))


def _look(sweep: Sweep) -> list[State]:
    """Print how a sweep stands.

    Raises:
        SomeFailed: a run failed.
    """
    found = states(sweep, slurm.scheduled(sweep))
    print(f"{sweep.path}: {summary(counted(found))}")
    for state in [state for state in found if state.name in (RUNNING, PARTIAL)][:_SHOWN]:
        why = f"; {CAUSES[state.cause].advice}" if state.cause else ""
        print(f"  {state.name} {state.run}: step {state.step}/{state.last}{why}")
    failed = [state for state in found if state.name == FAILED]
    for state in failed[:_SHOWN]:
        print(f"  {state.run}: {state.cause}; {CAUSES[state.cause or 'error'].advice}")
        for line in [line for file in _logs(sweep, state.run) for line in last_lines(file)]:
            print(f"    | {line}")
    if len(failed) > _SHOWN:
        print(f"  and {len(failed) - _SHOWN} more")
    if failed:
        codes = [attempt.code for state in failed for attempt in attempts(sweep, state.run)[-1:] if attempt.code]
        raise SomeFailed(f"{len(failed)} of {len(found)} runs failed", codes[0] if codes else 1)
    return found


def _logs(sweep: Sweep, run: str) -> list[Path]:
    """The logs of a run, and of the last job that made it."""
    jobs = [attempt.job for attempt in attempts(sweep, run) if attempt.job]
    jobs += [submission.job_of()[run] for submission in submissions(sweep) if run in submission.job_of()]
    files = [sweep.log_file(run), *(slurm.job_log(sweep, job) for job in jobs[-1:])]
    return [file for file in files if file.exists()]


def _status(named: list[str], looking: Looking) -> None:
    sweep = _named(named, looking)
    while looking.watch:
        counts = counted(states(sweep, slurm.scheduled(sweep)))
        print(f"{time.strftime('%H:%M:%S')} {summary(counts)}", flush=True)
        if not {RUNNING, WAITING} & set(counts):
            break
        time.sleep(_WATCH)
    _look(sweep)


def _cancel(named: list[str], looking: Looking) -> None:
    sweep = _named(named, looking)
    open_ones = [submission for submission in submissions(sweep) if not is_called_off(sweep, submission)]
    for submission in open_ones:
        call_off(sweep, submission)
    slurm.cancel([submission.job for submission in open_ones if submission.job])
    print(f"{sweep.path}: called off; what runs saves and ends, and the same line goes on")


def _show_logs(named: list[str], looking: Looking) -> None:
    if len(named) != 1:
        raise BadInput("logs takes a run, or a part of its name: logs RUN [name=NAME]")
    sweep = _named([], looking)
    run = run_of(sweep.runs, named[0])
    for file in _logs(sweep, run):
        print(file, *last_lines(file, _LOG_LINES), sep="\n")
    print(f"{run}: {len(attempts(sweep, run))} attempts", file=sys.stderr)


_LOOKS = {"status": _status, "cancel": _cancel, "logs": _show_logs}


def _named(named: list[str], looking: Looking) -> Sweep:
    """The sweep of that name, or the last.

    Raises:
        BadInput: there is none.
    """
    name = named[0] if named else looking.name
    plans = sorted(Path(looking.path, "sweeps").glob("*/plan.json"), key=lambda file: file.stat().st_mtime)
    if name is not None:
        plans = [file for file in plans if file.parent.name == name]
    if not plans:
        raise BadInput(f"no sweep{f' {name}' if name else ''} in {looking.path}/sweeps; start one, see --help")
    return Sweep(plans[-1].parent)
