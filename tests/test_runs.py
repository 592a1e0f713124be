"""Many runs: references to runs in arguments of analyses, the card beside each run, and tables of all runs."""

import csv
import errno
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any

from factories import HEAD, SPATIAL, TINY_ANALYSIS, Command, configured, contents, train
import pytest

import reactivation as ra
from reactivation.analysis import runs_table
from reactivation.analysis.request import read_request
from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import BadInput, DamagedData, SomeFailed
from reactivation.machine.places import CONFIGS, PUBLISHED
from reactivation.settings import layers
from reactivation.storage.card import FAILED, FINISHED, PARTIAL, Card, read_card
from reactivation.storage.finding import run_path
from reactivation.storage.folder import RunFolder
from reactivation.storage.table import table_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two noises."""
    root = tmp_path_factory.mktemp("runs")
    for noise in ("0.0001", "0.0003"):
        train(run_path(configured(f"rnn.sigma2_rec={noise}"), str(root)), f"rnn.sigma2_rec={noise}")
    return root


@pytest.fixture
def results(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "results"))


def test_an_own_experiment_is_found_with_its_own_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "train/spatial_navigation/mine.yml").write_text("rnn: {sigma2_rec: 0.0005}\n")
    monkeypatch.setattr(layers, "CONFIGS", configs)
    asked = read_request("kl", {"runs": "[mine]", "seed": "3"})
    assert asked.runs[0].folder.path.name == "mine_0.0005_3"
    assert asked.settings.noise == 0.0005
    said = read_request("kl", {"runs": "[mine]", "noise": "0.0002", "tag": "x"})
    assert said.runs[0].folder.path.name == "mine_0.0002_0_x"
    mixed = read_request("kl", {"runs": "[mine,noisy_unbiased]"})
    assert [run.folder.path.name for run in mixed.runs] == ["mine_0.0005_0", "noisy_unbiased_0.0001_0"]
    assert mixed.settings.noise == 1e-4


def test_folders_of_several_noises_and_seeds(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ",".join(f"noisy_unbiased_{noise}_<seed>" for noise in ("0.0001", "0.0003"))
    words = [f"runs=[{names}]", f"path={results}", *TINY_ANALYSIS]
    with pytest.raises(SomeFailed) as failed:
        run_analysis("distance", ["seed=1,0", *words])
    assert failed.value.exit_code == DamagedData.exit_code
    assert "seed=1: noisy_unbiased_0.0001_1" in capsys.readouterr().err
    details = json.loads((results / "spatial_navigation/distance_0.0001_0_details.json").read_text())
    assert [Path(model["folder"]).name for model in details["models"].values()] == [
        "noisy_unbiased_0.0001_0",
        "noisy_unbiased_0.0003_0",
    ]
    table = ra.runs_table(results, of="results")
    assert table.columns[:4] == ("experiment", "seed", "analysis", "phase")
    assert {(row["rnn.sigma2_rec"], row["phase"]) for row in table} == {
        (noise, phase) for noise in (0.0001, 0.0003) for phase in ("active", "quiescent")
    }
    assert all(row["step_length"] > row["step_length_standard_error"] > 0 for row in table)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seed=3", "seed=3: noisy_unbiased_0.0001_0 is of seed 0"),
        ("task=head_direction", "task=head_direction: noisy_unbiased_0.0001_0 is a run of spatial_navigation"),
        ("noise=0.0003", "noise=0.0003: noisy_unbiased_0.0001_0 was trained with noise=0.0001"),
        ("sigma=0.5", "noise=0.005: noisy_unbiased_0.0001_0 was trained with noise=0.0001"),
    ],
)
def test_results_are_named_by_nothing_that_their_runs_have_not(word: str, said: str, results: Path) -> None:
    folder, (key, value) = results / "spatial_navigation/noisy_unbiased_0.0001_0", word.split("=")
    with pytest.raises(BadInput, match=re.escape(said)):
        read_request("variance", {"runs": f"[{folder}]", key: value})
    beside = {"runs": f"[{folder},{folder.with_name('noisy_unbiased_0.0003_0')}]"}
    assert read_request("variance", beside | {"seed": "0", "noise": "0.0003"}).settings.noise == 0.0003


def test_runs_that_differ_in_their_tag_alone_are_told_apart(results: Path) -> None:
    """Their fingerprints are equal; older details do not name the folder, but the table does."""
    run_analysis("manifold", ["seed=0", "runs=[noisy_unbiased]", f"path={results}", *TINY_ANALYSIS])
    folder = results / "spatial_navigation"
    details = folder / "manifold_0.0001_0_details.json"
    found = json.loads(details.read_text())
    for model in found["models"].values():
        del model["folder"]
    details.write_text(json.dumps(found))
    train(folder / "noisy_unbiased_0.0001_0_later", "rnn.sigma2_rec=0.0001", "tag=later")
    rows = ra.runs_table(results, of="results")
    assert {Path(row["run"]).name for row in rows} == {"noisy_unbiased_0.0001_0"}
    assert len(rows) == 2


def test_rest_without_a_change_is_a_point_on_its_axis(results: Path) -> None:
    for change in ("friction=1", "friction=0.5", "tau=0.1"):
        run_analysis("variance", [f"momentum.{change}", "runs=[noisy_unbiased]", f"path={results}", *TINY_ANALYSIS])
    rows = ra.runs_table(results, of="results")
    assert [(row["momentum.tau"], row["momentum.friction"]) for row in rows] == [(None, 1.0), (None, 0.5), (0.1, None)]
    assert {row["adaptation.gain"] for row in rows} == {None}, "no row has adaptation"


@pytest.mark.artifact
def test_published_results_of_every_analysis_have_their_measures() -> None:
    """Their tables are by run folder, which their details do not name."""
    told = {
        "kl": "kl", "distance": "step_length", "variance": "variance",
        "manifold": "explained_share", "transitions": "mean_absolute_turn",
    }  # fmt: skip
    rows = [row for row in ra.runs_table(PUBLISHED, of="results") if row["analysis"] in told]
    assert {row["analysis"] for row in rows} == set(told)
    assert not [row["file"] for row in rows if row[told[row["analysis"]]] is None]
    file = PUBLISHED / "head_direction/transitions_0.01_0.json"
    named = file.with_name("transitions_0.01_0_details.json").name
    waking = next(row for row in rows if Path(row["file"]).name == named and row["phase"] == "active")
    table = json.loads(file.read_text())
    assert waking["dwell_steps"] == table["noisy_unbiased_0.01_0"]["active"]["dwell"]


def test_results_of_a_published_network_have_its_settings(tmp_path: Path) -> None:
    run_analysis("variance", ["runs=[noisy_biased]", f"path={tmp_path}", *TINY_ANALYSIS])
    (row,) = ra.runs_table(tmp_path, of="results")
    assert (row["rnn.n_rec"], Path(row["run"]).name) == (512, "noisy_biased_0.0001_0")


def test_published_runs_are_read_only_for_results_of_them(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_analysis("variance", ["runs=[noisy_unbiased]", f"path={results}", *TINY_ANALYSIS])
    read: list[Path] = []

    def noted(folder: RunFolder) -> Card:
        read.append(folder.path)
        return read_card(folder)

    monkeypatch.setattr(runs_table, "read_card", noted)
    assert len(ra.runs_table(results, of="results"))
    assert read
    assert not [path for path in read if path.is_relative_to(PUBLISHED)]


def test_measures_of_replay_have_their_errors_and_nulls_in_the_table(results: Path) -> None:
    run_analysis("replay", ["runs=[noisy_unbiased]", f"path={results}", "measures=[exponent,dwell]", *TINY_ANALYSIS])
    (row,) = ra.runs_table(results, of="results")
    details = json.loads(Path(row["file"]).read_text())["noisy_unbiased"]["exponent"]
    assert row["phase"] == "quiescent"
    assert row["exponent"] is not None
    assert row["exponent_standard_error"] == details["standard_error"]
    assert row["exponent_null_high"] == details["null"]["high"]


def test_a_table_of_runs_is_a_csv_file_too(results: Path) -> None:
    before = contents(results)
    table = ra.runs_table(results)
    assert [row["state"] for row in table] == [FINISHED, FINISHED]
    assert table.columns[:4] == ("experiment", "seed", "rnn.sigma", "rnn.sigma2_rec")
    assert contents(results) == before, "tables write nothing"
    table.to_csv(results / "table.csv")
    with open(results / "table.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in table]


def test_a_stale_card_is_not_believed(results: Path) -> None:
    folder = RunFolder(results / "spatial_navigation/noisy_unbiased_0.0001_0")
    truth = read_card(folder)
    assert (truth.state, truth.step, truth.tested) == (FINISHED, 4, 4)
    told = json.loads(folder.card_file.read_text())
    shorter, another = {**told["of"], "tests": 1}, {**told["of"], "config": "other"}
    edited = ({"state": "begun"}, {"state": PARTIAL}, {"step": -1}, {"step": 3}, {"tested": -4}, {"problem": "none"})
    settings = [told["settings"] | one for one in ({"trainer.n_epochs": True}, {"rnn.tau": 0.2}, {"rnn.model": "gru"})]
    others = ({"seed": 9}, {"experiment": HEAD}, {"experiment": "none"}, {"settings": {"trainer.n_epochs": 4}})
    wrong: list[object] = [told | {"step": 2, "of": shorter}, told | {"seed": 9, "of": another}, [], {}]
    wrong += [told | one for one in (*edited, *others, *({"settings": one} for one in settings))]
    for stale in wrong:
        folder.card_file.write_text(json.dumps(stale))
        assert read_card(folder) == truth
    folder.card_file.unlink()
    assert read_card(folder) == truth


def test_runs_behind_links_are_in_the_table_once(results: Path, tmp_path: Path) -> None:
    whole = len(runs_table.runs_table(results))
    (tmp_path / "root").mkdir()
    (tmp_path / "root/space").symlink_to(results)
    (tmp_path / "root/again").symlink_to(results)
    (tmp_path / "root/circle").symlink_to(tmp_path / "root")
    shutil.copytree(results, tmp_path / "root/.copy")  # as of a sweep that was killed while it took a network
    assert len(runs_table.runs_table(tmp_path / "root")) == whole > 1


def test_what_may_not_be_read_is_told_and_leaves_the_others(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder, and a file in another, cannot be read. This is simulated, as permissions do not stop a superuser."""
    whole = len(runs_table.runs_table(results))
    space, (one, *_) = results / "spatial_navigation", sorted((results / "spatial_navigation").glob("*_0"))
    honest, scandir = Path.read_text, os.scandir

    def no_file(file: Path, *words: Any, **options: Any) -> str:
        if file.parent == one:
            raise PermissionError(errno.EACCES, "", str(file))
        return honest(file, *words, **options)

    monkeypatch.setattr(Path, "read_text", no_file)
    (one / "run.json").unlink()
    assert len(runs_table.runs_table(results)) == whole - 1
    assert capsys.readouterr().err == f"left out: {one}/config.yml: {DENIED}\n"

    def no_folder(place: Any) -> Any:
        if Path(place) == space:
            raise PermissionError(errno.EACCES, "", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", no_folder)
    runs_table.runs_table(results)
    assert capsys.readouterr().err == f"left out: {space}: {DENIED}\n"


DENIED = "permission denied: change the permissions, or name another folder"


def test_a_card_tells_how_a_run_stands(tmp_path: Path) -> None:
    with pytest.raises(DamagedData):
        train(tmp_path / "bad", "trainer.lr=1e29", "trainer.test_freq=1")
    card = read_card(RunFolder(tmp_path / "bad"))
    assert (card.state, card.experiment) == (FAILED, SPATIAL)
    assert card.problem is not None
    folder = train(tmp_path / "run")
    folder.assign(configured("trainer.n_epochs=9", f"path={folder.path}"))  # and is killed before it has done anything
    assert read_card(folder).state == PARTIAL


def test_a_parquet_file_holds_what_the_rows_do(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed here (extra: tables)")
    rows: list[dict[str, object]] = [
        {"name": "a", "number": 1, "mixed": 1, "list": [0.5, 1], "either": True, "nothing": None},
        {"name": None, "number": 2, "mixed": 0.5, "list": None, "either": "yes", "nothing": None},
    ]
    table_of(rows, first=(), measures=(), last=()).to_parquet(tmp_path / "table.parquet")
    read = parquet.read_table(tmp_path / "table.parquet").to_pylist()
    assert read[0] == {"name": "a", "number": 1, "mixed": 1.0, "list": "[0.5, 1]", "either": "True", "nothing": None}
    assert read[1] == {"name": None, "number": 2, "mixed": 0.5, "list": None, "either": "yes", "nothing": None}


def test_a_table_goes_to_a_file_of_a_known_kind(results: Path, command: Command) -> None:
    assert "must be the name of a .csv or .parquet file" in command("runs.py", f"path={results}", "out=table.xls").stderr
    assert command("runs.py", f"path={results}", f"out={results}/table.csv").returncode == 0
    assert len((results / "table.csv").read_text().splitlines()) == 3
    (results / "empty").mkdir()
    assert "no runs in" in command("runs.py", f"path={results}/empty").stdout
    said = command("runs.py", f"path={results}", "sweep=noise").stderr
    assert said.count("\n") == 1
    assert f"no sweep noise in {results}/sweeps" in said
