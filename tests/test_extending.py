"""The examples of docs/extending.md, put into a copy of the project and run."""

import json
import math
from pathlib import Path
import re
import subprocess
import sys

from factories import PATIENCE, ROOT, TINY_ANALYSIS, TINY_TRAIN, copy_of_the_project, environment
import pytest

EXAMPLE = re.compile(r"(?<!`)`([\w/.]+\.(?:py|yml))`:\n\n```\w+\n(\S.*?)```", re.DOTALL)
ENTRY = re.compile(r"a line of `(\w+)` in\s+`([\w/.]+\.py)`:\n\n(?:<!-- fmt: off -->\n)?```python\n(\s.*?)```", re.DOTALL)
IMPORT = re.compile(r"the import, `(from .*?)`")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
        capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def run(project: Path, *words: str) -> str:
    done = start(project, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


IN_ONE_PROCESS = """
import contextlib, io, json, runpy, sys, traceback
ended = []
for script, *words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = [script, *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(script, run_name="__main__")
            code = 0
        except SystemExit as end:
            code = end.code
        except Exception:
            traceback.print_exc()
            code = 1
    ended.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(ended))
"""
ADAPTING = "config=spatial_navigation/noisy_unbiased_adapting"
PLAIN = "spatial_navigation/noisy_unbiased"
TINY_PLACES = ["task.place_cells_num=16", *TINY_TRAIN]
COMMANDS = [
    ["train.py", "config=open_field/noisy", "task.cells=16", *TINY_TRAIN],
    ["output_kl.py", "task=open_field", "runs=[noisy]", *TINY_ANALYSIS],
    ["train.py", "config=annulus/noisy", "task.cells=16", *TINY_TRAIN],
    ["output_kl.py", "task=annulus", "runs=[noisy]", *TINY_ANALYSIS],
    ["train.py", "config=spatial_navigation/noisy_corner", *TINY_PLACES],
    ["output_kl.py", "runs=[noisy_corner]", "out=corner", *TINY_ANALYSIS],
    ["train.py", ADAPTING, *TINY_PLACES],
    ["train.py", ADAPTING, *TINY_PLACES, "rnn.adaptation_gain=0.4", "tag=tired"],
    ["output_kl.py", "runs=[noisy_unbiased_adapting]", "out=adapting", *TINY_ANALYSIS],
    ["train.py", "--help"],
    ["train.py", f"config={PLAIN}", *TINY_PLACES],
    ["reactivation/__main__.py", "drift", "runs=[noisy_unbiased]", *TINY_ANALYSIS],
    ["reactivation/__main__.py", "silence", "runs=[noisy_unbiased]", *TINY_ANALYSIS],
    ["inhibited_rest.py", f"results/{PLAIN}_0.0001_0"],
    ["train.py", f"config={PLAIN}", "seed=1", "preset=quick"],
    ["reactivation/__main__.py", "drift", "seed=1", "runs=[noisy_unbiased]", "preset=quick"],
    ["figures.py", "fig=X1", "seeds=1", "preset=quick"],
]


Ended = list[tuple[int, str, str]]  # exit code, output and messages of each of `COMMANDS`


@pytest.fixture(scope="module")
def printed(project: Path) -> Ended:
    """One process runs all commands: torch takes long to load."""
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS], input=json.dumps(COMMANDS), cwd=project, env=environment(project),
        text=True, capture_output=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    ended: Ended = json.loads(done.stdout)
    return ended


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda number: " ".join(COMMANDS[number][:3]))
def test_a_command_of_the_page_runs(number: int, printed: Ended) -> None:
    code, said, problem = printed[number]
    assert code == 0, problem + said


def said_by(printed: Ended, *words: str) -> str:
    """The output of the one command that begins with these words."""
    (said,) = (said for command, (_, said, _) in zip(COMMANDS, printed, strict=True) if command[: len(words)] == [*words])
    return said


@pytest.fixture
def made(project: Path, printed: Ended) -> Path:
    """The copy of the project, with the results of `COMMANDS`."""
    return project


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


def test_a_new_space_holds_walks_and_densities(made: Path) -> None:
    """Every position lies within the walls, and no density in the hole."""
    run(made, "-c", INSIDE)
    table = json.loads((made / "results/annulus/kl_0.0001_0.json").read_text())
    (run_folder,) = table["uniform"]
    assert all(math.isfinite(table[row][run_folder]) for row in (run_folder, "uniform"))


def test_new_tasks_and_experiments_are_analysed(made: Path) -> None:
    assert (made / "results/open_field/kl_0.0001_0.json").exists()
    assert (made / "results/spatial_navigation/kl_0.0001_0_corner.json").exists()


def test_a_new_cell_has_settings_of_its_own(made: Path, printed: Ended) -> None:
    folder = made / "results/spatial_navigation/noisy_unbiased_adapting_0.0001_0"
    assert "adaptation_gain: 0.2\n" in (folder / "config.yml").read_text()
    tired = folder.with_name(f"{folder.name}_tired")
    assert "adaptation_gain: 0.4\n" in (tired / "config.yml").read_text()
    assert (folder / "model_4.pt").read_bytes() != (tired / "model_4.pt").read_bytes()
    assert "rnn.adaptation_gain " in said_by(printed, "train.py", "--help").partition("Keys of rnn.model=adapting alone")[2]
    shown = "import runpy, sys; runpy.run_path('train.py', run_name='__main__'); print('torch' in sys.modules)"
    assert run(made, "-c", shown, ADAPTING, "--print-config").endswith("False\n")


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


def test_new_analyses_print_what_they_measure(printed: Ended) -> None:
    assert "drift" in said_by(printed, "reactivation/__main__.py", "drift", "runs=[noisy_unbiased]")
    assert "quiescent" in said_by(printed, "reactivation/__main__.py", "silence")


def test_a_new_modifier_rests(printed: Ended) -> None:
    plain, neutral, inhibited, both = (line.split()[0] for line in said_by(printed, "inhibited_rest.py").splitlines())
    assert plain == neutral
    assert len({plain, inhibited, both}) == 3


def test_a_new_panel_is_drawn_and_a_new_claim_is_judged(made: Path) -> None:
    assert len((made / "results/figures_quick/fig_X1.csv").read_text().splitlines()) == 201
    judged = run(
        made, "-c",
        "from paper.claims import CLAIMS; from paper.study import Study;"
        "from paper.claims.verdicts import judge_all; print(judge_all(CLAIMS, Study((1,), 'quick'))['drift'])",
    )  # fmt: skip
    assert "undecided" in judged


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
    covered = run(project, "-m", "pytest", "-v", *tests)
    assert "open_field" in covered
    assert "adapting" in covered
    assert "test_a_density_with_walls_samples_from_itself[Annulus" in covered
