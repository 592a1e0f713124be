"""Settings: every file loads, each layer overrides the one before, and names and fingerprints are those of existing runs."""

from collections.abc import Callable
from contextlib import suppress
import math
from pathlib import Path
import re
import shutil
from typing import Any

from factories import Command, copy_of_the_project
from hypothesis import given
from hypothesis import strategies as st
import pytest
import torch

from reactivation import registry
from reactivation.analysis.request import Request, read_request
from reactivation.analysis.result_files import result_file
from reactivation.machine.errors import BadInput
from reactivation.machine.places import CONFIGS, PUBLISHED
from reactivation.settings import identity
from reactivation.settings import layers as configuration
from reactivation.settings.describing import time_step_note
from reactivation.settings.layers import TrainConfig, experiments, resolve_train
from reactivation.settings.reading import load_yaml, parse_arguments, to_words
from reactivation.storage.files import read_json_once
from reactivation.storage.finding import run_name

SPATIAL = "config=spatial_navigation/noisy_unbiased"
HEAD = "config=head_direction/noisy_unbiased"
ANALYSES = registry.names("analysis")


def resolve(*words: str) -> TrainConfig:
    return resolve_train(parse_arguments(list(words)))


def analysis(name: str, *words: str) -> Any:
    return asked(name, *words).settings


def asked(name: str, *words: str) -> Request:
    return read_request(name, parse_arguments(list(words)))


def test_the_configs_that_people_know_are_there() -> None:
    spatial = {f"{n}_{b}" for n in ("noisy", "no-noise") for b in ("unbiased", "biased")}
    known = {f"spatial_navigation/{name}" for name in spatial | {"noisy_unbiased_gru", "noisy_biased_gru"}}
    assert known | {f"head_direction/{name}" for name in spatial} <= set(experiments())


@pytest.mark.parametrize("preset", [None, "authors_code", "quick"])
@pytest.mark.parametrize("name", experiments())
def test_every_experiment_resolves_with_every_preset(name: str, preset: str | None) -> None:
    config = resolve(f"config={name}", *([f"preset={preset}"] if preset else []))
    assert (config.rnn.sigma2_rec > 0) == ("no-noise" not in name)
    words = name.split("/")[1].split("_")
    assert config.task.biased == ("biased" in words)
    concentration = getattr(config.task, "concentration", None)
    assert (concentration is not None) == ("drawn" in words or "undrawn" in words)
    assert bool(concentration) == ("drawn" in words)


@pytest.mark.parametrize("preset", [None, "authors_code", "quick"])
@pytest.mark.parametrize("task", registry.names("tasks"))
@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_resolves_with_every_preset(name: str, task: str, preset: str | None) -> None:
    words = [f"task={task}", *([f"preset={preset}"] if preset else [])]
    if name == "transitions" and task != "head_direction":
        with pytest.raises(BadInput, match=f"need bearings, and task={task} has"):  # before a run is looked for
            analysis(name, *words)
        return
    assert analysis(name, *words).runs


def test_every_yaml_file_is_read_by_one_of_the_above() -> None:
    files = {str(file.relative_to(CONFIGS)) for file in CONFIGS.rglob("*.yml")}
    read = {"train/base.yml", "analysis/base.yml", "preset/authors_code.yml", "preset/quick.yml"}
    read |= {"sweep/gain_at_rest.yml"}  # by tests/test_gain_rule.py
    tasks = registry.names("tasks")
    read |= {f"train/{name}.yml" for name in experiments() if name.split("/")[0] in tasks}
    read |= {f"train/{task}/base.yml" for task in tasks}
    read |= {f"analysis/output_{name}.yml" for name in ANALYSES} | {
        f"analysis/{task}.yml" for task in registry.names("tasks")
    }
    assert files <= read


