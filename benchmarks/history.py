"""Time training at earlier commits: one single-threaded network at full size, as timed by `train.py` itself.

    python benchmarks/history.py commits=35c8c45,226193e [only=vanilla] [steps=40] [json=true]

Each commit is unpacked into a temporary folder and trains there with this Python. Seconds per step are the median over the
log interval's rows of metrics.jsonl, the first left out. Other commands on the machine slow it; it asserts nothing.
"""

from dataclasses import dataclass
import io
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tarfile
import tempfile

from training import CASES, cases

from reactivation.machine.errors import BadInput, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

ROOT = Path(__file__).resolve().parent.parent
INTERVAL = 5  # steps between two rows


@dataclass
class Settings:
    """Keys of this command."""

    commits: str = setting("HEAD", "commits, as in 35c8c45,226193e")
    only: str = setting("vanilla", "network", choices=("all", *CASES))
    steps: int = setting(40, "training steps", low=3 * INTERVAL)
    json: bool = setting(False, "a line of JSON per row instead of a table")


def unpack(commit: str, folder: Path) -> str:
    """Put a commit's files into a folder; returns its short name.

    Raises:
        BadInput: no such commit here.
    """
    name = subprocess.run(["git", "rev-parse", "--short", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, text=True)
    if name.returncode:
        raise BadInput(f"command line: commits={commit} is no commit of {ROOT}; a shallow clone has only the latest")
    archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return name.stdout.strip()


def seconds_per_step(project: Path, name: str, steps: int) -> float:
    """Train in an unpacked project, and return its own seconds per step."""
    run = project / "history"
    words = {"config": CASES[name], "seed": "0", "device": "cpu", "path": str(run), "trainer.n_epochs": str(steps)}
    words |= {"trainer.log_freq": str(INTERVAL), "trainer.test_freq": str(steps), "trainer.save_freq": str(steps)}
    command = [sys.executable, "train.py", *(f"{key}={value}" for key, value in words.items())]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project)}
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    speeds = [row["steps_per_second"] for row in rows if "steps_per_second" in row]
    return median(1 / speed for speed in speeds[1:])


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    for commit in settings.commits.split(","):
        with tempfile.TemporaryDirectory() as folder:
            short = unpack(commit, Path(folder))
            for name in cases(settings.only):
                row = {
                    "commit": short,
                    "name": name,
                    "seconds_per_step": seconds_per_step(Path(folder), name, settings.steps),
                }
                shown = json.dumps(row) if settings.json else f"{short}  {name:<16}{row['seconds_per_step']:.4f} s/step"
                print(shown, flush=True)


if __name__ == "__main__":
    run_command(main)
