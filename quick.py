"""The whole system at a small size, in about two minutes on two cores: train, rest, compare.

    python quick.py

Trains the networks of the preset `quick` (configs/preset/quick.yml): noisy and noiseless, unbiased and biased spatial
navigation, and head direction; runs the three analyses on them; prints what came out. Every step is an ordinary command,
shown as it runs; what is already trained is not trained again.
"""

from pathlib import Path
from statistics import mean
import subprocess
import sys
from typing import Any

from reactivation import registry
from reactivation.config import resolve_analysis, resolve_train
from reactivation.errors import BadInput, UserError, exit_code, run_command
from reactivation.files import read_json
from reactivation.fleet import train_fleet
from reactivation.measure import print_table, result_file
from reactivation.runs import RunFolder, run_path

SPATIAL = ["noisy_unbiased", "noisy_biased", "no-noise_unbiased", "no-noise_biased"]
TASKS = {"spatial_navigation": SPATIAL, "head_direction": ["noisy_unbiased"]}
ANALYSES = ("kl", "variance", "distance")
HERE = Path(__file__).parent
LEGEND = """
untrained, error   decoding error on the test batch before and after training [m or rad]
unexplained        share of the targets' variance that the trained network leaves unexplained
KL rest, uniform   divergence from waking occupancy of resting occupancy, and of a uniform one [nats]
variance           of resting trajectories: how much each explores (box: m²; circle: 0 still, 1 everywhere)
step               mean distance between consecutive decoded points [m or rad]

Networks and results are in results/spatial_navigation and results/head_direction, under names that end in quick."""


class StepFailed(UserError):
    """A command of the chain failed; it has said why."""


def show(script: str, arguments: dict[str, str]) -> list[str]:
    """Print a command as a user would type it; returns its words."""
    words = [f"{key}={value}" for key, value in arguments.items()]
    print(" ".join(["$ python", script, *words]), flush=True)
    return words


def run_analysis(name: str, task: str) -> None:
    """Run one of the analysis scripts and wait for it."""
    script = f"output_{name}.py"
    code = subprocess.run([sys.executable, str(HERE / script), *show(script, analysis(task))]).returncode
    if code:
        error = StepFailed(f"stopped: {script} ended with exit code {code}")
        error.exit_code = exit_code(code)
        raise error


def training(task: str, experiment: str) -> dict[str, str]:
    """The arguments that train one network."""
    return {"config": f"{task}/{experiment}", "seed": "0", "preset": "quick"}


def analysis(task: str) -> dict[str, str]:
    """The arguments that analyse a task's networks."""
    return {"task": task, "seed": "0", "preset": "quick", "runs": f"[{','.join(TASKS[task])}]"}


def results(name: str, task: str) -> Any:
    """What an analysis wrote."""
    settings = resolve_analysis(name, registry.load("analysis", name).Settings, analysis(task))
    return read_json(result_file(name, settings))


def summarise(task: str) -> dict[str, dict[str, float | None]]:
    """What came out of a task's networks, read from the files that the commands wrote."""
    kl, variance, distance = (results(name, task) for name in ANALYSES)
    rows = {}
    for experiment in TASKS[task]:
        folder = RunFolder(run_path(resolve_train(training(task, experiment))))
        tests = list(read_json(folder.table_file("test")).values())
        error = next(name for name in tests[-1] if "_error_" in name)
        rows[experiment] = {
            "untrained": tests[0][error],
            "error": tests[-1][error],
            "unexplained": tests[-1]["fraction_unexplained"],
            "KL rest": kl[experiment][experiment],
            "KL uniform": kl["uniform"][experiment],
            "variance": variance[experiment],
            "step awake": mean(distance[experiment]["active"]),
            "step at rest": mean(distance[experiment]["quiescent"]),
        }
    return rows


def main(words: list[str]) -> None:
    """Train, analyse, and print one table per task."""
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return
    if words:
        raise BadInput(f"command line: quick.py takes no arguments, and got {' '.join(words)}")
    networks = [training(task, experiment) for task, experiments in TASKS.items() for experiment in experiments]
    train_fleet([show("train.py", arguments) for arguments in networks], device="auto")
    for task in TASKS:
        for name in ANALYSES:
            run_analysis(name, task)
    for task in TASKS:
        print(f"\n{task}")
        print_table(summarise(task))
    print(LEGEND)


if __name__ == "__main__":
    run_command(main)
