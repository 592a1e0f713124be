"""The authors' commands as written, at tiny size, and the analyses of their networks."""

from dataclasses import replace
from functools import partial
import io
from itertools import product
import json
import os
from pathlib import Path
import re
import shutil
import signal
from typing import Any

from factories import (
    AUTHORS_TABLES,
    PATIENCE,
    TINY_ANALYSIS,
    Command,
    authors_keys,
    configured,
    contents,
    end,
    keys_of,
    load,
    start,
    tiny,
    train,
)
import numpy as np
import pytest
import torch
from tqdm import tqdm

import reactivation as ra
from reactivation.analysis.base import AnalysisSettings, Recording, rest_of, waking_of
from reactivation.analysis.measures import distance
from reactivation.analysis.recordings import record
from reactivation.analysis.request import read_request
from reactivation.analysis.result_files import holds, result_file
from reactivation.analysis.run import TrainedRun
from reactivation.analysis.runner import measure
from reactivation.machine.errors import DamagedData
from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.dynamics import rollout
from reactivation.network.phases import Phase
from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import parse_arguments
from reactivation.storage.folder import RunFolder
from reactivation.streams import CELLS, NOISE, of_phase, stream
from reactivation.types import Noise
from reactivation.world.tuning import PlaceCells

SPATIAL = [f"spatial_navigation/{n}_{b}" for n in ("noisy", "no-noise") for b in ("unbiased", "biased")]
GRU = ["spatial_navigation/noisy_unbiased_gru", "spatial_navigation/noisy_biased_gru"]
HEAD = ["head_direction/noisy_unbiased", "head_direction/noisy_biased"]
ANALYSES = ("kl", "variance", "distance", "manifold")
FOLDERS = {  # of the runs that are analysed unless others are named, and how many of them have no noise
    "spatial_navigation": (
        ["no-noise_unbiased_0", "no-noise_biased_0", "noisy_unbiased_0.0001_0", "noisy_biased_0.0001_0"],
        2,
    ),
    "head_direction": (["noisy_unbiased_0.01_0", "noisy_biased_0.01_0"], 0),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every network of the authors' loop, tiny, in one results folder."""
    from reactivation.storage.finding import run_path
    from reactivation.training.fit import fit

    place = tmp_path_factory.mktemp("trained")
    for config in [*SPATIAL, *GRU, *HEAD]:
        settings = configured(config=config)
        fit(settings, RunFolder(run_path(settings, str(place))))
    return place


@pytest.fixture
def results(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "results"))


@pytest.mark.parametrize("config", [SPATIAL[0], GRU[1], HEAD[1]])
def test_train_command(config: str, command: Command, tmp_path: Path) -> None:
    done = command("train.py", *tiny(config), "seed=3")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results" / config.split("/")[0]).iterdir()
    assert folder.name.startswith(config.split("/")[1])
    assert folder.name.endswith("_3")
    assert "Traceback" not in done.stderr


def test_the_override_example_of_the_authors(command: Command, tmp_path: Path) -> None:
    words = (
        "config=spatial_navigation/noisy_unbiased seed=2 rnn.sigma2_rec=0.0003 trainer.n_epochs=3 task.place_cells_num=256"
    )
    done = command("train.py", *words.split(), "rnn.n_rec=12", "task.batch_size=8")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/spatial_navigation/noisy_unbiased_0.0003_2/model_3.pt").exists()


@pytest.mark.parametrize(
    ("name", "task"),
    [*product(ANALYSES, ("spatial_navigation", "head_direction")), ("transitions", "head_direction")],
)
def test_analysis_command(name: str, task: str, command: Command, results: Path) -> None:
    words = ["seed=0", *TINY_ANALYSIS, f"task={task}"]
    done = command(f"output_{name}.py", *words)
    assert done.returncode == 0, done.stderr
    noise = {"spatial_navigation": "0.0001", "head_direction": "0.01"}[task]
    table_file = results / task / f"{name}_{noise}_0.json"
    table = json.loads(table_file.read_text())
    details = json.loads(table_file.with_name(f"{name}_{noise}_0_details.json").read_text())
    if name in AUTHORS_TABLES:
        assert keys_of(table) == authors_keys(name, *FOLDERS[task])
    else:
        assert list(table) == FOLDERS[task][0]
    assert details["settings"]["t_shift"] == 2
    assert details["missing"] == []
    if name == "distance":
        assert {len(lengths) for phase in table.values() for lengths in phase.values()} == {12}
    before = {file: file.read_bytes() for file in (results / task).glob("*.json")}
    assert command(f"output_{name}.py", *words).returncode == 0
    assert {file: file.read_bytes() for file in (results / task).glob("*.json")} == before, "same seed, other bytes"


