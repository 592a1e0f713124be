"""SLURM, with or without accounting, by its own commands: docs/cluster.md says why no library is used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import shlex
import shutil
import socket
import subprocess

from reactivation.machine.errors import BadInput
from reactivation.machine.scheduler import answer
from reactivation.storage.files import make_folder
from reactivation.sweep.folder import Sweep
from reactivation.sweep.states import RUNNING, WAITING, last_lines
from reactivation.sweep.submissions import (
    SLURM,
    Launcher,
    Submission,
    further_options,
    is_called_off,
    seconds_of,
    submissions,
)
from reactivation.training.processes import COMMAND, python_path

_SUBMITTING = 60.0  # seconds for an answer of sbatch
_EARLY = 90  # seconds by which SLURM's signal may come before the grace begins
_STATES = {  # of jobs; for the missing states, the folder says as much
    **dict.fromkeys(("PENDING", "REQUEUED", "REQUEUE_HOLD", "CONFIGURING"), WAITING),
    **dict.fromkeys(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED"), RUNNING),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), "time"),
    **dict.fromkeys(("NODE_FAIL", "BOOT_FAIL"), "node"),
    "OUT_OF_MEMORY": "memory",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
    "FAILED": "killed",
}
_BEGUN = "begins on"  # in a job's own log, at each start
_SAID = {  # what SLURM writes at the end of that log, which remains when the scheduler has forgotten the job
    "DUE TO TIME LIMIT": "time",
    "DUE TO PREEMPTION": "preempted",
    "DUE TO NODE FAILURE": "node",
    "DUE TO JOB REQUEUE": "stopped",
    **dict.fromkeys(("OOM Killed", "oom_kill", "oom-kill", "exceeded memory limit"), "memory"),
}


@dataclass(frozen=True)
class Scheduled:
    """Hold what the scheduler, or else a job's log, says of the last job of each run."""

    sweep: Sweep
    jobs: Mapping[str, str]  # run → job
    called_off: frozenset[str]  # cancelled runs
    known: Mapping[str, str] | None  # job → WAITING, RUNNING or a cause; None: it does not answer

    @property
    def answers(self) -> bool:
        """Whether the scheduler answers, so that jobs it does not name are neither waiting nor running."""
        return self.known is not None

    def of(self, run: str) -> str | None:
        """WAITING, RUNNING, or why the job ended; None if that is unknown."""
        job = self.jobs.get(run)
        state = (self.known or {}).get(job) if job else None
        if state == RUNNING:
            return state
        if run in self.called_off:
            return "cancelled"  # even if its job waits, since the job ends as soon as it begins
        if state == WAITING:
            return state
        if job and state in (None, "killed"):  # the scheduler says FAILED for any bad end; the log is more precise
            return _said(self.sweep, job) or state
        return state


def scheduled(sweep: Sweep) -> Scheduled:
    """Ask the scheduler about a sweep, if the sweep has jobs."""
    jobs: dict[str, str] = {}
    off: set[str] = set()
    for submission in submissions(sweep):
        handed = {run for units in submission.jobs for unit in units for run in unit}
        jobs = {run: job for run, job in jobs.items() if run not in handed} | submission.job_of()
        off = (off - handed) | (handed if is_called_off(sweep, submission) else set())
    return Scheduled(sweep, jobs, frozenset(off), _states(set(jobs.values())) if jobs else {})


def _states(jobs: set[str]) -> dict[str, str] | None:
    """The states of jobs by the scheduler, or by its accounting for jobs it has forgotten; None if it does not answer."""
    listed = answer("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--user={os.getuid()}")
    if listed is None:
        return None
    known = _read(listed)
    if forgotten := {job.split("_")[0] for job in jobs - set(known)}:
        arrays = f"--jobs={','.join(sorted(forgotten))}"
        counted = answer("sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State", arrays)
        known = _read(counted or "") | known
    return {job: _STATES[state] for job, state in known.items() if job in jobs and state in _STATES}


def _read(text: str) -> dict[str, str]:
    """Job → state, of lines such as 12_3|CANCELLED by 0."""
    lines = [line.split("|") for line in text.splitlines() if line.count("|") == 1]
    return {job: state.split()[0] for job, state in lines if state}


def job_log(sweep: Sweep, job: str) -> Path:
    """The file with the output of a job and SLURM's lines about it."""
    return _log_folder(sweep) / f"{job}.out"


