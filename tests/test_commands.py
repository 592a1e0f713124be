"""The authors' commands as written, at tiny size, and the analyses on what they leave."""

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
    start,
    tiny,
)
import numpy as np
import pytest
import torch

from reactivation.analysis.base import AnalysisSettings, Recording, rest_of, waking_of
from reactivation.analysis.measures import distance
from reactivation.analysis.recordings import record
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.network.cells.vanilla import Vanilla
from reactivation.settings.layers import resolve_train
from reactivation.storage.finding import _say_stand_in
from reactivation.storage.folder import RunFolder
from reactivation.streams import CELLS
from reactivation.world.spaces import Box

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
    """In processes of their own, as a user begins them; all other tests of commands call their scripts."""
    done = end(start(tmp_path, "train.py", *tiny(HEAD[0]), "preset=authors_code"))
    assert done.returncode == 0, done.stderr
    words = ["task=head_direction", "preset=authors_code", "runs=[noisy_unbiased]"]
    done = end(start(tmp_path, "output_kl.py", *TINY_ANALYSIS, *words))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results/head_direction/kl_0.01_0_authors_code.json").exists()


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
    _say_stand_in.cache_clear()  # another test may have been told
    done = command("output_variance.py", "runs=[noisy_unbiased]", *TINY_ANALYSIS)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "published" in line)
    assert "results/spatial_navigation/noisy_unbiased_0.0001_0 is not there" in line


def test_the_command_for_a_missing_run_names_its_noise_and_tag(command: Command, results: Path) -> None:
    done = command("output_kl.py", "noise=0.0003", "tag=mine", "runs=[noisy_unbiased]")
    assert done.returncode == 3
    assert "config=spatial_navigation/noisy_unbiased seed=0 rnn.sigma2_rec=0.0003 tag=mine" in done.stderr


def test_the_command_for_a_run_that_was_to_go_further_says_how_far(command: Command, tmp_path: Path) -> None:
    config = resolve_train({"config": "spatial_navigation/noisy_unbiased", "seed": "0", "trainer.n_epochs": "5000"})
    folder = RunFolder(tmp_path / "results/spatial_navigation/noisy_unbiased_0.0001_0")
    folder.path.mkdir(parents=True)
    folder.claim(config)
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
    """Such as those of the authors' code."""
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


def load(results: Path, name: str):
    import torch

    from reactivation.analysis.run import load_run
    from reactivation.storage.folder import RunFolder

    return load_run(RunFolder(results / "spatial_navigation" / name), torch.device("cpu"))


def settings(**values) -> AnalysisSettings:
    return AnalysisSettings(**{"t_active": 10, "t_quiescent": 14, **values})


def resting(run, draw: int = 0, trajectory_stream: str | None = None, **values) -> Recording:
    phase = rest_of(settings(**values))
    return record(run, phase, 12, 0, experiment="run", draw=draw, trajectory_stream=trajectory_stream)


def test_starts_of_rest_and_burn_in(results: Path) -> None:
    run = load(results, "noisy_unbiased_0.0001_0")
    rests = {start: resting(run, start=start).positions for start in ("task", "end_of_active", "random")}
    assert all(rest.shape == (12, 14, 2) for rest in rests.values())
    redrawn, again = (resting(run, draw=draw).positions for draw in (1, 2))
    assert not any((a == b).all() for a, b in ((rests["task"], redrawn), (redrawn, again)))
    shifted = resting(run, t_shift=5).positions
    assert (shifted == rests["task"][:, 5:]).all()


def starts(monkeypatch, run, **values) -> Any:
    """The state that a resting network starts from."""
    import reactivation.analysis.recordings as phases

    seen, honest = [], phases.rollout

    def watching(network, state, *rest):
        seen.append((state, honest(network, state, *rest)))
        return seen[-1][1]

    with monkeypatch.context() as patched:
        patched.setattr(phases, "rollout", watching)
        resting(run, t_quiescent=10, **values)
    (*before, (state, _)) = seen
    return state, before


def test_rest_starts_where_its_setting_says(results: Path, monkeypatch) -> None:
    run = load(results, "noisy_unbiased_0.0001_0")
    task, _ = starts(monkeypatch, run)
    shuffled, _ = starts(monkeypatch, run, start="random")
    assert not (shuffled == task).all()
    assert (shuffled.sort(0).values == task.sort(0).values).all(), "each unit's rates, in an order of its own"
    after_waking, ((_, waking),) = starts(monkeypatch, run, start="end_of_active")
    assert (after_waking == waking.state).all()
    at_centres, _ = starts(monkeypatch, run, trajectory_stream=CELLS)
    assert (at_centres == run.network.initial_state(run.task.encode(run.task.tuning.centres[:12]))).all()
    assert not (task == at_centres).any()