@pytest.mark.parametrize("name", ANALYSES)
def test_gru_runs_are_first_class(name: str, command: Command, results: Path) -> None:
    done = command(f"output_{name}.py", *TINY_ANALYSIS, "runs=[noisy_unbiased_gru,noisy_biased_gru]", "out=gru")
    assert done.returncode == 0, done.stderr
    table = json.loads((results / "spatial_navigation" / f"{name}_0.0001_0_gru.json").read_text())
    runs = table["active"] if name == "distance" else table
    assert list(runs)[:2] == ["noisy_unbiased_gru_0.0001_0", "noisy_biased_gru_0.0001_0"]


def test_the_authors_preset_runs_from_end_to_end(tmp_path: Path) -> None:
    """Commands run in processes of their own, as for a user; all other tests of commands call their scripts."""
    done = end(start(tmp_path, "train.py", *tiny(HEAD[0]), "preset=authors_code"))
    assert done.returncode == 0, done.stderr
    words = ["task=head_direction", "preset=authors_code", "runs=[noisy_unbiased]"]
    done = end(start(tmp_path, "output_kl.py", *TINY_ANALYSIS, *words))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/head_direction/kl_0.01_0_authors_code.json").exists()


def test_a_long_analysis_says_where_it_is(command: Command, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints at most a line a minute, and none if it is short, for each block and each part of the measures."""
    words = [*TINY_ANALYSIS, "runs=[noisy_unbiased]", f"path={results}"]
    assert command("output_kl.py", *words).stderr == ""
    monkeypatch.setattr("reactivation.analysis.progress._QUIET", 0.0)
    lines = command("output_kl.py", *words).stderr.splitlines()
    recorded = [("active", 0), ("active", 10), ("quiescent", 10), ("quiescent", 20), ("quiescent", 24)]
    assert lines[:5] == [f"kl: noisy_unbiased {phase}; step {step}/38" for phase, step in recorded]
    assert "kl: kl of noisy_unbiased/awake; step 38/38" in lines


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_the_bar_of_an_analysis_moves_within_a_phase(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setattr("reactivation.analysis.progress._QUIET", 0.0)
    monkeypatch.setattr("reactivation.analysis.progress.tqdm", partial(tqdm, mininterval=0.0))
    words = {**parse_arguments(TINY_ANALYSIS), "runs": "[noisy_unbiased]", "path": str(results)}
    measure(read_request("variance", words))
    shown = terminal.getvalue()
    assert "noisy_unbiased quiescent:  71%" in shown
    assert "10/14" in shown
    assert "\n" not in shown.rstrip(), "a bar, and no lines"


def test_a_long_recording_from_python_says_where_it_is(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ra.load(results / "spatial_navigation/noisy_unbiased_0.0001_0")
    capsys.readouterr()
    run.record(ra.rest(24), 2)
    assert capsys.readouterr().err == "", "a short one says nothing"
    monkeypatch.setattr("reactivation.analysis.progress._QUIET", 0.0)
    run.record(ra.rest(24), 2)
    told = [f"noisy_unbiased: quiescent; step {step}/24" for step in (10, 20, 24)]
    assert capsys.readouterr().err.splitlines() == told
    run.record(ra.rest(24, after=ra.waking(15)), 2)
    told = [f"noisy_unbiased: quiescent; step {step}/39" for step in (10, 15, 25, 35, 39)]
    assert capsys.readouterr().err.splitlines() == told, "the phase before it counts, too"


def test_the_bar_of_a_recording_shows_late_and_leaves_nothing(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ra.load(results / "spatial_navigation/noisy_unbiased_0.0001_0")
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    monkeypatch.setattr("reactivation.analysis.progress.tqdm", partial(tqdm, mininterval=0.0))
    run.record(ra.rest(24), 2)
    assert terminal.getvalue() == ""
    monkeypatch.setattr("reactivation.analysis.progress._SHORT", 1e-9)
    run.record(ra.rest(24), 2)
    assert "quiescent:  83%" in terminal.getvalue()
    assert terminal.getvalue().split("\r")[-2].strip() == "", "the line is cleared"


def test_missing_runs_are_named_with_their_command(command: Command, results: Path) -> None:
    for run in ("noisy_biased_0.0001_0", "no-noise_biased_0"):
        model = results / "spatial_navigation" / run / "model_4.pt"
        model.write_bytes(model.read_bytes()[:-100])
    before = sorted(results.rglob("*"))
    done = command("output_variance.py", *TINY_ANALYSIS)
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert "python train.py config=spatial_navigation/noisy_biased seed=0" in first
    assert "model_4.pt" in second
    assert "damaged" in second
    assert sorted(results.rglob("*")) == before
    done = command("output_variance.py", *TINY_ANALYSIS, "allow_missing=true")
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if "left out" in line]) == 2
    folder = results / "spatial_navigation"
    assert list(json.loads((folder / "variance_0.0001_0.json").read_text())) == [
        "no-noise_unbiased_0",
        "noisy_unbiased_0.0001_0",
    ]
    details = json.loads((folder / "variance_0.0001_0_details.json").read_text())
    assert details["missing"] == ["noisy_biased", "no-noise_biased"]
    done = command("output_variance.py", *TINY_ANALYSIS, "seed=9", "allow_missing=true")
    assert done.returncode == 3
    assert "python train.py config=spatial_navigation/noisy_biased seed=9" in done.stderr


def test_a_published_network_stands_in_and_is_named(command: Command, tmp_path: Path) -> None:
    done = command("output_variance.py", "runs=[noisy_unbiased]", "path=own", *TINY_ANALYSIS)  # each place is told once
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "published" in line)
    assert "own/spatial_navigation/noisy_unbiased_0.0001_0 is not there" in line


def test_the_command_for_a_missing_run_names_its_noise_and_tag(command: Command, results: Path) -> None:
    done = command("output_kl.py", "noise=0.0003", "tag=mine", "runs=[noisy_unbiased]")
    assert done.returncode == 3
    assert "config=spatial_navigation/noisy_unbiased seed=0 rnn.sigma2_rec=0.0003 tag=mine" in done.stderr


def test_the_command_for_a_run_that_was_to_go_further_says_how_far(command: Command, tmp_path: Path) -> None:
    config = resolve_train({"config": "spatial_navigation/noisy_unbiased", "seed": "0", "trainer.n_epochs": "5000"})
    folder = RunFolder(tmp_path / "results/spatial_navigation/noisy_unbiased_0.0001_0")
    folder.path.mkdir(parents=True)
    folder.assign(config)
    folder.model_file(2500).touch()
    done = command("output_kl.py", "runs=[noisy_unbiased]")
    assert done.returncode == 3
    assert "no model of step 5000" in done.stderr
    assert "config=spatial_navigation/noisy_unbiased seed=0 trainer.n_epochs=5000" in done.stderr


def test_results_of_other_settings_are_not_overwritten(command: Command, results: Path) -> None:
    words = ["t_quiescent=14", "runs=[noisy_unbiased]", "batch_size=12"]
    assert command("output_distance.py", *words).returncode == 0
    before = contents(results)
    done = command("output_distance.py", *words, "t_active=11")
    assert done.returncode == 2
    assert "t_active" in done.stderr
    assert "out=" in done.stderr
    assert contents(results) == before


@pytest.mark.parametrize("details", [None, "{}", "[]", "{", '{"settings": {}, "models": []}'])
def test_results_without_a_record_of_their_settings_are_not_overwritten(
    details: str | None, command: Command, results: Path
) -> None:
    """Results of the authors' code have no such record."""
    table = results / "spatial_navigation" / "variance_0.0001_0.json"
    table.write_text("{}")
    if details is not None:
        table.with_name("variance_0.0001_0_details.json").write_text(details)
    done = command("output_variance.py", *TINY_ANALYSIS)
    assert done.returncode == (2 if details is None else 3)
    assert "Traceback" not in done.stderr
    assert table.read_text() == "{}"


def test_the_command_for_a_missing_run_makes_it(command: Command, trained: Path, tmp_path: Path) -> None:
    done = command("output_variance.py", "path=elsewhere", "runs=[noisy_unbiased]", "epoch=3", *TINY_ANALYSIS)
    assert done.returncode == 3
    words = done.stderr.split("python train.py ")[1].split()
    sizes = [word for word in tiny(SPATIAL[0]) if not word.startswith(("config=", "trainer.n_epochs="))]
    assert command("train.py", *words, *sizes).returncode == 0
    done = command("output_variance.py", "path=elsewhere", "runs=[noisy_unbiased]", "epoch=3", *TINY_ANALYSIS)
    assert done.returncode == 0, done.stderr


def run_of(results: Path, name: str) -> TrainedRun:
    return load(RunFolder(results / "spatial_navigation" / name))


def settings(**values: Any) -> AnalysisSettings:
    return AnalysisSettings(**{"t_active": 10, "t_quiescent": 14, **values})


def resting(run: TrainedRun, draw: int = 0, **values: Any) -> Recording:
    return record(run, rest_of(settings(**values)), 12, 0, experiment="run", draw=draw)


def test_starts_of_rest_and_burn_in(results: Path) -> None:
    run = run_of(results, "noisy_unbiased_0.0001_0")
    rests = {start: resting(run, start=start).positions for start in ("task", "end_of_active", "random")}
    assert all(rest.shape == (12, 14, 2) for rest in rests.values())
    redrawn, again = (resting(run, draw=draw).positions for draw in (1, 2))
    assert not any((a == b).all() for a, b in ((rests["task"], redrawn), (redrawn, again)))
    shifted = resting(run, t_shift=5).positions
    assert (shifted == rests["task"][:, 5:]).all()


def start_of(run: TrainedRun, phase: Phase, trajectory_stream: str | None = None) -> torch.Tensor:
    """The state that a network starts a phase from."""
    seen: list[torch.Tensor] = []

    def watching(state: torch.Tensor, noise_stream: torch.Generator) -> torch.Tensor:
        seen.append(phase.start(state, noise_stream))
        return seen[-1]

    watched = replace(phase, start=watching)
    record(run, watched, 12, 0, experiment="run", trajectory_stream=trajectory_stream)
    return seen[-1]


def test_rest_starts_where_its_setting_says(results: Path) -> None:
    run = run_of(results, "noisy_unbiased_0.0001_0")
    task = start_of(run, rest_of(settings()))
    shuffled = start_of(run, rest_of(settings(start="random")))
    assert not (shuffled == task).all()
    assert (shuffled.sort(0).values == task.sort(0).values).all(), "each unit's rates, in an order of its own"
    after = rest_of(settings(start="end_of_active"))
    assert after.after
    awake = record(run, replace(after.after, name=after.name), 12, 0, experiment="run", rates=12).rates
    assert awake is not None
    assert (start_of(run, after).numpy() == awake[:, -1]).all()
    at_centres = start_of(run, rest_of(settings()), CELLS)
    assert isinstance(run.task.tuning, PlaceCells)
    assert (at_centres == run.network.initial_state(run.task.encode(run.task.tuning.centres[:12]))).all()
    assert not (task == at_centres).any()


def test_a_random_network_has_a_task_of_its_own_unless_shared(results: Path) -> None:
    words = {"path": str(results), "runs": "[noisy_unbiased]", "batch_size": "12", "t_active": "10", "t_quiescent": "14"}
    own, shared, none = (
        measure(read_request("kl", {**words, "random_network": which, "out": which})).table
        for which in ("own", "shared", "none")
    )
    assert own.keys() == shared.keys()
    assert [row for row in own if own[row] != shared[row]] == ["random"]
    assert {**none, "random": own["random"]} == own


@pytest.mark.parametrize(
    ("other", "words", "told"),
    [
        ("task.place_cells_num=25", ["random_network=shared"], r"random_network=shared: the first run has 16 outputs .* 25"),
        ("task.box_width=8.8", [], r"noisy_unbiased lives in .*2\.2.* and other in .*8\.8"),
    ],
)
def test_runs_that_have_no_common_world_are_refused(
    other: str, words: list[str], told: str, command: Command, results: Path
) -> None:
    train(results.parent / "other", other)
    done = command("output_kl.py", "runs=[noisy_unbiased,other]", *words, *TINY_ANALYSIS)
    assert done.returncode == 2
    assert re.search(told, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["train.py", "--help"],
        pytest.param(["train.py", *tiny(SPATIAL[0]), "--print-config"], marks=pytest.mark.slow),
        ["output_kl.py", "--help"],
    ],
)
def test_a_reader_that_goes_away_is_told_by_the_exit_code(words: list[str], tmp_path: Path) -> None:
    with start(tmp_path, *words) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("part", ["", "_details"])