def test_the_numbers_of_tables_a1_and_a2() -> None:
    space, head = resolve(SPATIAL), resolve(HEAD)
    assert (space.rnn.n_rec, space.rnn.tau, space.rnn.sigma2_rec, space.trainer.n_epochs) == (512, 0.1, 1e-4, 2500)
    assert (head.rnn.n_rec, head.rnn.tau, head.rnn.sigma2_rec, head.trainer.n_epochs) == (128, 0.04, 1e-2, 20000)
    gru = resolve("config=spatial_navigation/noisy_biased_gru")
    assert (gru.rnn.model, gru.rnn.activation_fn, gru.rnn.tau, gru.rnn.sigma2_rec) == ("gru", "tanh", 0.1, 1e-4)


def test_the_authors_preset_sets_every_switch() -> None:
    """It sets also switches with the same default, on which it must not depend."""
    preset = load_yaml(CONFIGS / "preset" / "authors_code.yml")
    released = {
        "train": {"tag": "authors_code", "rnn": {"noise": "uniform"}},
        "spatial_navigation": {
            "task": {
                "place_cells_norm": "softmax", "b": 0.26 * math.pi, "init_pos_extent": 1.0, "first_step": "dropped",
            },
        },
        "head_direction": {"task": {"hd_cells_norm": "peak", "hd_cells_endpoint": True, "wrap_error": False}},
        "analysis": {
            "tag": "authors_code", "noise_kind": "uniform", "variance_gain": 2.0, "trajectory_stream": "cells",
        },
        "output_kl": {"uniform_baseline": "marginal", "clip": 1e7, "random_network": "shared"},
    }  # fmt: skip
    assert preset == released
    head, rest = resolve(HEAD, "preset=authors_code"), analysis("kl", "preset=authors_code")
    assert (head.rnn.noise, head.task.hd_cells_endpoint, head.task.wrap_error) == ("uniform", True, False)
    assert (rest.uniform_baseline, rest.clip, rest.variance_gain) == ("marginal", 1e7, 2.0)


def test_a_setting_added_later_changes_no_older_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(SPATIAL, "rnn.tau=0.2")
    before, honest = identity.science_hash(config), identity._science
    monkeypatch.setattr(identity, "_science", lambda task, settings: {**honest(task, settings), "rnn.added": 0})
    identity._defaults.cache_clear()
    assert identity.science_hash(config) == before
    assert identity.science_hash(resolve(SPATIAL)) != before
    monkeypatch.undo()
    identity._defaults.cache_clear()


def test_the_command_line_wins_over_preset_over_experiment() -> None:
    assert resolve(SPATIAL, "preset=quick").rnn.n_rec == 128
    assert resolve(SPATIAL, "preset=quick", "rnn.n_rec=64").rnn.n_rec == 64


def test_run_names_are_those_that_people_know() -> None:
    assert run_name(resolve(SPATIAL)) == "noisy_unbiased_0.0001_0"
    assert run_name(resolve(HEAD, "seed=3")) == "noisy_unbiased_0.01_3"
    assert run_name(resolve("config=spatial_navigation/no-noise_biased", "tag=x")) == "no-noise_biased_0_x"
    assert run_name(resolve(SPATIAL, "rnn.sigma2_rec=0.0003", "seed=2")) == "noisy_unbiased_0.0003_2"


def test_sigma_and_step_variance_are_one_quantity() -> None:
    assert resolve(SPATIAL, "rnn.sigma=0.05").rnn.sigma2_rec == 0.05**2 * 0.02
    assert resolve(SPATIAL, "rnn.sigma2_rec=0.01").rnn.sigma == math.sqrt(0.01 / 0.02)
    assert run_name(resolve(SPATIAL, "rnn.sigma=0")) == "noisy_unbiased_0"
    for spelling in ("", "_in", "_out"):
        keys = f"rnn.sigma{spelling}", f"rnn.sigma2{spelling or '_rec'}"
        with pytest.raises(BadInput, match=f"{keys[0]} and {keys[1]} are one quantity"):
            resolve(SPATIAL, f"{keys[0]}=0.05", f"{keys[1]}=0.001")