def _log_folder(sweep: Sweep) -> Path:
    return sweep.path / "logs" / SLURM


def _said(sweep: Sweep, job: str) -> str | None:
    """Why a job ended, by SLURM's lines in its log; None if there are none since its last start."""
    for line in reversed(last_lines(job_log(sweep, job))):
        if _BEGUN in line:
            return None
        for words, cause in _SAID.items():
            if words in line:
                return cause
    return None


def require_sbatch() -> None:
    """Raise BadInput where there is no sbatch."""
    if shutil.which("sbatch") is None:
        raise BadInput("launcher=slurm needs sbatch, which is not on this machine; launcher=local runs here")


def submit(sweep: Sweep, submission: Submission, launcher: Launcher, at_once: int | None) -> str:
    """Submit jobs to the scheduler as one array; returns its number.

    Raises:
        BadInput: sbatch does not answer, or refuses.
    """
    make_folder(_log_folder(sweep))
    last = len(submission.jobs) - 1
    options = {
        "job-name": sweep.path.name,
        "array": f"0-{last}%{at_once}" if at_once else f"0-{last}",
        "output": f"{str(_log_folder(sweep)).replace('%', '%%')}/%A_%a.out",  # a folder's own % would be a pattern of SLURM
        "open-mode": "append",
        "cpus-per-task": launcher.cpus,
        "signal": f"B:TERM@{submission.grace}",
        "partition": launcher.partition,
        "account": launcher.account,
        "time": launcher.time,
        "mem": launcher.memory,
        "gpus": launcher.gpus or None,
    }
    words = [f"--{key}={value}" for key, value in options.items() if value is not None]
    work = shlex.join([*COMMAND, "sweep", "job", str(sweep.path), str(submission.number)])
    script = f"#!/bin/sh\nexec {work} $SLURM_ARRAY_TASK_ID\n"
    command = ["sbatch", "--parsable", "--requeue", *words, *further_options(launcher)]
    environment = {**os.environ, **python_path()}
    try:
        done = subprocess.run(command, input=script, text=True, capture_output=True, timeout=_SUBMITTING, env=environment)
    except subprocess.TimeoutExpired:
        raise BadInput(f"sbatch does not answer within {_SUBMITTING:.0f} s; the same line tries again") from None
    if done.returncode:
        raise BadInput(f"sbatch refuses: {' '.join(done.stderr.split())}")
    return done.stdout.strip().split(";")[0]


def begin_job() -> str:
    """Print into the job's own log that it begins; returns its name."""
    job = f"{os.environ.get('SLURM_ARRAY_JOB_ID')}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    print(f"{job} {_BEGUN} {socket.gethostname()}", flush=True)
    return job


def why_told(sweep: Sweep, job: str, grace: int) -> str:
    """Why this job was told to end: its time is nearly up, it is preempted, or a user ends it."""
    if said := _said(sweep, job):
        return said
    state, _, left = (answer("squeue", "--noheader", "--format=%T|%L", f"--jobs={job}") or "").strip().partition("|")
    seconds = seconds_of(left)
    if state == "RUNNING" and seconds is not None and seconds < grace + _EARLY:
        return "time"
    return "cancelled" if state == "COMPLETING" else "stopped"


def requeue(job: str) -> bool:
    """Have the scheduler restart this job, unless it does so itself, or has cancelled it; returns whether it was asked."""
    state = answer("squeue", "--noheader", "--format=%T", f"--jobs={job}", patience=_SUBMITTING)
    if state is None or state.strip() != "RUNNING":
        return False
    return answer("scontrol", "requeue", job, patience=_SUBMITTING) is not None


def cancel(jobs: Iterable[str]) -> None:
    """Cancel waiting jobs, and tell running jobs to save and end.

    Raises:
        BadInput: the scheduler does not answer.
    """
    listed = list(jobs)
    if not listed:
        return
    if answer("squeue", "--noheader", f"--user={os.getuid()}") is None:
        raise BadInput("the scheduler does not answer: jobs that run end within seconds, jobs that wait as they begin")
    for options in (["--state=PENDING"], ["--batch", "--signal=TERM"]):
        answer("scancel", *options, *listed, patience=_SUBMITTING)  # fails if nothing is left to cancel, which is no error