def test_a_kill_between_two_files_is_seen_and_loses_no_table(
    part: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"runs": "[noisy_unbiased]", "path": str(results), "batch_size": "12", "t_active": "10", "t_quiescent": "14"}
    asked = read_request("distance", words)
    table, details = (result_file("distance", asked.settings, part) for part in ("", "_details"))
    killed_at, honest = result_file("distance", asked.settings, part), os.replace

    def killed(source: Path, target: Path) -> None:
        if target == killed_at:
            raise KeyboardInterrupt
        honest(source, target)

    measure(asked)
    whole = table.read_bytes()
    table.write_text("an older table")
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        measure(asked)
    assert details.exists()
    assert table.read_text() == "an older table"
    assert not holds("distance", asked.settings, {})
    monkeypatch.undo()
    measure(asked)
    assert table.read_bytes() == whole


def test_noise_at_rest_is_the_runs_own_or_the_one_put_in(results: Path) -> None:
    sigma = (1e-4 / 0.02) ** 0.5

    def noise_in(name: str, phase: Phase) -> Noise:
        run = run_of(results, name)
        return phase.noise_of(run.noise, run.network.cell)

    def sigma_of(name: str, phase: str, **values: Any) -> float:
        asked = distance.Settings(**{"t_active": 10, "t_quiescent": 14, **values})
        return noise_in(name, {one.name: one for one in distance.phases(asked)}[phase]).sigma

    assert sigma_of("noisy_unbiased_0.0001_0", "active") == pytest.approx(sigma)
    assert sigma_of("noisy_unbiased_0.0001_0", "quiescent") == pytest.approx(sigma * 2**0.5)
    assert sigma_of("noisy_unbiased_0.0001_0", "quiescent", variance_gain=1.0) == pytest.approx(sigma)
    assert sigma_of("noisy_unbiased_gru_0.0001_0", "quiescent") == pytest.approx(sigma)
    assert sigma_of("no-noise_unbiased_0", "quiescent") == 0
    assert sigma_of("no-noise_unbiased_0", "quiescent_noisy") == pytest.approx(sigma * 2**0.5)
    for phase_of in (waking_of, rest_of):
        assert noise_in("noisy_unbiased_0.0001_0", phase_of(settings(noise_kind="uniform"))).distribution == "uniform"
    assert Vanilla.rest_variance_gain == 2


