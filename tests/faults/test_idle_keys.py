"""What is typed counts: a key that says nothing to what is asked for, and a word that has no place, are refused."""

from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from factories import HEAD, SPATIAL, Command, tiny
import pytest

from paper import diagram, figures, gain, plan
from reactivation.analysis import mechanism
from reactivation.machine.errors import BadInput, StorageError
from reactivation.settings.declaring import type_name
from reactivation.settings.reading import parse_seeds, seed_list
from reactivation.sweep import command as sweeps
from reactivation.sweep import looking, table
from reactivation.sweep.folder import PlannedRun, Sweep
from reactivation.sweep.grid import values_of
from reactivation.sweep.submissions import Launcher, new_submissions

SWEEP = [f"config={SPATIAL}", "seed=0,1", "dry_run=true"]
OF_SWEEPS = {"sweep", "x", "y", "hue", "where", "path", "out"}
OF_NETWORKS = {"run", "seed", "tag", "noise", "against", "checkpoints", "gains", "pairs", "path", "out"}
OF_CONTROLS = {f.name for f in fields(mechanism.Settings)} - {"tag", "noise"}
# What is asked for: the script, words that ask for it, the settings that the script has, and those that count there.
PARTS: dict[str, tuple[str, list[str], type, set[str]]] = {
    "figure of a sweep": ("figures.py", ["sweep=a", "x=b", "y=c"], figures.Settings, OF_SWEEPS),
    "table of a sweep": ("runs.py", ["sweep=a"], table.Settings, {"sweep", "path"}),
    "theory": ("reproduce.py", ["only=theory", "profile=paper"], plan.Settings,
               {"only", "profile", "seeds", "dry_run", "path"}),
    "publishing": ("reproduce.py", ["only=publish", "profile=paper", "dry_run=true"], plan.Settings,
                   {"only", "profile", "dry_run"}),
    "status": ("sweep.py", ["status"], looking.Settings, {"name", "watch", "path"}),
    "cancel": ("sweep.py", ["cancel"], looking.Settings, {"name", "path"}),
    "logs": ("sweep.py", ["logs", "x"], looking.Settings, {"name", "path"}),
    "networks that are to be trained": ("sweep.py", SWEEP, sweeps.Settings,
                                        {"name", "file", "then", "trained", "dry_run", "path"}),
    "steps of training": ("output_theory.py", [f"run={SPATIAL}", "checkpoints=[1]"], mechanism.Settings, OF_NETWORKS),
    "control": ("output_theory.py", ["run=control:langevin"], mechanism.Settings, OF_CONTROLS),
}  # fmt: skip
VALUES = {"bool": "true", "int": "3000", "float": "0.5", "list of int": "[1]", "list of float": "[1,2]"}


def typed(settings: type, name: str) -> str:
    """Return a word that sets a key to a value that it may have."""
    declared = settings.__dataclass_fields__[name].metadata  # type: ignore[attr-defined]  # a dataclass
    kind = type_name(get_type_hints(settings)[name]).removesuffix(" or null")
    return f"{name}={declared['choices'][-1] if declared['choices'] else VALUES.get(kind, 'spoken')}"


IDLE = [
    pytest.param(script, [*words, typed(settings, f.name)], f.name, id=f"{name}: {f.name}")
    for name, (script, words, settings, taken) in PARTS.items()
    for f in fields(settings)
    if f.name not in taken
]
# Nothing that a cluster is told counts on this machine.
IDLE += [
    pytest.param("sweep.py", [*SWEEP, f"launcher.{typed(Launcher, f.name)}"], f"launcher.{f.name}", id=f"here: {f.name}")
    for f in fields(Launcher)
    if f.name not in ("launcher", "stack", "tries")
]


