"""Time and memory of each script at full size on the published networks of seed 0, for the whole process.

    python benchmarks/scripts.py [only=kl] [json=true]

Results go to a temporary folder. `kl, five runs` is a divergence table of five networks, the last a copy of the first. Other
commands on the machine slow it; it asserts nothing.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time

from reactivation.machine.cores import available
from reactivation.machine.errors import SomeFailed, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

ROOT = Path(__file__).resolve().parents[1]
SPATIAL, COPY = "published/spatial_navigation/{}_0.0001_0", "copy_of_the_first"
FIVE = ("noisy_unbiased", "noisy_biased", "noisy_unbiased_gru", "noisy_biased_gru")
COMMANDS = {
    "kl": "output_kl.py",
    "kl, five runs": "output_kl.py runs=[{five}]",
    "variance": "output_variance.py",
    "distance": "output_distance.py",
    "manifold": "output_manifold.py",
    "kl, head direction": "output_kl.py task=head_direction",
    "transitions": "output_transitions.py",
    "replay": "output_replay.py",
    "theory": "output_theory.py run=spatial_navigation/noisy_biased_gru seed=0",
}


@dataclass
class Settings:
    """Keys of this command."""

    only: str = setting("all", "script", choices=("all", *COMMANDS))
    json: bool = setting(False, "a line of JSON per script instead of a table")


@dataclass(frozen=True)
class Cost:
    """The time and memory of a script."""

    script: str
    seconds: float
    peak_mb: float
    cores: int


def cost(name: str, folder: Path) -> Cost:
    """Run a script as a user does, and return its cost.

    Raises:
        SomeFailed: the script failed.
    """
    copied = folder / COPY
    shutil.copytree(ROOT / SPATIAL.format(FIVE[0]), copied)
    five = ",".join([*(str(ROOT / SPATIAL.format(run)) for run in FIVE), str(copied)])
    words = COMMANDS[name].format(five=five).split()
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words, f"path={folder}"], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SomeFailed(f"python {' '.join(words)} ended with exit code {process.returncode}", process.returncode)
    return Cost(name, time.perf_counter() - began, usage.ru_maxrss / 1024, available())


def costs(names: list[str]) -> Iterator[Cost]:
    """Run scripts one after another, each in its own folder, as some write files of the same name."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield cost(name, Path(folder))


def main(words: list[str]) -> None:
    """Measure and print."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    for found in costs(list(COMMANDS) if settings.only == "all" else [settings.only]):
        told = f"{found.script:<20}{found.seconds:>8.1f} s{found.peak_mb:>8.0f} MB on {found.cores} cores"
        print(json.dumps(asdict(found)) if settings.json else told, flush=True)


if __name__ == "__main__":
    run_command(main)