def test_activity_that_blows_up_is_named_and_not_decoded(results: Path) -> None:
    run = run_of(results, "noisy_unbiased_0.0001_0")
    assert isinstance(run.network.cell, Vanilla)
    weight = run.network.cell.recurrent.weight
    with torch.no_grad():
        weight.copy_(60 * torch.eye(len(weight)))
    with pytest.raises(DamagedData, match=r"^run quiescent: activity is not finite from step \d+ on") as refused:
        resting(run, t_quiescent=100)
    last_good = int(str(refused.value).split("step ")[1].split()[0]) - 1
    assert np.isfinite(resting(run, t_quiescent=last_good).positions).all()


def test_a_rest_of_several_blocks_is_one_rollout_under_its_own_noise(results: Path) -> None:
    run, phase = run_of(results, "noisy_unbiased_0.0001_0"), rest_of(settings(t_quiescent=25))
    noise, inputs = phase.noise_of(run.noise, run.network.cell), torch.zeros(12, 25, 2)
    draws = stream(0, of_phase("run", phase.name, NOISE))
    with torch.no_grad():
        whole = rollout(run.network, start_of(run, phase), inputs, noise, run.dt, draws)
    recorded = record(run, phase, 12, 0, experiment="run", rates=12).rates
    assert recorded is not None
    assert (recorded == whole.rates.numpy()).all()
