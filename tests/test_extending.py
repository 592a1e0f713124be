"""The examples of docs/extending.md, put into a copy of the project and run."""

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
    assert (len(examples), len(entries)) == (9, 3)
    for name, text in examples:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text)
    for table, name, lines in entries:
        put_first(copy / name, table, lines)
    catalogue = copy / "paper/catalogue.py"
    line = "from paper import panels\n"
    catalogue.write_text(catalogue.read_text().replace(line, f"{line}{IMPORT.findall(page)[0]}\n"))
    return copy


def put_first(file: Path, table: str, lines: str) -> None:
    """Put entries at the beginning of a table."""
    changed, count = re.subn(rf"(?m)^({table}: .* = [({{])$", lambda found: f"{found[1]}\n{lines}", file.read_text())
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
    printed = run(project, "output_drift.py", "runs=[noisy_unbiased]", *TINY_ANALYSIS)
    assert "drift" in printed


def test_a_new_panel_is_drawn_and_a_new_claim_is_judged(project: Path) -> None:
    run(project, "train.py", "config=spatial_navigation/noisy_unbiased", "seed=1", "preset=quick")
    run(project, "output_drift.py", "seed=1", "runs=[noisy_unbiased]", "preset=quick")
    run(project, "figures.py", "fig=X1", "seeds=1", "preset=quick")
    assert len((project / "results/figures_quick/fig_X1.csv").read_text().splitlines()) == 201
    printed = run(
        project, "-c",
        "from paper.claims import CLAIMS; from paper.evidence import Evidence;"
        "from paper.verdicts import judge_all; print(judge_all(CLAIMS, Evidence((1,), 'quick'))['drift'])",
    )  # fmt: skip
    assert "undecided" in printed


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
