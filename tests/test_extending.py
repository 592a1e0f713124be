"""The examples of docs/extending.md, put into a copy of the project and run."""

import json
import math
from pathlib import Path
import re
import subprocess
import sys

from conftest import ROOT, TINY_ANALYSIS, TINY_TRAIN, copy_of_the_project, environment
import pytest

EXAMPLE = re.compile(r"(?<!`)`([\w/.]+\.(?:py|yml))`:\n\n```\w+\n(\S.*?)```", re.DOTALL)
ENTRY = re.compile(r"a line of `(\w+)` in\s+`([\w/.]+\.py)`:\n\n(?:<!-- fmt: off -->\n)?```python\n(\s.*?)```", re.DOTALL)
IMPORT = re.compile(r"the import, `(from .*?)`")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with the new files in it."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("project"), "tests", "docs")
    page = (ROOT / "docs" / "extending.md").read_text()
    examples, entries = EXAMPLE.findall(page), ENTRY.findall(page)
    assert (len(examples), len(entries)) == (16, 3)
    for name, text in examples:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text)
    for table, name, lines in entries:
        put_first(copy / name, table, lines)
    panels = copy / "paper/panels/__init__.py"
    line = "from paper.panels.base import Need, Panel, PanelTable\n"
    assert line in panels.read_text()
    panels.write_text(panels.read_text().replace(line, f"{line}{IMPORT.findall(page)[0]}\n"))
    return copy


def put_first(file: Path, table: str, lines: str) -> None:
    """Put entries at the beginning of a table."""
    changed, count = re.subn(rf"(?m)^({table}: .* = \w*[({{])$", lambda found: f"{found[1]}\n{lines}", file.read_text())
    assert count == 1
    file.write_text(changed)


def start(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=project, env=environment(project), text=True,
        capture_output=True, timeout=200, check=False,
    )  # fmt: skip


