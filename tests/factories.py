"""Helpers of tests: tiny settings, networks that learn, trained runs, copies of the project, and its commands."""

from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
import doctest
import io
import os
from pathlib import Path
import re
import runpy
import shutil
import subprocess
import sys
import time
from typing import Any
from unittest.mock import patch

import pytest
import torch

from paper.live.browser import Browser
from reactivation import registry
from reactivation.analysis.run import TrainedRun, load_run
from reactivation.settings.layers import TrainConfig, resolve_train
from reactivation.settings.reading import parse_arguments
from reactivation.storage.folder import RunFolder
from reactivation.storage.networks import build
from reactivation.training.fit import fit
from reactivation.training.learner import Learner, new_learner
from reactivation.training.metrics import read_rows

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")
SPATIAL, HEAD = "spatial_navigation/noisy_unbiased", "head_direction/noisy_unbiased"
RING = "task.hd_cells_num=160"  # enough cells for the fast loss
SCRIPTS = ["train.py", *(f"output_{name}.py" for name in registry.names("analysis"))]
AUTHORS_TABLES = ("kl", "variance", "distance")  # the analyses of their release
PATIENCE = 600  # seconds that a test waits for another process: only one that hangs takes as long, however busy the machine

TINY_TRAIN = ["rnn.n_rec=12", "task.batch_size=8", "task.sequence_length=6", "trainer.n_epochs=4", "trainer.save_freq=2"]
TINY_ANALYSIS = ["batch_size=12", "t_active=10", "t_quiescent=14", "t_shift=2"]
LONG_RESTS = '"batch_size": "200"'  # their number of trajectories, which no preset changes
TINY_PRESET = """
train:
  tag: quick
  rnn: {n_rec: 12}
  task: {batch_size: 8, sequence_length: 6}
  trainer: {n_epochs: 4, save_freq: 2, test_freq: 2}
spatial_navigation:
  task: {place_cells_num: 16}
head_direction:
  task: {hd_cells_num: 16}
analysis:
  tag: quick
  batch_size: 12
"""


def examples_of(page: str, options: int = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE) -> int:
    """Run the examples of a document, which must print what it shows; returns how many there are."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    parsed = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    assert doctest.DocTestRunner(optionflags=options).run(parsed).failed == 0
    return len(parsed.examples)


def tiny(config: str, *words: str) -> list[str]:
    """The arguments of a tiny run of a config; further arguments override them."""
    cells = "task.place_cells_num=16" if config.startswith("spatial") else "task.hd_cells_num=16"
    arguments = parse_arguments([f"config={config}", *TINY_TRAIN, cells]) | parse_arguments(list(words))
    return [f"{key}={value}" for key, value in arguments.items()]


def configured(*words: str, config: str = SPATIAL) -> TrainConfig:
    """The configuration of a tiny run, changed by further arguments."""
    return resolve_train(parse_arguments(tiny(config, *words)))


def untrained(*words: str, config: str = SPATIAL) -> TrainedRun:
    """A tiny network before its first step, as a run."""
    settings = configured(*words, config=config)
    return TrainedRun.of_config(settings, *build(settings, CPU), step=0)


def learner(seed: int, config: str = SPATIAL, *words: str, device: str = "cpu") -> Learner:
    """A tiny network before its first step, with its task, loss and optimiser."""
    return new_learner(configured(f"seed={seed}", *words, config=config), torch.device(device))


def train(path: Path, *words: str, config: str = SPATIAL) -> RunFolder:
    """Train a tiny run in this process, or continue its training."""
    folder = RunFolder(path)
    fit(configured(f"path={path}", *words, config=config), folder)
    return folder


def load(folder: RunFolder, step: int | None = None) -> TrainedRun:
    """A trained run on the CPU."""
    return load_run(folder, CPU, step)


def same_weights(a: RunFolder, b: RunFolder, step: int) -> bool:
    """Whether two runs have the same network and task at a step, to the bit."""
    first, second = ({**run.network.state_dict(), **run.task.state_dict()} for run in (load(a, step), load(b, step)))
    return all(torch.equal(first[name], second[name]) for name in first)


def timeless(folder: RunFolder) -> list[dict[str, object]]:
    """The metrics without their times."""
    return [{k: v for k, v in row.items() if k != "steps_per_second"} for row in read_rows(folder.metrics_file)]


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder, with its content."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def authors_keys(name: str, folders: list[str], noiseless: int) -> list[tuple[str, list[str]]]:
    """The rows and columns, in order, that the authors' notebooks need in a file of results.

    Args:
        folders: names of run folders, those of noiseless training first.
    """
    if name == "kl":
        return [(row, folders) for row in (*folders, "random", "uniform")]
    if name == "distance":
        return [("active", folders), ("quiescent", folders), ("quiescent_noisy", folders[:noiseless])]
    return [(row, []) for row in folders]


def keys_of(table: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Rows and columns of a table, in their order."""
    return [(row, list(cells) if isinstance(cells, dict) else []) for row, cells in table.items()]


def copy_of_the_project(folder: Path, *names: str) -> Path:
    """A copy of the project, and of further named files, with a tiny quick preset and few long rests."""
    for name in ("reactivation", "paper", "configs", *names):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), ROOT / "pyproject.toml"]:
        shutil.copy(file, folder)
    (folder / "configs/preset/quick.yml").write_text(TINY_PRESET)
    protocols = (folder / "paper/protocols.py").read_text()
    assert LONG_RESTS in protocols
    (folder / "paper/protocols.py").write_text(protocols.replace(LONG_RESTS, '"batch_size": "12"'))
    return folder


def environment(project: Path = ROOT) -> dict[str, str]:
    """Environment variables for one thread, and for the package of one copy of the project."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project)}


@dataclass(frozen=True)
class Outcome:
    """The exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Outcome]


def call(folder: Path, script: str, *words: str) -> Outcome:
    """Run a script of the project in a folder, within this process: loading torch anew would take seconds."""
    file, out, err = ROOT / script, io.StringIO(), io.StringIO()
    with (
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", [str(file), *words]),
        patch.object(sys, "path", [str(file.parent), *sys.path]),
    ):
        try:
            runpy.run_path(str(file), run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, out.getvalue(), err.getvalue())


def start(folder: Path, script: str, *words: str, project: Path = ROOT) -> subprocess.Popen[str]:
    """Start a script of a copy of the project in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(project / script), *words], cwd=folder, env=environment(project), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a process to end; one that hangs is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()  # does nothing to a process that has ended
    return Outcome(process.returncode, out, err)


def wait_until(happens: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Poll until a process has made something happen; it must not end before."""
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert process.poll() is None, f"ended before: {end(process)}"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def started(kind: type[Browser], **wishes: Any) -> Browser:
    """Start a browser, or skip the test."""
    if kind.program() is None:
        pytest.skip(f"no {kind.__name__} here: apt-get install {kind.programs[0]}")
    return kind(**wishes)
