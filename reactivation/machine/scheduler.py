"""Queries to SLURM by its own commands, with a short time limit."""

import subprocess

_PATIENCE = 2.0  # seconds for an answer: commands wait much longer for a scheduler that is down
_UNKNOWN_JOB = "Invalid job id"  # in squeue's message about a job that it has forgotten
_OVER = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY")


def answer(*command: str, patience: float = _PATIENCE) -> str | None:
    """Return what a command of the scheduler prints; None if it fails, takes too long, or does not exist."""
    done = _asked(command, patience)
    return done.stdout if done and done.returncode == 0 else None


def runs(job: str) -> bool | None:
    """Return whether the scheduler knows a job that is not over; None if the scheduler does not answer."""
    done = _asked(("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"), _PATIENCE)
    if done is None or (done.returncode and _UNKNOWN_JOB not in done.stderr):
        return None
    return any(state not in _OVER for state in done.stdout.split())


def _asked(command: tuple[str, ...], patience: float) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(command, text=True, capture_output=True, timeout=patience, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
