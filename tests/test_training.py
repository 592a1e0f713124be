"""Training: what it leaves behind, and that no kill, signal or damage changes where it ends."""

import json
import math
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import time

from conftest import ROOT, environment, tiny
import pytest
import torch

from reactivation import registry
from reactivation.config import experiments, resolve_train
from reactivation.errors import BadInput, DamagedData, StorageError
from reactivation.files import locked
from reactivation.learner import new_learner
from reactivation.metrics import MetricsLog, read_rows
from reactivation.reading import parse_arguments
from reactivation.runs import RunFolder, load_run
from reactivation.training import fit

SPATIAL = "spatial_navigation/noisy_unbiased"
LAST = 400
OFTEN = {"trainer.n_epochs": LAST, "trainer.save_freq": 20, "trainer.test_freq": 50, "path": "run"}
LONG = [f"{key}={value}" for key, value in (parse_arguments(tiny(SPATIAL)) | OFTEN).items()]
SOUND = "a loss that does not depend on how often a run was interrupted"


def configured(path: Path, *words: str, config: str = SPATIAL):
    arguments = parse_arguments(tiny(config)) | parse_arguments([f"path={path}", *words])
    return resolve_train(arguments), RunFolder(path)


def train(path: Path, *words: str, config: str = SPATIAL) -> RunFolder:
    settings, folder = configured(path, *words, config=config)
    fit(settings, folder)
    return folder


def weights(folder: RunFolder, step: int) -> dict[str, torch.Tensor]:
    run = load_run(folder, torch.device("cpu"), step)
    return {**run.network.state_dict(), **run.task.state_dict()}


def same_weights(a: RunFolder, b: RunFolder, step: int) -> bool:
    first, second = weights(a, step), weights(b, step)
    return all(torch.equal(first[name], second[name]) for name in first)


def timeless(folder: RunFolder) -> list[dict[str, object]]:
    """The metrics without how long they took."""
    return [{k: v for k, v in row.items() if k != "steps_per_second"} for row in read_rows(folder.metrics_file)]


def test_a_run_leaves_the_files_that_people_know(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", "trainer.log_freq=2", "trainer.test_freq=2", "trainer.compute_all_metrics=true")
    assert folder.steps() == [2, 4]
    names = {file.name for file in folder.path.iterdir()}
    assert {"config.yml", "environment.json", "metrics.jsonl", "train_metrics.json", "test_metrics.json"} <= names
    test, learned = (json.loads(folder.table_file(split).read_text()) for split in ("test", "train"))
    assert list(test) == ["0", "2", "4"]
    assert list(learned) == ["2", "4"]
    assert set(test["4"]) == {"loss", "fraction_unexplained", "position_error_m", "pos_mse"}
    assert set(learned["4"]) == {*test["4"], "steps_per_second"}
    head = train(tmp_path / "head", config="head_direction/noisy_unbiased")
    assert {"loss", "hd_mse", "bearing_error_rad"} <= set(json.loads(head.table_file("test").read_text())["4"])
    assert not [name for name in names if name.endswith(".tmp")]


@pytest.mark.parametrize("model", registry.names("cells"))
def test_networks_learn(model: str, tmp_path: Path) -> None:
    folder = train(
        tmp_path / "run", f"rnn.model={model}", "rnn.n_rec=32", "task.batch_size=50", "task.sequence_length=20",
        "trainer.n_epochs=150", "trainer.test_freq=150", "trainer.lr=0.005", "task.place_cells_num=32",
    )  # fmt: skip
    test = json.loads(folder.table_file("test").read_text())
    assert test["150"]["position_error_m"] < 0.6 * test["0"]["position_error_m"]
    assert test["150"]["fraction_unexplained"] < 0.7


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, capsys) -> None:
    folder = train(tmp_path / "run")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()}
    train(tmp_path / "run")
    assert "already trained to step 4" in capsys.readouterr().out
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()} == before


@pytest.mark.parametrize("asked", [3, 4, 6])
def test_measures_whose_network_was_not_kept_are_left_as_they_are(asked: int, tmp_path: Path) -> None:
    """Such as results in a checkout, however long the training asked for is."""
    folder = train(tmp_path / "run")
    for file in folder.path.glob("*.pt"):
        file.unlink()
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()}
    with pytest.raises(BadInput, match=r"to step 4, .* delete the folder to train it again"):
        train(tmp_path / "run", f"trainer.n_epochs={asked}")
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()} == before


