"""Train and analyse every combination of lists of settings, here or on a SLURM cluster.

    python sweep.py config=<task>/<a>,<task>/<b> seed=0..4 rnn.sigma=0.05,0.1 [key=values ...] [name=...] [dry_run=true]
    python sweep.py config=... seed=0..4 then='kl variance' variance_gain=1,2       each network analysed once trained
    python sweep.py file=sweep.yml [key=values ...]          grid: {key: [values]}, list: [{key: value, ...}], then: [kl]
    python sweep.py ... trained=results [allow_missing=true] copies of trained networks (allow_missing: of those that exist)
    python sweep.py ... launcher=slurm launcher.time=4:00:00 launcher.memory=4G
    python sweep.py status [NAME] [watch=true]
    python sweep.py cancel [NAME]
    python sweep.py logs RUN [name=NAME]                     RUN: a run, or a part of its name

Any key of train.py takes several values: a,b,c or 0..4; a list in [brackets] is one value. With then=, keys of analyses do,
too (of one analysis alone: kl.variance_gain=1,2). A sweep is a folder, results/sweeps/<name>/, with plan, states, logs and
table; its runs lie there as under results/, named by the settings that vary. Kill it at any time: the same command continues
it, keeps finished runs, and starts nothing twice. `status` reads the folder, and asks the scheduler if that answers. Without
NAME, the last sweep is meant. The table is written once all runs have ended, by the command that ran them here or by the
next `status`, and at any time by python runs.py sweep=NAME.

Exit codes: 0 done (slurm: submitted); 2 bad input; 128 + n interrupted by signal n after saving (130: Ctrl-C); else that of
the first run that failed.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
import math
from pathlib import Path
import time

from reactivation.machine import cores
from reactivation.machine.errors import BadInput, Interrupted, SomeFailed, StorageError, in_one_line, nearest
from reactivation.machine.numbers import whole_number
from reactivation.machine.places import as_typed, refuse_published
from reactivation.settings.declaring import setting
from reactivation.settings.describing import describe
from reactivation.settings.layers import RESULTS, TrainConfig, resolve_plain
from reactivation.settings.reading import COMMAND_LINE, parse_arguments, refuse_idle
from reactivation.storage.claims import claimed
from reactivation.storage.files import locked, make_folder
from reactivation.storage.folder import RunFolder
from reactivation.sweep import looking, slurm
from reactivation.sweep.cost import cost
from reactivation.sweep.folder import SILENCE, Sweep, sweep_folder
from reactivation.sweep.grid import grid_of
from reactivation.sweep.plan import default_name, plan
from reactivation.sweep.states import FINISHED, RUNNING, WAITING, State, counted, summary
from reactivation.sweep.submissions import (
    HERE,
    LOCAL,
    SLURM,
    Launcher,
    Submission,
    further_options,
    grace_of,
    is_called_off,
    new_submissions,
    read_submission,
    write_submission,
)
from reactivation.sweep.supervisor import Supervisor
from reactivation.sweep.taking import take, trained_networks
from reactivation.training.processes import slots_on

_PLANNING = 60.0  # seconds to wait for another process that plans the same sweep
_ELSEWHERE = SILENCE + 60  # seconds that a job waits for runs claimed by another process, which may be dead
_GROUP = "launcher."


@dataclass
class Settings:
    """Settings of `sweep.py` itself, beside those that vary."""

    name: str | None = setting(None, "name of the sweep; null: made from what varies", file_name=True)
    file: str | None = setting(None, "YAML file with grid:, list:, then:")
    then: str | None = setting(None, "analyses of each run, as in 'kl variance'")
    trained: str | None = setting(None, "root of results whose networks are taken; none is trained then")
    allow_missing: bool = setting(
        False, "go on without networks that trained= does not find; the same line takes them later"
    )
    dry_run: bool = setting(False, "show the plan and stop")
    path: str = setting(RESULTS, "root of the results", folder=True)


def main(words: list[str]) -> None:
    """Plan, show and start a sweep; or look at one that was started.

    Raises:
        UserError: as everywhere; SomeFailed where a run failed.
    """
    first, *rest = words or ["--help"]
    if {"--help", "-h"} & set(words):
        print(as_typed(__doc__ or ""), "Keys: name, type, default, meaning", *describe(Settings()), sep="\n")
        print(*describe(Launcher(), _GROUP), sep="\n")
    elif first == "work":  # a process that a supervisor starts
        _work(*rest)
    elif first == "job":  # called by the script of a job
        _job(*rest)
    elif first in looking.COMMANDS:
        looking.look(first, rest)
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
    networks = _trained(settings, configs)
    if networks:
        runs = [run for run in runs if run.name in networks]
    sweep.take_plan(runs)
    _show_plan(sweep, looking.stand(sweep), {} if networks else configs)
    if settings.dry_run:
        return
    if launcher.launcher == SLURM:
        slurm.require_sbatch()  # before there is a folder
    make_folder(sweep.path)
    with _planning(sweep):
        if sweep.take_plan(runs):
            sweep.write_plan()
        take(sweep, networks)
        handed = new_submissions(sweep, _to_do(sweep, launcher), launcher)
        if launcher.launcher == SLURM:
            _submit(sweep, handed, launcher)
    if launcher.launcher == LOCAL:
        for submission in handed:
            _run_here(sweep, submission, slots_on(next(iter(configs.values())).device))
    if launcher.launcher == LOCAL or not handed:
        looking.show(sweep)


def _launcher(arguments: Mapping[str, str]) -> Launcher:
    known = {"launcher": "launcher"} | {f"{_GROUP}{f.name}": f.name for f in fields(Launcher) if f.name != "launcher"}
    if unknown := arguments.keys() - known:
        raise BadInput(f"{COMMAND_LINE}: unknown key {min(unknown)}; {nearest(min(unknown), list(known))}")
    launcher: Launcher = resolve_plain(Launcher, {known[key]: value for key, value in arguments.items()})
    if launcher.launcher == LOCAL:
        refuse_idle(map("=".join, arguments.items()), ("launcher", *(_GROUP + name for name in HERE)), f"launcher={LOCAL}")
    for checked in (grace_of, further_options):  # what is invalid is refused before the folder is made
        checked(launcher)
    return launcher


def _trained(settings: Settings, configs: Mapping[str, TrainConfig]) -> dict[str, RunFolder]:
    """Find the networks of trained=, by run; none without it.

    Raises:
        BadInput: some are missing without allow_missing=true; or allow_missing=true is given without trained=.
    """
    if not settings.trained:
        if settings.allow_missing:
            raise BadInput(f"{COMMAND_LINE}: allow_missing=true says nothing without trained=...")
        return {}
    networks = trained_networks(configs, settings.trained, settings.allow_missing)
    if lacking := configs.keys() - networks.keys():
        print(f"left out: {len(lacking)} of {len(configs)} networks, which are not trained yet")
    return networks


def _show_plan(sweep: Sweep, found: list[State], configs: Mapping[str, TrainConfig]) -> None:
    """Print the states of the runs, and the cost of training those that are left; `configs` are of the runs to train."""
    counts = counted(found)
    analyses = sum(len(run.analyses) for run in sweep.runs.values())
    print(f"{sweep.path}: {summary(counts)}" + (f"; {analyses} analyses" if analyses else ""))
    if set(counts) - {FINISHED} and configs:
        print(f"left: {cost(configs, found)}", flush=True)


def _to_do(sweep: Sweep, launcher: Launcher) -> list[str]:
    """The runs to start.

    A run that seems to be running may have been killed a moment ago. Here it is included, as its lock shows whether it
    still runs; on a cluster it is left out.

    Raises:
        StorageError: the scheduler does not say which jobs wait.
    """
    scheduled = slurm.scheduled(sweep)
    if launcher.launcher == SLURM and not scheduled.answers:
        raise StorageError("the scheduler does not answer, so what waits is not known: the same line again once it does")
    alive = {FINISHED, WAITING} | ({RUNNING} if launcher.launcher == SLURM else set())
    return [state.run for state in looking.stand(sweep, scheduled) if state.name not in alive]


@contextmanager
def _planning(sweep: Sweep) -> Iterator[None]:
    """Keep other commands from starting runs of the same sweep in this block; wait for one that is doing so.

    Raises:
        StorageError: it takes too long.
    """
    deadline = time.monotonic() + _PLANNING
    with ExitStack() as held:
        while True:
            try:
                with ExitStack() as taken:
                    taken.enter_context(locked(sweep.path))
                    taken.enter_context(claimed(sweep.path))  # where locks do not reach another login node
                    held.push(taken.pop_all())
                break
            except StorageError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)
        yield


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


def _run_here(sweep: Sweep, submission: Submission, slots: int) -> None:
    """Run a submission on this machine.

    Raises:
        Interrupted: a signal came, and all have saved and ended.
    """
    outcome = Supervisor(sweep, submission, slots, math.inf, lambda: "stopped", _say).run(submission.jobs[0])
    if outcome.stopped and not outcome.failed:
        raise Interrupted("all runs have saved or ended; the same line goes on", outcome.stopped)


def _work(*words: str) -> None:
    """Make runs in this process: FOLDER RUN [RUN ...].

    Raises:
        BadInput: other words.
        UserError: as training and analyses do.
    """
    folder, *names = words or [""]
    if not names:
        raise BadInput(
            "work FOLDER RUN [RUN ...] is how a sweep begins its runs itself; `python sweep.py --help` has the rest"
        )
    sweep = Sweep(Path(folder))
    for name in names:
        if name not in sweep.runs:
            raise BadInput(f"{in_one_line(name)} is no run of {sweep.path}; {nearest(name, list(sweep.runs))}")
    from reactivation.sweep.work import work

    work(sweep, names)


def _job(*words: str) -> None:
    """Run a job of a scheduler: FOLDER, the number of a submission, and the number of one of its jobs.

    Raises:
        BadInput: other words.
        SomeFailed, Interrupted: as the local launcher.
    """
    numbers = [number for word in words[1:] if (number := whole_number(word)) is not None]
    if len(words) != 3 or len(numbers) != 2:
        raise BadInput("job FOLDER SUBMISSION JOB is what a scheduler is told; `python sweep.py --help` has the rest")
    sweep, (number, index) = Sweep(Path(words[0])), numbers
    submission = read_submission(sweep, number)
    if index >= len(submission.jobs):
        raise BadInput(f"{sweep.submission_file(number)} has no job {index}; it has {len(submission.jobs)}, the first is 0")
    job = slurm.begin_job()
    slots = 1 if submission.gpus else cores.available()
    outcome = Supervisor(
        sweep, submission, slots, _ELSEWHERE, lambda: slurm.why_told(sweep, job, submission.grace), _say, job
    ).run(submission.jobs[index])
    if outcome.stopped:
        again = outcome.left and not is_called_off(sweep, submission) and slurm.requeue(job)
        raise Interrupted("saved; " + ("queued again" if again else "not queued again from here"), outcome.stopped)
    if outcome.elsewhere:
        _say(f"left to the process that is at work on them: {', '.join(outcome.elsewhere)}")
    if outcome.failed:
        raise SomeFailed(f"failed: {', '.join(outcome.failed)}", next(iter(outcome.failed.values())))


def _say(line: str) -> None:
    print(line, flush=True)
