"""The examples of docs/extending.md, put into a copy of the project and run."""

from pathlib import Path
import re
import shutil
import subprocess
import sys

from conftest import ROOT, TINY_ANALYSIS, TINY_TRAIN, environment
import pytest

EXAMPLE = re.compile(r"`([\w/.]+\.(?:py|yml))`:\n\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with the new files in it."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("reactivation", "configs", "tests", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*ROOT.glob("*.py"), ROOT / "pyproject.toml"]:
        shutil.copy(file, copy)
    examples = EXAMPLE.findall((ROOT / "docs" / "extending.md").read_text())
    assert len(examples) == 7
    for name, text in examples:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text)
    return copy


def run(project: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=project, env=environment() | {"PYTHONPATH": str(project)}, text=True,
        capture_output=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_new_task_trains_and_is_analysed(project: Path) -> None:
    run(project, "train.py", "config=open_field/noisy", "task.cells=16", *TINY_TRAIN)
    run(project, "output_kl.py", "task=open_field", "runs=[noisy]", *TINY_ANALYSIS)
    assert (project / "results/open_field/kl_0.0001_0.json").exists()


def test_a_new_cell_trains(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased_adapting", "task.place_cells_num=16", *TINY_TRAIN)
    assert (project / "results/spatial_navigation/noisy_unbiased_adapting_0.0001_0/model_4.pt").exists()


def test_a_new_analysis_runs(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "task.place_cells_num=16", *TINY_TRAIN)
    printed = run(project, "output_drift.py", "runs=[noisy_unbiased]", *TINY_ANALYSIS)
    assert "drift" in printed


def test_the_tests_over_everything_registered_cover_the_new_files(project: Path) -> None:
    tests = [
        "tests/test_tasks.py",
        "tests/test_cells.py",
        "-k",
        "open_field or adapting",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
    ]
    printed = run(project, "-m", "pytest", "-v", *tests)
    assert "open_field" in printed
    assert "adapting" in printed