def run(project: Path, *words: str) -> str:
    done = start(project, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_a_new_task_trains_and_is_analysed(project: Path) -> None:
    run(project, "train.py", "config=open_field/noisy", "task.cells=16", *TINY_TRAIN)
    run(project, "output_kl.py", "task=open_field", "runs=[noisy]", *TINY_ANALYSIS)
    assert (project / "results/open_field/kl_0.0001_0.json").exists()


INSIDE = """
import numpy as np, torch
from reactivation.analysis.densities import estimate
from reactivation.streams import stream
from reactivation.world.tasks import annulus
task = annulus.build(annulus.Settings(), stream(0, "cells"))
paths = task.motion.paths(200, 200, stream(0, "trajectories"))
assert task.space.contains(paths.start).all() and task.space.contains(paths.positions).all()
assert (task.space.wall(paths.positions).gap < 0.03).double().mean() > 0.02, "walls are reached"
density = estimate(task.space, paths.positions[:, ::20].reshape(-1, 2).double().numpy())
hole = np.random.default_rng(0).uniform(-0.25, 0.25, (1000, 2))
assert np.isneginf(density.log_density(hole)).all()
assert task.space.contains(density.sample(1000, np.random.default_rng(0))).all()
"""


def test_a_new_space_holds_walks_and_densities(project: Path) -> None:
    """Every position lies within the walls, and no density in the hole."""
    run(project, "-c", INSIDE)
    run(project, "train.py", "config=annulus/noisy", "task.cells=16", *TINY_TRAIN)
    run(project, "output_kl.py", "task=annulus", "runs=[noisy]", *TINY_ANALYSIS)
    table = json.loads((project / "results/annulus/kl_0.0001_0.json").read_text())
    (run_folder,) = table["uniform"]
    assert all(math.isfinite(table[row][run_folder]) for row in (run_folder, "uniform"))


def test_a_new_experiment_trains_and_is_analysed(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_corner", "task.place_cells_num=16", *TINY_TRAIN)
    run(project, "output_kl.py", "runs=[noisy_corner]", "out=corner", *TINY_ANALYSIS)
    assert (project / "results/spatial_navigation/kl_0.0001_0_corner.json").exists()


ADAPTING = "config=spatial_navigation/noisy_unbiased_adapting"


def test_a_new_cell_trains_and_has_settings_of_its_own(project: Path) -> None:
    tiny = ["task.place_cells_num=16", *TINY_TRAIN]
    run(project, "train.py", ADAPTING, *tiny)
    run(project, "train.py", ADAPTING, *tiny, "rnn.adaptation_gain=0.4", "tag=tired")
    folder = project / "results/spatial_navigation/noisy_unbiased_adapting_0.0001_0"
    assert "adaptation_gain: 0.2\n" in (folder / "config.yml").read_text()
    tired = folder.with_name(f"{folder.name}_tired")
    assert "adaptation_gain: 0.4\n" in (tired / "config.yml").read_text()
    assert (folder / "model_4.pt").read_bytes() != (tired / "model_4.pt").read_bytes()
    run(project, "output_kl.py", "runs=[noisy_unbiased_adapting]", "out=adapting", *TINY_ANALYSIS)
    assert "rnn.adaptation_gain " in run(project, "train.py", "--help").partition("Keys of rnn.model=adapting alone")[2]
    shown = "import runpy, sys; runpy.run_path('train.py', run_name='__main__'); print('torch' in sys.modules)"
    assert run(project, "-c", shown, ADAPTING, "--print-config").endswith("False\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([ADAPTING, "rnn.adaptation_gian=1"], "unknown key rnn.adaptation_gian; did you mean rnn.adaptation_gain?"),
        ([ADAPTING, "rnn.adaptation_gain=-1"], "rnn.adaptation_gain=-1 must be at least 0"),
        ([ADAPTING, "rnn.model=gru", "rnn.adaptation_gain=1"], "rnn.model=adapting has it, rnn.model=gru has not"),
        (
            ["config=head_direction/noisy_biased", "rnn.adaptation_tau=1"],
            "unknown key rnn.adaptation_tau; rnn.model=adapting has it, rnn.model=vanilla has not",
        ),
    ],
)
def test_the_settings_of_a_cell_are_its_own(project: Path, words: list[str], said: str) -> None:
    refused = start(project, "train.py", *words)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_page_tells_how_many_lines_a_cell_takes(project: Path) -> None:
    told = re.search(r"That cell took (\d+) lines", (ROOT / "docs/extending.md").read_text())
    assert told
    assert int(told[1]) == len((project / "reactivation/network/cells/adapting.py").read_text().splitlines())


def test_a_new_analysis_runs(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "task.place_cells_num=16", *TINY_TRAIN)
    printed = run(project, "-m", "reactivation", "drift", "runs=[noisy_unbiased]", *TINY_ANALYSIS)
    assert "drift" in printed


def test_a_new_analysis_of_rates_runs(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "task.place_cells_num=16", *TINY_TRAIN)
    printed = run(project, "-m", "reactivation", "silence", "runs=[noisy_unbiased]", *TINY_ANALYSIS)
    assert "quiescent" in printed


def test_a_new_modifier_rests(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "task.place_cells_num=16", *TINY_TRAIN)
    lines = run(project, "inhibited_rest.py", "results/spatial_navigation/noisy_unbiased_0.0001_0").splitlines()
    plain, neutral, inhibited, both = (line.split()[0] for line in lines)
    assert plain == neutral
    assert len({plain, inhibited, both}) == 3


def test_a_new_panel_is_drawn_and_a_new_claim_is_judged(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "seed=1", "preset=quick")
    run(project, "-m", "reactivation", "drift", "seed=1", "runs=[noisy_unbiased]", "preset=quick")
    run(project, "figures.py", "fig=X1", "seeds=1", "preset=quick")
    assert len((project / "results/figures_quick/fig_X1.csv").read_text().splitlines()) == 201
    printed = run(
        project, "-c",
        "from paper.claims import CLAIMS; from paper.study import Study;"
        "from paper.claims.verdicts import judge_all; print(judge_all(CLAIMS, Study((1,), 'quick'))['drift'])",
    )  # fmt: skip
    assert "undecided" in printed


def test_the_tests_over_everything_registered_cover_the_new_files(project: Path) -> None:
    tests = [
        "tests/test_tasks.py",
        "tests/test_cells.py",
        "tests/test_modifiers.py",
        "tests/test_spaces.py",
        "tests/test_densities.py",
        "-k",
        "open_field or adapting or Annulus or annulus",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
    ]
    printed = run(project, "-m", "pytest", "-v", *tests)
    assert "open_field" in printed
    assert "adapting" in printed
    assert "test_a_density_with_walls_samples_from_itself[Annulus" in printed