def test_a_longer_training_goes_on_where_the_shorter_ended(tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", "trainer.n_epochs=8")
    longer = train(tmp_path / "longer", "trainer.n_epochs=3")
    train(tmp_path / "longer", "trainer.n_epochs=8")
    assert same_weights(straight, longer, 8)
    assert load_run(longer, torch.device("cpu")).step == 8


def test_a_shorter_training_leaves_a_longer_run_as_it_is(tmp_path: Path, capsys) -> None:
    folder = train(tmp_path / "run", "trainer.n_epochs=6")
    train(tmp_path / "run", "trainer.n_epochs=3")
    assert "already trained to step 6" in capsys.readouterr().out
    assert load_run(folder, torch.device("cpu")).step == 6


def test_files_of_a_run_without_its_configuration_are_not_touched(tmp_path: Path) -> None:
    """Such as those that the authors' code left."""
    (tmp_path / "run").mkdir()
    for name in ("model_100.pt", "test_metrics.json"):
        (tmp_path / "run" / name).write_text("theirs")
    with pytest.raises(BadInput, match="tag="):
        train(tmp_path / "run")
    assert {file.read_text() for file in (tmp_path / "run").iterdir()} == {"theirs"}


def test_a_run_that_lost_its_state_is_not_begun_anew(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        file.unlink()
    before = {file: file.read_bytes() for file in folder.path.iterdir()}
    with pytest.raises(DamagedData, match=r"resume\.pt"):
        train(tmp_path / "run", "trainer.n_epochs=8")
    assert {file: file.read_bytes() for file in folder.path.iterdir()} == before


def test_a_run_that_lost_its_state_at_the_end_is_done(tmp_path: Path, capsys) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        file.unlink()
    before = {file: file.read_bytes() for file in folder.path.iterdir()}
    train(tmp_path / "run")
    assert "already trained to step 4; nothing to do" in capsys.readouterr().out
    assert {file: file.read_bytes() for file in folder.path.iterdir()} == before


TABLES = ("train_metrics.json", "test_metrics.json")
SAVED = ["resume.pt", "model_2.pt", *TABLES, "resume.pt", "model_4.pt", *TABLES, "resume.pt"]


@pytest.mark.parametrize("killed_at", [None, *range(len(SAVED))])
def test_a_kill_between_any_two_files_of_a_save_is_mended(killed_at: int | None, tmp_path: Path, monkeypatch) -> None:
    """The kill comes just before one of the files that saves write; without a kill, those are `SAVED`."""
    import reactivation.checkpoint as checkpoint
    import reactivation.metrics as metrics

    straight, written = train(tmp_path / "straight"), []

    def killing(honest):
        def write(file: Path, content: bytes) -> None:
            if file.name in SAVED:
                if len(written) == killed_at:
                    raise KeyboardInterrupt
                written.append(file.name)
            honest(file, content)

        return write

    for module in (checkpoint, metrics):
        monkeypatch.setattr(module, "write_atomically", killing(module.write_atomically))
    if killed_at is None:
        train(tmp_path / "run")
        assert written == SAVED
        return
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run")
    monkeypatch.undo()
    folder = train(tmp_path / "run")
    assert same_weights(straight, folder, 4)
    assert timeless(folder) == timeless(straight)
    assert all(json.loads(folder.table_file(split).read_text()) for split in ("train", "test"))


@pytest.mark.parametrize("lost", ["model_4.pt", "test_metrics.json", "train_metrics.json"])
@pytest.mark.parametrize("damage", ["truncate", "delete"])
def test_files_of_the_end_that_are_lost_are_made_again(lost: str, damage: str, tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = {file: file.read_bytes() for file in folder.path.iterdir()}
    if damage == "delete":
        (folder.path / lost).unlink()
    else:
        hurt(folder.path / lost, damage, tmp_path)
    if damage == "truncate" and lost in TABLES:
        with pytest.raises(DamagedData, match="delete it and run its command again"):
            train(tmp_path / "run")
        (folder.path / lost).unlink()
    train(tmp_path / "run")
    assert {file: file.read_bytes() for file in folder.path.iterdir()} == before


def test_a_run_stopped_beyond_the_step_asked_for_is_made_whole_there(tmp_path: Path) -> None:
    """A signal saves the state and no model; a training to just that step is then asked for."""
    straight = train(tmp_path / "straight", "trainer.n_epochs=3")
    folder = train(tmp_path / "run", "trainer.n_epochs=3")
    folder.model_file(3).unlink()
    folder.table_file("test").write_text(json.dumps({"0": {}}))
    rows = [row for row in read_rows(folder.metrics_file) if row["split"] == "train" or row["step"] == 0]
    folder.metrics_file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    train(tmp_path / "run", "trainer.n_epochs=3")
    assert same_weights(straight, folder, 3)
    assert timeless(folder) == timeless(straight)


def test_a_run_of_another_device_is_named_not_condemned(tmp_path: Path, monkeypatch) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        content = torch.load(file, weights_only=True)
        torch.save({**content, "device": "cuda"}, file)
    with pytest.raises(BadInput, match="device=cuda"):
        train(tmp_path / "run", "trainer.n_epochs=8")


def test_measuring_more_changes_no_weight(tmp_path: Path) -> None:
    head = "head_direction/noisy_unbiased"
    words = ["task.hd_cells_num=160", "trainer.log_freq=2"]
    runs = [train(tmp_path / m, f"trainer.compute_all_metrics={m}", *words, config=head) for m in ("true", "false")]
    assert same_weights(*runs, 4)


@pytest.mark.parametrize("left", [b"null\n\xff\xfe\n", b"", None])
def test_lost_rows_of_metrics_come_back_from_the_tables(left: bytes | None, tmp_path: Path) -> None:
    every = ["trainer.log_freq=1", "trainer.test_freq=2"]
    straight, folder = train(tmp_path / "straight", "trainer.n_epochs=6", *every), train(tmp_path / "run", *every)
    rows = folder.metrics_file.read_bytes().splitlines(keepends=True)
    if left is None:
        folder.metrics_file.unlink()
    else:
        folder.metrics_file.write_bytes(rows[0] + left + b"".join(rows[2:]))
    train(tmp_path / "run", "trainer.n_epochs=6", *every)
    assert timeless(folder) == timeless(straight)
    assert folder.metrics_file.read_bytes().startswith(b"".join(rows))


def test_sizes_beyond_memory_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="memory"):
        train(tmp_path / "run", "rnn.n_rec=9000000")


def test_another_network_never_lands_in_a_runs_folder(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = folder.config_file.read_bytes()
    for change in ("seed=1", "rnn.tau=0.2", "task.biased=true", "trainer.lr=0.01", "rnn.noise=uniform"):
        with pytest.raises(BadInput, match="tag=") as refused:
            train(tmp_path / "run", change)
        assert change.split("=")[0] in str(refused.value)
    assert folder.config_file.read_bytes() == before


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tmp_path: Path, monkeypatch) -> None:
    folder = train(tmp_path / "run", "trainer.n_epochs=6", "trainer.save_freq=3")
    import reactivation.objective as objective

    calls, honest = [], objective.mean_squared_error

    def diverging(outputs, targets):
        calls.append(0)
        return honest(outputs, targets) * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr(objective, "mean_squared_error", diverging)
    kept = {file.name: file.read_bytes() for file in folder.path.glob("*.pt")}
    with pytest.raises(DamagedData, match="step 9"):
        train(tmp_path / "run", "trainer.n_epochs=20", "trainer.save_freq=10", "trainer.log_freq=10")
    assert {file.name: file.read_bytes() for file in folder.path.glob("*.pt")} == kept
    monkeypatch.undo()
    train(tmp_path / "run", "trainer.n_epochs=20", "trainer.save_freq=10", "trainer.log_freq=10")


def test_a_step_into_the_infinite_is_seen_by_the_test_after_it(tmp_path: Path) -> None:
    """The loss of a step is that of before it."""
    every = ["trainer.lr=1e20", "trainer.test_freq=1", "trainer.save_freq=1"]
    for _ in range(2):
        with pytest.raises(DamagedData, match="step 1; no model was kept yet"):
            train(tmp_path / "run", *every)


def test_a_measure_that_is_not_defined_is_null(tmp_path: Path) -> None:
    log = MetricsLog(RunFolder(tmp_path), tensorboard=False, step=0)
    log.add(1, "test", {"loss": 0.5, "fraction_unexplained": math.inf})
    log.write_tables()
    log.close()
    assert json.loads(log.folder.table_file("test").read_text()) == {"1": {"loss": 0.5, "fraction_unexplained": None}}
    assert read_rows(log.folder.metrics_file) == log.rows


def test_two_processes_do_not_train_one_run(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = folder.config_file.read_bytes()
    with locked(folder.path), pytest.raises(StorageError, match="another process"):
        train(tmp_path / "run", "trainer.n_epochs=8")
    assert folder.config_file.read_bytes() == before


def test_the_run_folder_alone_rebuilds_the_network(tmp_path: Path) -> None:
    config, _ = configured(tmp_path / "run")
    train(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    run = load_run(RunFolder(tmp_path / "moved"), torch.device("cpu"))
    assert run.step == 4
    assert run.config == config
    fresh = new_learner(config, torch.device("cpu"))
    assert torch.equal(fresh.task.tuning.centres, run.task.tuning.centres)
    assert not torch.equal(fresh.network.decoder.weight, run.network.decoder.weight)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "other seed", "nan"])
def test_a_damaged_checkpoint_is_passed_over_and_the_end_is_the_same(damage: str, tmp_path: Path, capsys) -> None:
    straight = train(tmp_path / "straight", "trainer.n_epochs=8")
    folder = train(tmp_path / "run", "trainer.n_epochs=6")
    newest, previous = folder.resume_files
    hurt(newest, damage, tmp_path)
    train(tmp_path / "run", "trainer.n_epochs=8")
    said = capsys.readouterr()
    assert f"passed over {newest}" in said.err
    assert "going on from step 4" in said.out
    assert same_weights(straight, folder, 8)
    assert timeless(folder)[-1]["loss"] == timeless(straight)[-1]["loss"], SOUND
    for file in (newest, previous):
        hurt(file, damage, tmp_path)
    with pytest.raises(DamagedData, match="no sound checkpoint"):
        train(tmp_path / "run", "trainer.n_epochs=10")


def hurt(file: Path, damage: str, tmp_path: Path) -> None:
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 4
    elif damage == "truncate":
        data = data[: len(data) // 3]
    elif damage == "empty":
        data = bytearray()
    elif damage == "other seed":
        other = train(tmp_path / "other", "seed=1")
        data = bytearray(other.resume_files[0].read_bytes())
    else:
        content = torch.load(file, weights_only=True)
        content["network"]["decoder.weight"][0, 0] = float("nan")
        torch.save(content, file)
        return
    file.write_bytes(data)


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *LONG], cwd=folder, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def wait_for_step(folder: RunFolder, step: int, process: subprocess.Popen[str]) -> None:
    """Until the run's metrics have come past a step, or it has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        rows = read_rows(folder.metrics_file)
        if rows and rows[-1]["step"] >= step:
            return
        time.sleep(0.002)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> RunFolder:
    place = tmp_path_factory.mktemp("uninterrupted")
    process = start(place)
    assert process.wait(120) == 0
    process.communicate()
    return RunFolder(place / "run")


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_random_moments_change_no_bit(seed: int, tmp_path: Path, uninterrupted: RunFolder) -> None:
    rng, folder = random.Random(seed), RunFolder(tmp_path / "run")
    kills, reached = 0, 0
    while kills < 4:
        process = start(tmp_path)
        wait_for_step(folder, reached + rng.randrange(10, 60), process)
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        rows = read_rows(folder.metrics_file)
        reached = rows[-1]["step"] if rows else 0
    assert 0 < reached < LAST, "the kills came too late to interrupt anything"
    process = start(tmp_path)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "going on from step" in out
    assert same_weights(folder, uninterrupted, LAST)
    assert timeless(folder) == timeless(uninterrupted)
    for split in ("train", "test"):
        tables = [json.loads(run.table_file(split).read_text()) for run in (folder, uninterrupted)]
        assert list(tables[0]) == list(tables[1])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_same_command_goes_on(number, code, tmp_path: Path, uninterrupted: RunFolder) -> None:
    folder, process = RunFolder(tmp_path / "run"), start(tmp_path)
    wait_for_step(folder, 30, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert len(errors.splitlines()) == 1
    assert "saved" in errors
    stopped_at = torch.load(folder.resume_files[0], weights_only=True)["step"]
    assert 30 <= stopped_at < LAST
    process = start(tmp_path)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"going on from step {stopped_at}" in out
    assert same_weights(folder, uninterrupted, LAST)
    assert timeless(folder) == timeless(uninterrupted)


def test_tensorboard_is_written_when_asked_for(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", "logger=tensorboard")
    assert list((folder.path / "tensorboard").glob("events.*"))


@pytest.mark.parametrize("option", ["task.use_place_cells=false", "task.place_cells_dog=true", "rnn.sigma2_in=1e-5",
                                    "rnn.sigma2_out=1e-5", "rnn.bias=true", "rnn.activation_fn=sigmoid",
                                    "rnn.noise=uniform", "task.place_cells_norm=none"])  # fmt: skip
def test_options_of_the_authors_train(option: str, tmp_path: Path) -> None:
    assert train(tmp_path / "run", option).steps() == [2, 4]


@pytest.mark.parametrize("config", experiments())
def test_every_config_trains(config: str, tmp_path: Path) -> None:
    assert train(tmp_path / "run", config=config).steps() == [2, 4]


def test_a_folder_that_cannot_be_made_is_exit_code_4(tmp_path: Path, command) -> None:
    (tmp_path / "results").write_text("in the way")
    done = command("train.py", *tiny(SPATIAL))
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path) == ["results"]


def test_cuda_is_refused_where_there_is_none(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(BadInput, match="device=cpu"):
        train(tmp_path / "run", "device=cuda")
    assert not (tmp_path / "run").exists()
