"""What several test files need: tiny sizes, ready-made tasks and networks, and the command line as a user has it."""

from collections.abc import Callable
import os
from pathlib import Path
import shutil
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; set before torch loads

import pytest
import torch

from reactivation import registry

ROOT = Path(__file__).parent.parent

TINY_TRAIN = ["rnn.n_rec=12", "task.batch_size=8", "task.sequence_length=6", "trainer.n_epochs=4", "trainer.save_freq=2"]
TINY_ANALYSIS = ["batch_size=12", "t_active=10", "t_quiescent=14", "t_shift=2"]
SCRIPTS = ["train.py", *(f"output_{name}.py" for name in registry.names("analysis"))]
PRECISION = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]  # torch has no types for it

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


def copy_of_the_project(folder: Path, *names: str) -> Path:
    """A copy of the project, and of what else is named, whose quick preset is tiny."""
    for name in ("reactivation", "paper", "configs", *names):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), ROOT / "pyproject.toml"]:
        shutil.copy(file, folder)
    (folder / "configs/preset/quick.yml").write_text(TINY_PRESET)
    return folder


def tiny(config: str) -> list[str]:
    """The arguments of a tiny run of a config."""
    cells = "task.place_cells_num=16" if config.startswith("spatial") else "task.hd_cells_num=16"
    return [f"config={config}", *TINY_TRAIN, cells]


Command = Callable[..., subprocess.CompletedProcess[str]]


def environment(project: Path = ROOT) -> dict[str, str]:
    """One thread, and the package of one copy of the project."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project)}


@pytest.fixture(autouse=True)
def arithmetic_as_at_the_start() -> None:
    """A test that trains or rests in this process flushes denormals, which hypothesis refuses in whatever test follows."""
    torch.set_flush_denormal(False)
    torch.backends.mkldnn.matmul.fp32_precision = PRECISION


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run a script of the project in an empty folder: command("train.py", "config=...")."""

    def run(script: str, *words: str, project: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(project / script), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment(project),
            stdin=subprocess.DEVNULL,
            timeout=200,
        )

    return run


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded source of randomness."""
    return torch.Generator().manual_seed(1)