NOISES = {"sigma": "sigma2_rec", "sigma_in": "sigma2_in", "sigma_out": "sigma2_out"}


@pytest.mark.parametrize("name", experiments())
def test_another_time_step_leaves_every_sigma_as_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configs give σ²Δt at their own Δt; `task.dt` on the command line is applied later."""
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "preset/three.yml").write_text("train: {rnn: {sigma2_in: 0.0004, sigma_out: 0.3}}")
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    words = [f"config={name}", "preset=three"]
    at_own, fine = resolve(*words).rnn, resolve(*words, "task.dt=0.01")
    for sigma, spelling in NOISES.items():
        assert getattr(fine.rnn, sigma) == getattr(at_own, sigma)
        assert getattr(fine.rnn, spelling) == pytest.approx(getattr(at_own, spelling) / 2)
    assert (at_own.sigma_in, at_own.sigma2_in, at_own.sigma_out) == (math.sqrt(0.0004 / 0.02), 0.0004, 0.3)
    assert configuration.changed(resolve(*words), {"task.dt": 0.01}) == fine


def test_step_variance_is_converted_at_the_time_step_of_the_layer_that_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "train/spatial_navigation/fine.yml").write_text("task: {dt: 0.01}\nrnn: {sigma2_rec: 0.0001}\n")
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    fine = "config=spatial_navigation/fine"
    assert resolve(fine).rnn.sigma == math.sqrt(0.0001 / 0.01)
    assert resolve(fine, "task.dt=0.02").rnn.sigma == math.sqrt(0.0001 / 0.01)
    assert resolve(fine, "rnn.sigma2_rec=0.0002").rnn.sigma == math.sqrt(0.0002 / 0.01)
    assert resolve(fine, "rnn.sigma2_rec=0.0002", "task.dt=0.02").rnn.sigma == math.sqrt(0.0002 / 0.02)
    assert run_name(resolve(fine)) == "fine_0.0001_0"
    assert run_name(resolve(fine, "task.dt=0.02")) == "fine_0.0002_0"


def test_another_time_step_alone_is_told_what_it_leaves(command: Command) -> None:
    def note(*words: str) -> str:
        return time_step_note(resolve(*words), parse_arguments(list(words)))

    steps = "task.dt=0.01: rnn.sigma={} stays, and so do these, .*: task.sequence_length=100, {}"
    assert re.match(
        steps.format("0.07071", "task.drift_const=0.05, task.sigma=11.52, task.b=0.8"), note(SPATIAL, "task.dt=0.01")
    )
    assert re.match(steps.format("0.7071", "task.sigma=11.52, task.pause_steps=25"), note(HEAD, "task.dt=0.01"))
    for quiet in (["rnn.sigma=0.5", "task.dt=0.01"], ["rnn.sigma2_out=0.5", "task.dt=0.01"], ["task.dt=0.02"], []):
        assert note(HEAD, *quiet) == ""
    told = command("train.py", HEAD, "task.dt=0.01", "seed=0,1", "--print-config").stderr
    assert told.splitlines() == [note(HEAD, "task.dt=0.01")]


JUNK = (".#junk.py", "junk.py~", "#junk.py#", "junk-checkpoint.py", "2junk.py", ".ipynb_checkpoints/junk.py")
ROOMS = ("preset", "train/head_direction")
JUNK_YAML = ("preset/.#junk.yml", "train/head_direction/.#junk.yml", "train/.ipynb_checkpoints/junk.yml")


def test_files_that_only_look_like_entries_are_passed_over(command: Command, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    tasks, cells, analyses = (
        project / "reactivation" / room for room in ("world/tasks", "network/cells", "analysis/measures")
    )
    files = [folder / name for folder in (tasks, cells, analyses) for name in JUNK]
    for file in [*files, *(project / "configs" / name for name in JUNK_YAML)]:
        file.parent.mkdir(exist_ok=True)
        file.write_text("{ this is nothing")
    for folder, kind in (
        (tasks, "py"),
        (cells, "py"),
        (analyses, "py"),
        *((project / "configs" / name, "yml") for name in ROOMS),
    ):
        (folder / f"junkfolder.{kind}").mkdir()
        (folder / f"junklink.{kind}").symlink_to("nowhere")
        (folder / f"junkbinary.{kind}").write_bytes(b"\x7fELF\x00\x01")
    (tasks / "broken.py").write_text("x = 1\ndef (\n")
    (cells / "unnamed.py").write_text("class Settings(y): pass\n")
    own = "from reactivation.settings.declaring import CellSettings as Settings\n"
    (cells / "lost.py").write_text(f"{own}import nowhere\n")
    (project / "configs/train/broken").mkdir()
    for name in ("base", "a"):
        (project / f"configs/train/broken/{name}.yml").write_text("")
    manual = command("train.py", "--help", project=project)
    assert manual.returncode == 0
    assert "junk" not in manual.stdout
    assert "broken.py, line 2: SyntaxError" in manual.stdout
    assert "unnamed.py, line 1: NameError: name 'y' is not defined" in manual.stdout
    assert command("train.py", HEAD, "preset=quick", "--print-config", project=project).returncode == 0
    assert "junk" not in command("train.py", "config=head_direction/x", project=project).stderr
    assert "junk" not in command("output_kl.py", "preset=x", project=project).stderr
    for words, said in (
        (["config=broken/a"], "broken.py, line 2: SyntaxError"),
        ([HEAD, "rnn.model=lost"], "lost.py, line 2: ModuleNotFoundError"),
    ):
        refused = command("train.py", *words, project=project)
        assert refused.returncode == 2
        assert said in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["project"]


def test_values_and_words_are_one_configuration() -> None:
    values = {"config": "spatial_navigation/noisy_biased", "seed": 3, "tag": "1e3", "preset": None, "rnn.bias": True,
              "rnn.sigma2_rec": 1e-05, "task.anchor_point": [0.1, -2], "trainer.lr": 1e-4, "path": "a b"}  # fmt: skip
    config = configuration.train_config(values)
    assert config == resolve(*to_words(values))
    assert (config.tag, config.task.anchor_point, config.rnn.sigma2_rec) == ("1e3", [0.1, -2.0], 1e-05)
    for wrong, named in (
        ({"seed": "3"}, "seed=3 must be of type int"),
        ({"rnn.tua": 1}, "rnn.tau"),
        ({"tag": "~"}, "tag=~"),
    ):
        with pytest.raises(BadInput, match=named):
            configuration.train_config(values | wrong)


def test_an_analysis_takes_its_noise_as_sigma_too() -> None:
    by_variance = analysis("kl", "noise=0.0003")
    by_sigma, (run, _) = (found := asked("kl", "task=head_direction", "sigma=0.5")).settings, found.runs
    assert by_variance.sigma == math.sqrt(0.0003 / 0.02)
    assert by_sigma.noise == 0.5**2 * 0.02
    assert result_file("kl", by_sigma).name == "kl_0.005_0.json"
    assert run.config.rnn.sigma == pytest.approx(0.5)
    again = resolve("config=head_direction/noisy_unbiased", "rnn.sigma=0.5")
    assert identity.science_hash(run.config) == identity.science_hash(again)


@pytest.mark.parametrize(
    ("file", "resolved"),
    [
        ("train/base.yml", lambda: resolve(SPATIAL)),
        ("train/head_direction/base.yml", lambda: resolve(HEAD)),
        ("train/head_direction/base.yml", lambda: configuration.base_config("head_direction")),
        ("analysis/base.yml", lambda: analysis("kl")),
        ("analysis/output_kl.yml", lambda: analysis("kl")),
    ],
)
def test_a_base_file_that_is_not_there_is_named(
    file: str, resolved: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    resolved()
    (configs / file).unlink()
    with pytest.raises(BadInput, match=f"{file}: missing"):
        resolved()


def test_runs_at_another_time_step_are_matched_by_sigma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "train/spatial_navigation/fine.yml").write_text("task: {dt: 0.01}\nrnn: {sigma2_rec: 5.0e-5}\n")
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    (fine,) = asked("kl", "runs=[fine]", "noise=0.0001").runs
    assert fine.training() == {"config": "spatial_navigation/fine", "seed": 0}
    (louder,) = asked("kl", "runs=[fine]", "noise=0.0004").runs
    assert louder.config.rnn.sigma == math.sqrt(0.0004 / 0.02)
    assert run_name(louder.config) == "fine_0.0002_0"


@pytest.mark.parametrize("file", sorted(PUBLISHED.glob("*/*/config.yml")))
def test_runs_that_exist_have_the_names_and_fingerprints_that_they_had(file: Path) -> None:
    config = configuration.from_yaml(file)
    assert run_name(config) == file.parent.name
    details = [read_json_once(found) for found in (PUBLISHED / config.task_name).glob("*_details.json")]
    same = [one for one in details if (one["settings"]["seed"], one["settings"].get("tag")) == (config.seed, config.tag)]
    models = [one["models"].get(config.experiment) for one in same]
    kept = [torch.load(model, weights_only=True) for model in file.parent.glob("model_*.pt")]
    fingerprints = {one["fingerprint"] for one in (*models, *kept) if one}
    assert fingerprints == {identity.science_hash(config)}
    assert config.rnn.sigma == math.sqrt(config.rnn.sigma2_rec / config.task.dt)
    home = getattr(config.task, "home", 0.0)  # that of drawn bearings is another for each seed, and typed
    own = [f"task.home={home}"] if home else []
    own += [f"preset={config.tag}"] if config.tag == "authors_code" else []
    assert identity.science_hash(resolve(f"config={config.config}", f"seed={config.seed}", *own)) in fingerprints


def test_text_stays_text() -> None:
    assert resolve(SPATIAL, "tag=2").tag == "2"
    for nothing in ("null", "None", "NULL"):
        assert resolve(SPATIAL, f"tag={nothing}", f"path={nothing}").path is None
        with pytest.raises(BadInput, match=f"path={nothing} says nothing"):
            analysis("kl", f"path={nothing}")
    assert resolve(SPATIAL, "path=1e3").path == "1e3"


def test_a_resolved_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    for words in (
        [SPATIAL, "seed=4", "rnn.sigma=0.05", "task.anchor_point=[0.1,-0.2]", "tag=1e3"],
        [HEAD, "preset=authors_code", "path=010"],
        [HEAD, "task.dt=0.01", "rnn.sigma_out=1e-6", "path=a: b"],
    ):
        config = resolve(*words)
        file = tmp_path / "config.yml"
        file.write_text(configuration.to_yaml(config))
        again = configuration.from_yaml(file)
        assert configuration.to_dict(again) == configuration.to_dict(config)
        assert identity.science_hash(again) == identity.science_hash(config)


@given(lr=st.floats(1e-9, 1e3), tau=st.floats(0.02, 1e3), seed=st.integers(0, 2**70), num=st.integers(3, 10**6))
def test_good_numbers_arrive_unchanged(lr: float, tau: float, seed: int, num: int) -> None:
    config = resolve(SPATIAL, f"trainer.lr={lr!r}", f"rnn.tau={tau!r}", f"seed={seed}", f"task.place_cells_num={num}")
    assert (config.trainer.lr, config.rnn.tau, config.seed, config.task.place_cells_num) == (lr, tau, seed, num)


@given(text=st.text(max_size=30))
def test_any_text_is_a_value_or_bad_input(text: str) -> None:
    with suppress(BadInput):
        assert resolve(SPATIAL, f"trainer.lr={text}").trainer.lr > 0
    with suppress(BadInput):
        resolve(SPATIAL, text)


# Each bad command line, and what its one line must name.