@pytest.mark.parametrize(("script", "words", "key"), IDLE)
def test_a_key_that_says_nothing_to_what_is_asked_for_is_refused(
    script: str, words: list[str], key: str, command: Command, tmp_path: Path
) -> None:
    done = command(script, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"{key}" in done.stderr
    assert "says nothing" in done.stderr or "takes" in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["launcher.launcher=slurm"], "unknown key launcher.launcher"),
        (["seed=[0,1]"], "seed=[0,1] would be one value"),
        (["seed=0..99999"], "10000 at most"),
    ],
)
def test_a_sweep_refuses_what_it_would_take_for_something_else(words: list[str], said: str, command: Command) -> None:
    keys = {word.split("=")[0] for word in words}
    done = command("sweep.py", *[word for word in SWEEP if word.split("=")[0] not in keys], *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """A sweep of one run, in the folder `sweep`, which was handed over and has not begun."""
    sweep = Sweep(tmp_path / "sweep")
    sweep.take_plan([PlannedRun("spatial_navigation/run", {"config": SPATIAL})])
    sweep.path.mkdir()
    sweep.write_plan()
    new_submissions(sweep, list(sweep.runs), Launcher())
    return sweep.path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "FOLDER RUN"),
        (["none"], 2, "FOLDER RUN"),
        (["none", "run"], 3, "none/plan.json: missing"),
        (["sweep", "rum"], 2, "rum is no run of sweep; known: spatial_navigation/run"),
    ],
)
def test_how_a_sweep_begins_its_runs_is_refused_in_one_line(
    words: list[str], code: int, said: str, command: Command, swept: Path
) -> None:
    done = command("sweep.py", "work", *words)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "FOLDER SUBMISSION JOB"),
        (["sweep"], 2, "FOLDER SUBMISSION JOB"),
        (["sweep", "1", "0", "0"], 2, "FOLDER SUBMISSION JOB"),
        (["sweep", "1", "-1"], 2, "FOLDER SUBMISSION JOB"),
        (["sweep", "one", "0"], 2, "FOLDER SUBMISSION JOB"),
        (["sweep", "9", "0"], 3, "9.json: missing"),
        (["sweep", "1", "1"], 2, "1.json has no job 1; it has 1"),
    ],
)
def test_what_a_scheduler_is_told_is_refused_in_one_line(
    words: list[str], code: int, said: str, command: Command, swept: Path
) -> None:
    done = command("sweep.py", "job", *words)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("words", [["two"], ["name=two"]])
@pytest.mark.parametrize("part", ["status", "cancel"])
def test_one_sweep_is_looked_at(part: str, words: list[str], command: Command) -> None:
    done = command("sweep.py", part, "one", *words)
    assert (done.returncode, done.stderr) == (2, "command line: one two: one sweep at a time\n")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0,2,1", (0, 2, 1)), ("[0,1]", (0, 1)), ("0..2", (0, 1, 2)), ("7,0..1", (7, 0, 1)), ("[3..3]", (3,))],
)
def test_seeds_are_listed_in_one_way_everywhere(text: str, seeds: tuple[int, ...]) -> None:
    assert seed_list(text, "seeds") == seeds
    assert parse_seeds({"seed": text}) == [str(seed) for seed in seeds]
    assert values_of(text.strip("[]"), "seed") == [str(seed) for seed in seeds]


@pytest.mark.parametrize(
    "text", ["[0,1", "0,1]", "[0", "[]", "2..0", "0..", "0..1e9", "0...2", "0..99999999999999999999", "[[0,1]]"]
)
def test_what_is_no_list_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"seed=.* must be whole numbers, as in seed=0,1,2 or seed=0\.\.4|is no range"):
        parse_seeds({"seed": text})


SEVERAL = {
    "train.py": [*tiny(HEAD), "--print-config"],
    "output_variance.py": ["--print-config"],
    "figures.py": ["fig=2e"],
    "reproduce.py": ["profile=paper", "only=report", "dry_run=true"],
}


@pytest.mark.parametrize("script", SEVERAL)
def test_every_script_of_several_seeds_takes_a_range_and_refuses_half_a_list(script: str, command: Command) -> None:
    key = "seeds" if script in ("figures.py", "reproduce.py") else "seed"
    refused = command(script, *SEVERAL[script], f"{key}=[0,1")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert f"{key}=[0,1 must be whole numbers" in refused.stderr
    taken = command(script, *SEVERAL[script], f"{key}=97..98")
    assert "must be" not in taken.stderr
    assert taken.returncode == (3 if script == "figures.py" else 0), taken.stderr
    if key == "seed":
        assert [line for line in taken.stdout.splitlines() if line.startswith("seed:")] == ["seed: 97", "seed: 98"]


NAMED = {
    "figures.py": ["fig=live", "seeds=0"],
    "runs.py": ["published=true"],
    "reproduce.py": ["dry_run=true"],
    "sweep.py": ["status"],
    "output_theory.py": ["run=control:langevin"],
}


@pytest.mark.parametrize("below", ["", "/below"])
@pytest.mark.parametrize("name", [*NAMED, "gain", "diagram"])
def test_a_file_where_a_folder_is_to_be_is_refused(name: str, below: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    word = f"path={tmp_path}/file{below}"
    if name in NAMED:
        done = command(name, *NAMED[name], word)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == f"{word[5:]}: part of that path is a file: move it away, or name another folder\n"
    else:
        with pytest.raises(StorageError, match="part of that path is a file"):
            {"gain": gain, "diagram": diagram}[name].main([word, "dry_run=true"])
