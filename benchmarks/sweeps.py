"""Time planning and status of a sweep of many runs: makes fake run folders, and prints a table (docs/cluster.md).

    python benchmarks/sweeps.py [runs=10000] [seeds=100] [cold=true] [json=true]

The sweep varies noise and seed, and has one analysis. Each fake folder has the files of a finished run of 2,500 steps, with
empty files for its networks, and each run has a note and a result. All is timed within one process, so that loading Python
and its libraries does not count. With cold=true, which needs root, the machine's caches of files are dropped before each
measurement.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
import os
from pathlib import Path
import tempfile
import time
from typing import Any

from reactivation.machine.errors import BadInput, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import TrainConfig, to_yaml
from reactivation.storage.card import card_content
from reactivation.sweep import looking
from reactivation.sweep.folder import PlannedRun, Sweep
from reactivation.sweep.grid import Grid
from reactivation.sweep.plan import plan
from reactivation.sweep.states import Attempt, note
from reactivation.sweep.table import write_table

CONFIG = "spatial_navigation/noisy_unbiased"
_CACHES = Path("/proc/sys/vm/drop_caches")
_STEPS, _SAVED = 2500, 100  # steps of a run of the paper, and between two files of its network
_MEASURES = {"loss": 6e-6, "fraction_unexplained": 0.13, "position_error": 0.09, "pos_mse": 0.005}


@dataclass
class Settings:
    """Keys of this command."""

    runs: int = setting(10_000, "fake runs", low=1)
    seeds: int = setting(100, "seeds of each noise", low=1)
    cold: bool = setting(False, "with the machine's caches dropped, too")
    json: bool = setting(False, "a line of JSON per row instead of a table")


def main(words: list[str]) -> None:
    """Make the sweep, time it, and print the table.

    Raises:
        BadInput: the caches cannot be dropped here.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if settings.cold and not os.access(_CACHES, os.W_OK):
        raise BadInput("cold=true: only root may drop the machine's caches, and not in every container")
    with tempfile.TemporaryDirectory() as folder:
        rows = _measured(Sweep(Path(folder)), settings)
    if settings.json:
        print(*map(json.dumps, rows), sep="\n")
        return
    columns = list(rows[0])
    for cells in (columns, ["---"] * len(columns), *([str(value) for value in row.values()] for row in rows)):
        print(f"| {' | '.join(cells)} |")


def _measured(sweep: Sweep, settings: Settings) -> list[dict[str, Any]]:
    """Time what grows with the number of runs, on a sweep that has not begun and on one that has ended."""
    noises = [f"{0.05 + 0.0001 * number:.4f}" for number in range(-(-settings.runs // settings.seeds))]
    seeds = [str(seed) for seed in range(settings.seeds)]
    grid = Grid({"config": [CONFIG], "rnn.sigma": noises, "seed": seeds}, then=("variance",))
    planned: list[tuple[PlannedRun, TrainConfig]] = []

    def planning() -> None:
        planned[:] = list(plan(grid))[: settings.runs]
        sweep.take_plan(run for run, _ in planned)

    def reading() -> None:
        len(Sweep(sweep.path).runs)

    rows = [_timed("plan", planning, settings)]
    rows += [_timed("write the plan", sweep.write_plan, settings), _timed("read the plan", reading, settings)]
    rows.append(_timed("status, all new", lambda: looking.stand(sweep), settings))
    for run, config in planned:
        make(sweep, run, config)
    rows.append(_timed("status, all finished", lambda: looking.stand(sweep), settings))
    rows.append(_timed("table of results", lambda: write_table(sweep), settings))
    return rows


def _timed(name: str, action: Callable[[], object], settings: Settings) -> dict[str, Any]:
    def seconds() -> float:
        began = time.perf_counter()
        action()
        return round(time.perf_counter() - began, 1)

    row: dict[str, Any] = {"what": name}
    if settings.cold:
        os.sync()
        _CACHES.write_text("3")
        row["cold [s]"] = seconds()
    else:
        seconds()  # or the first would read what is not in memory yet
    return {**row, "warm [s]": seconds()}


def make(sweep: Sweep, run: PlannedRun, config: TrainConfig) -> None:
    """Make the files of a finished run, with empty networks, and its result."""
    folder, (analysis,) = sweep.folder(run.name), run.analyses
    folder.path.mkdir(parents=True)
    folder.config_file.write_text(to_yaml(config))
    folder.environment_file.write_text("[]")
    tests = {str(step): _MEASURES for step in range(0, _STEPS + 1, _SAVED)}
    folder.table_file("test").write_text(json.dumps(tests, indent=2))
    folder.card_file.write_bytes(card_content(folder, config, step=_STEPS))
    for step in range(_SAVED, _STEPS + 1, _SAVED):
        folder.model_file(step).touch()
    note(sweep, run.name, Attempt("here", None, 1, 0, 0.0, 1.0, 0, None, 500.0))
    label, result = folder.path.name, sweep.path / analysis.file
    model = {"fingerprint": science_hash(config), "step": _STEPS, "seed": config.seed, "folder": str(folder.path)}
    told = {"settings": {**analysis.values, "seed": config.seed}, "models": {label: model}}
    found = {label: {"standard_error": 0.01, "trajectories": [0.1] * 500}}
    result.write_text(json.dumps({label: 0.1}))
    result.with_name(f"{result.stem}_details.json").write_text(json.dumps({**told, **found}, indent=2))


if __name__ == "__main__":
    run_command(main)
