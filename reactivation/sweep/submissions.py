"""Submissions: runs handed to a launcher, one file for each time, and whether they were cancelled since."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
import re
import shlex

from reactivation.machine.errors import BadInput, in_one_line
from reactivation.machine.numbers import whole_number
from reactivation.settings.declaring import setting
from reactivation.storage.fields import made
from reactivation.storage.files import damaged, make_folder, read_json, to_json, write_atomically
from reactivation.sweep.folder import Sweep

LOCAL, SLURM = "local", "slurm"
HERE = ("stack", "tries")  # the settings that have an effect without a cluster
_TIME = re.compile("(?:[0-9]{1,9}-)?[0-9]{1,9}(?::[0-9]{1,9}){0,2}")
_LARGEST_ARRAY = 1000  # SLURM's default MaxArraySize is 1001


@dataclass
class Launcher:
    """Settings of where and how runs are made; those of a cluster are passed to sbatch."""

    launcher: str = setting(LOCAL, "this machine, or a SLURM cluster", choices=(LOCAL, SLURM))
    partition: str | None = setting(None, "sbatch --partition")
    account: str | None = setting(None, "sbatch --account")
    time: str | None = setting(None, "sbatch --time of a job, as in 4:00:00")
    cpus: int = setting(1, "cores of a job, each for one run", low=1)
    memory: str | None = setting(None, "sbatch --mem of a job, as in 4G")
    gpus: int = setting(0, "GPUs of a job", low=0)
    stack: int = setting(1, "seeds that are trained as one stack in one process, which pays on a GPU", low=1)
    share: int = setting(1, "runs, or stacks, that a job makes one after the other or on its cores", low=1)
    at_once: int | None = setting(None, "jobs at once; null: as many as there is room for", low=1)
    grace: int = setting(120, "seconds before its time is up that a job is told to save", low=1)
    tries: int = setting(3, "how often to begin what gets no further each time, though it might", low=1)
    sbatch: str | None = setting(None, "further options of sbatch, as in '--qos=low --exclude=node7'")


def grace_of(launcher: Launcher) -> int:
    """When to tell a job to save [s before its end]: launcher.grace, but at most a quarter of launcher.time.

    Raises:
        BadInput: launcher.time is not in a form that SLURM reads.
    """
    if launcher.time is None:
        return launcher.grace
    seconds = seconds_of(launcher.time)
    if seconds is None:
        raise BadInput(f"launcher.time={launcher.time} must be as SLURM has it: minutes, 4:00:00 or 1-12:00:00")
    return max(1, min(launcher.grace, seconds // 4))


def further_options(launcher: Launcher) -> list[str]:
    """The words of launcher.sbatch.

    Raises:
        BadInput: a quote is not closed.
    """
    try:
        return shlex.split(launcher.sbatch or "")
    except ValueError as problem:
        raise BadInput(f"launcher.sbatch={in_one_line(launcher.sbatch)} cannot be split into options: {problem}") from None


def seconds_of(time: str) -> int | None:
    """Seconds of a time in SLURM's forms: minutes, 30:00, 4:00:00, 1-12 or 1-12:00:00; None for any other text."""
    if not _TIME.fullmatch(time):
        return None
    days, _, clock = time.rpartition("-")
    parts = clock.split(":")
    units = (3600, 60, 1) if days or len(parts) == 3 else (60, 1)
    return int(days or 0) * 86400 + sum(int(part) * unit for part, unit in zip(parts, units, strict=False))


@dataclass(frozen=True)
class Submission:
    """Hold the runs handed to a launcher: for each job its units, each a tuple of runs that are trained as one stack."""

    number: int
    launcher: str
    jobs: tuple[tuple[tuple[str, ...], ...], ...]
    tries: int = 1
    gpus: int = 0
    grace: int = 0  # seconds before its end that a job is told to save
    job: str | None = None  # number of the scheduler's array

    def job_of(self) -> dict[str, str]:
        """Run → the job that makes it; none without a scheduler."""
        if self.job is None:
            return {}
        return {run: f"{self.job}_{index}" for index, units in enumerate(self.jobs) for unit in units for run in unit}


def submissions(sweep: Sweep) -> Iterator[Submission]:
    """Every submission, oldest first."""
    for number in _numbers(sweep):
        yield read_submission(sweep, number)


def _numbers(sweep: Sweep) -> list[int]:
    """The numbers of the existing submissions, in order."""
    files = sweep.submission_file(0).parent.glob("*.json")
    return sorted(number for file in files if (number := whole_number(file.stem)) is not None)


def read_submission(sweep: Sweep, number: int) -> Submission:
    """Read the submission of that number.

    Raises:
        DamagedData: it is missing or damaged.
    """
    file = sweep.submission_file(number)
    try:
        return made(Submission, read_json(file))
    except TypeError:
        raise damaged(file) from None


def write_submission(sweep: Sweep, submission: Submission) -> None:
    """Write a submission to its file."""
    write_atomically(sweep.submission_file(submission.number), to_json(asdict(submission)))


def new_submissions(sweep: Sweep, runs: list[str], launcher: Launcher) -> list[Submission]:
    """Divide runs among jobs, and jobs among submissions; write these. The caller holds the lock of the sweep."""
    make_folder(sweep.submission_file(0).parent)
    last = max(_numbers(sweep), default=0)
    units = list(_stacks(sweep, runs, launcher.stack))
    share = launcher.share if launcher.launcher == SLURM else max(1, len(units))
    jobs = [tuple(units[i : i + share]) for i in range(0, len(units), share)]
    arrays = [tuple(jobs[i : i + _LARGEST_ARRAY]) for i in range(0, len(jobs), _LARGEST_ARRAY)]
    grace = grace_of(launcher)
    made = [
        Submission(number, launcher.launcher, array, launcher.tries, launcher.gpus, grace)
        for number, array in enumerate(arrays, start=last + 1)
    ]
    for submission in made:
        write_submission(sweep, submission)
    return made


def _stacks(sweep: Sweep, runs: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Groups of at most `size` runs that differ in their seeds alone."""
    alike: dict[str, list[str]] = {}
    for run in runs:
        others = {key: value for key, value in sweep.runs[run].values.items() if key != "seed"}
        alike.setdefault(repr(others) if size > 1 else run, []).append(run)
    for together in alike.values():
        yield from (tuple(together[i : i + size]) for i in range(0, len(together), size))


def call_off(sweep: Sweep, submission: Submission) -> None:
    """Mark a submission as cancelled: processes that work on it save and end."""
    write_atomically(sweep.submission_file(submission.number).with_suffix(".cancelled"), b"")


def is_called_off(sweep: Sweep, submission: Submission) -> bool:
    """Whether a submission was cancelled."""
    return sweep.submission_file(submission.number).with_suffix(".cancelled").exists()