@pytest.mark.parametrize("which", ["own", "shared"])
def test_a_random_network_has_a_task_of_its_own_unless_shared(which: str, results: Path) -> None:
    from reactivation.analysis.measures.kl import Settings, untrained
    from reactivation.analysis.runner import _random_network

    runs = [load(results, f"noisy_{bias}_0.0001_0") for bias in ("unbiased", "biased")]
    asked = Settings(batch_size=12, random_network=which)
    random = _random_network(asked, runs, untrained(asked).shares_task)
    assert (random.task is runs[-1].task) == (which == "shared")
    assert not any((a == b).all() for a, b in zip(random.network.parameters(), runs[0].network.parameters(), strict=True))


def test_a_random_network_cannot_share_a_task_of_another_size(results: Path) -> None:
    from reactivation.analysis.runner import _random_network

    runs = [load(results, f"noisy_{bias}_0.0001_0") for bias in ("unbiased", "biased")]
    runs[1].task.n_outputs += 1
    with pytest.raises(BadInput, match="random_network=shared"):
        _random_network(settings(), runs, shares_task=True)


def test_runs_of_two_spaces_are_not_compared(results: Path) -> None:
    from reactivation.analysis.runner import _require_one_space

    runs = {name: load(results, f"{name}_0.0001_0") for name in ("noisy_unbiased", "noisy_biased")}
    _require_one_space(runs)
    runs["noisy_biased"].task.space = Box(8.8, 8.8)
    with pytest.raises(BadInput, match=r"noisy_unbiased lives in .*2\.2.* and noisy_biased in .*8\.8"):
        _require_one_space(runs)


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
def test_a_kill_between_two_files_is_seen_and_loses_no_table(part: str, results: Path, monkeypatch) -> None:
    from reactivation.analysis import result_files
    from reactivation.analysis.request import read_request
    from reactivation.analysis.runner import measure

    words = {"runs": "[noisy_unbiased]", "path": str(results), "batch_size": "12", "t_quiescent": "14", "t_active": "10"}
    asked = read_request("distance", words)
    table, details = (result_files.result_file("distance", asked.settings, part) for part in ("", "_details"))
    killed_at, honest = result_files.result_file("distance", asked.settings, part), os.replace

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
    assert not result_files.holds("distance", asked.settings, {})
    monkeypatch.undo()
    measure(asked)
    assert table.read_bytes() == whole


def test_noise_at_rest_is_the_runs_own_or_the_one_put_in(results: Path, monkeypatch) -> None:
    import reactivation.analysis.recordings as phases

    seen = []
    honest = phases.rollout

    def watching(network, state, inputs, noise, *rest):
        seen.append(noise)
        return honest(network, state, inputs, noise, *rest)

    monkeypatch.setattr(phases, "rollout", watching)
    sigma = (1e-4 / 0.02) ** 0.5

    def sigma_of(name: str, phase: str, **values) -> float:
        named = {one.name: one for one in distance.phases(settings(**values))}
        record(load(results, name), named[phase], 12)
        return seen[-1].sigma

    assert sigma_of("noisy_unbiased_0.0001_0", "active") == pytest.approx(sigma)
    assert sigma_of("noisy_unbiased_0.0001_0", "quiescent") == pytest.approx(sigma * 2**0.5)
    assert sigma_of("noisy_unbiased_0.0001_0", "quiescent", variance_gain=1.0) == pytest.approx(sigma)
    assert sigma_of("noisy_unbiased_gru_0.0001_0", "quiescent") == pytest.approx(sigma)
    assert sigma_of("no-noise_unbiased_0", "quiescent") == 0
    assert sigma_of("no-noise_unbiased_0", "quiescent_noisy") == pytest.approx(sigma * 2**0.5)
    for phase_of in (waking_of, rest_of):
        record(load(results, "noisy_unbiased_0.0001_0"), phase_of(settings(noise_kind="uniform")), 12)
        assert seen[-1].distribution == "uniform"
    assert Vanilla.rest_variance_gain == 2


def test_activity_that_blows_up_is_named_and_not_decoded(results: Path) -> None:
    run = load(results, "noisy_unbiased_0.0001_0")
    with torch.no_grad():
        run.network.cell.recurrent.weight.copy_(60 * torch.eye(len(run.network.cell.recurrent.weight)))
    with pytest.raises(DamagedData, match=r"^run quiescent: activity is not finite from step \d+ on") as refused:
        resting(run, t_quiescent=100)
    last_good = int(re.search(r"step (\d+)", str(refused.value))[1]) - 1
    assert np.isfinite(resting(run, t_quiescent=last_good).positions).all()


def test_long_rests_are_the_short_ones_continued(results: Path, monkeypatch) -> None:
    import reactivation.analysis.recordings as phases

    run = load(results, "noisy_unbiased_0.0001_0")
    whole = resting(run).positions
    monkeypatch.setattr(phases, "_BLOCK", 4)
    assert (resting(run).positions == whole).all()
