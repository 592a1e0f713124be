"""SLURM, with or without accounting, by its own commands: docs/cluster.md says why nothing stands between."""

from collections.abc import Iterable, Mapping
import os
from pathlib import Path
import shlex
import subprocess

from reactivation.machine.errors import BadInput
from reactivation.storage.files import make_folder
from reactivation.sweep.plan import Sweep
from reactivation.sweep.states import RUNNING, WAITING, last_lines
from reactivation.sweep.submissions import SLURM, Launcher, Submission, is_called_off, submissions
from reactivation.training.processes import COMMAND, python_path

_PATIENCE = 2.0  # seconds for an answer: a scheduler that is down keeps its commands waiting much longer
_SUBMITTING = 60.0  # likewise for sbatch
_STATES = {  # of jobs; those that are missing say nothing that a folder does not
    **dict.fromkeys(("PENDING", "REQUEUED", "REQUEUE_HOLD", "CONFIGURING"), WAITING),
    **dict.fromkeys(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED"), RUNNING),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), "time"),
    **dict.fromkeys(("NODE_FAIL", "BOOT_FAIL"), "node"),
    "OUT_OF_MEMORY": "memory",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
    "FAILED": "killed",
}
_SAID = {  # what a job's own log ends with, which stays when the scheduler has forgotten
    "DUE TO TIME LIMIT": "time",
    "DUE TO PREEMPTION": "preempted",
    "DUE TO NODE FAILURE": "node",
    "DUE TO JOB REQUEUE": "stopped",
    **dict.fromkeys(("OOM Killed", "oom_kill", "oom-kill", "exceeded memory limit"), "memory"),
}


def submit(sweep: Sweep, submission: Submission, launcher: Launcher, at_once: int | None) -> str:
    """Hand jobs to the scheduler as one array; returns its number.

    Raises:
        BadInput: there is no sbatch, or it refuses.
    """
    make_folder(_log_folder(sweep))
    last = len(submission.jobs) - 1
    options = {
        "job-name": sweep.path.name,
        "array": f"0-{last}%{at_once}" if at_once else f"0-{last}",
        "output": f"{_log_folder(sweep)}/%A_%a.out",
        "open-mode": "append",
        "cpus-per-task": launcher.cpus,
        "signal": f"B:TERM@{grace_of(launcher)}",
        "partition": launcher.partition,
        "account": launcher.account,
        "time": launcher.time,
        "mem": launcher.memory,
        "gpus": launcher.gpus or None,
    }
    words = [f"--{key}={value}" for key, value in options.items() if value is not None]
    work = shlex.join([*COMMAND, "sweep", "job", str(sweep.path), str(submission.number)])
    script = f"#!/bin/sh\nexec {work} $SLURM_ARRAY_TASK_ID\n"
    further = shlex.split(launcher.sbatch or "")
    command = ["sbatch", "--parsable", "--requeue", *words, *further]
    try:
        done = subprocess.run(
            command, input=script, text=True, capture_output=True, timeout=_SUBMITTING, env={**os.environ, **python_path()}
        )
    except FileNotFoundError:
        raise BadInput("launcher=slurm needs sbatch, which is not on this machine; launcher=local runs here") from None
    except subprocess.TimeoutExpired:
        raise BadInput(f"sbatch does not answer within {_SUBMITTING:.0f} s; the same line tries again") from None
    if done.returncode:
        raise BadInput(f"sbatch refuses: {' '.join(done.stderr.split())}")
    return done.stdout.strip().split(";")[0]


def grace_of(launcher: Launcher) -> int:
    """When to tell a job to save [s before its end]; at most a quarter of a short time, or it would be told as it begins.

    Raises:
        BadInput: launcher.time is none that SLURM knows.
    """
    if launcher.time is None:
        return launcher.grace
    days, _, clock = launcher.time.rpartition("-")
    parts = clock.split(":")
    if not (all(part.isdigit() for part in parts) and len(parts) <= 3 and (days.isdigit() or not days)):
        raise BadInput(f"launcher.time={launcher.time} must be as SLURM has it: minutes, 4:00:00 or 1-12:00:00")
    units = (3600, 60, 1) if days or len(parts) == 3 else (60, 1)
    seconds = int(days or 0) * 86400 + sum(int(part) * unit for part, unit in zip(parts, units, strict=False))
    return max(1, min(launcher.grace, seconds // 4))


def scheduled(sweep: Sweep) -> dict[str, str]:
    """Return run → waiting, running, or why its job ended, of what a scheduler was handed last and knows something of."""
    jobs: dict[str, str] = {}
    off: set[str] = set()
    for submission in submissions(sweep):
        whose = submission.job_of()
        handed = {run for units in submission.jobs for unit in units for run in unit}
        jobs = {run: job for run, job in jobs.items() if run not in handed} | whose
        off = (off - handed) | (handed if is_called_off(sweep, submission) else set())
    known = _states(set(jobs.values()))
    found = {run: known.get(job) or _said(sweep, job) for run, job in jobs.items()}
    found |= {run: "cancelled" for run in off if found.get(run) not in (WAITING, RUNNING)}
    return {run: state for run, state in found.items() if state}


def _states(jobs: set[str]) -> dict[str, str]:
    """What the scheduler says of jobs, or its accounting of what it has forgotten itself; nothing if it does not answer."""
    if not jobs:
        return {}
    listed = _answer("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--user={os.getuid()}")
    if listed is None:
        return {}
    known = _read(listed)
    forgotten = {job.split("_")[0] for job in jobs - set(known)}
    if forgotten:
        arrays = f"--jobs={','.join(sorted(forgotten))}"
        known = (
            _read(_answer("sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State", arrays) or "")
            | known
        )
    return {job: _STATES[state] for job, state in known.items() if job in jobs and state in _STATES}


def _read(text: str) -> dict[str, str]:
    """Job → state, of lines such as 12_3|CANCELLED by 0."""
    lines = [line.split("|") for line in text.splitlines() if line.count("|") == 1]
    return {job: state.split()[0] for job, state in lines if state}


def _answer(*command: str, patience: float = _PATIENCE) -> str | None:
    """What a command of the scheduler prints; None if it fails, takes too long, or is not there."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=patience, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def job_log(sweep: Sweep, job: str) -> Path:
    """The file of what a job itself, and SLURM about it, printed."""
    return _log_folder(sweep) / f"{job}.out"


def _log_folder(sweep: Sweep) -> Path:
    return sweep.path / "logs" / SLURM


def _said(sweep: Sweep, job: str) -> str | None:
    """Why a job ended, by its log."""
    for line in reversed(last_lines(job_log(sweep, job))):
        for words, cause in _SAID.items():
            if words in line:
                return cause
    return None


def this_job(environment: Mapping[str, str] = os.environ) -> str:
    """The name of the job that this process runs in."""
    return f"{environment.get('SLURM_ARRAY_JOB_ID')}_{environment.get('SLURM_ARRAY_TASK_ID')}"


def requeue_this(tries: int) -> bool:
    """Have the scheduler begin this job once more, if it was not cancelled and has not been begun so often; says whether."""
    job = this_job()
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) + 1 >= tries:
        return False
    shown = _answer("scontrol", "show", "job", "--oneliner", job, patience=_SUBMITTING)
    if shown is None or "JobState=RUNNING" not in shown:
        return False
    return _answer("scontrol", "requeue", job, patience=_SUBMITTING) is not None


def cancel(jobs: Iterable[str]) -> None:
    """Take what waits off the queue, and tell what runs to save and end.

    Raises:
        BadInput: the scheduler does not answer.
    """
    listed = list(jobs)
    if not listed:
        return
    if _answer("squeue", "--noheader", f"--user={os.getuid()}") is None:
        raise BadInput("the scheduler does not answer: what runs will end within seconds, what waits when it begins")
    for options in (["--state=PENDING"], ["--batch", "--signal=TERM"]):
        _answer("scancel", *options, *listed, patience=_SUBMITTING)  # which fails where nothing is left to cancel
