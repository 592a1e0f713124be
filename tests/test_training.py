"""Training: the files that it writes, the errors that it raises, and the files that it does not touch."""

import json
import math
import os
from pathlib import Path
import resource

from factories import CPU, HEAD, RING, SPATIAL, Command, configured, load, same_weights, tiny, train
import pytest
import torch
from torch import Tensor

from reactivation import registry
from reactivation.machine.errors import BadInput, DamagedData, StorageError
from reactivation.settings.layers import experiments, train_config
from reactivation.storage.files import locked
from reactivation.storage.folder import RunFolder
from reactivation.training.learner import new_learner
from reactivation.training.metrics import MetricsLog, mean_squared_error, read_rows
from reactivation.training.preparing import _require_memory


def test_a_run_leaves_the_files_that_people_know(tmp_path: Path) -> None:
    folder = train(tmp_path / "run", "trainer.log_freq=2", "trainer.test_freq=2", "trainer.compute_all_metrics=true")
    assert folder.steps() == [2, 4]
    names = {file.name for file in folder.path.iterdir()}
    assert {"config.yml", "environment.json", "metrics.jsonl", "train_metrics.json", "test_metrics.json"} <= names
    test, learned = (json.loads(folder.table_file(split).read_text()) for split in ("test", "train"))
    assert list(test) == ["0", "2", "4"]
    assert list(learned) == ["2", "4"]
    assert set(test["4"]) == {"loss", "fraction_unexplained", "position_error", "pos_mse"}
    assert set(learned["4"]) == {*test["4"], "steps_per_second"}
    head = train(tmp_path / "head", config=HEAD)
    assert {"loss", "hd_mse", "bearing_error"} <= set(json.loads(head.table_file("test").read_text())["4"])
    assert not [name for name in names if name.endswith(".tmp")]


@pytest.mark.parametrize("model", registry.names("cells"))
def test_networks_learn(model: str, tmp_path: Path) -> None:
    folder = train(
        tmp_path / "run", f"rnn.model={model}", "rnn.n_rec=32", "task.batch_size=50", "task.sequence_length=20",
        "trainer.n_epochs=150", "trainer.test_freq=150", "trainer.lr=0.005", "task.place_cells_num=32",
    )  # fmt: skip
    test = json.loads(folder.table_file("test").read_text())
    assert test["150"]["position_error"] < 0.6 * test["0"]["position_error"]
    assert test["150"]["fraction_unexplained"] < 0.7


TWO_RATES = ("trainer.lr_late=1e-4", "trainer.lr_late_from=4")


def test_two_rates_are_those_of_adam_set_by_hand() -> None:
    """Equal to the bit: steps before `lr_late_from` have the first rate, those after it the second."""
    one, by_hand = (new_learner(configured(*words), CPU) for words in (TWO_RATES, ()))
    for step in range(8):
        for group in by_hand.optimizer.param_groups:
            group["lr"] = 1e-3 if step < 4 else 1e-4
        assert torch.equal(one.learn()[0], by_hand.descend(measured=False)[0])
    for a, b in zip(one.network.parameters(), by_hand.network.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("stops", [(3,), (4,), (5,), (3, 4, 5)])
def test_two_rates_end_the_same_wherever_they_are_interrupted(stops: tuple[int, ...], tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", *TWO_RATES, "trainer.n_epochs=8")
    for stop in stops:
        train(tmp_path / "run", *TWO_RATES, f"trainer.n_epochs={stop}")
    assert same_weights(straight, train(tmp_path / "run", *TWO_RATES, "trainer.n_epochs=8"), 8)
    states = [torch.load(tmp_path / run / "resume.pt", weights_only=True) for run in ("straight", "run")]
    assert [state["optimizer"]["param_groups"][0]["lr"] for state in states] == [1e-4, 1e-4]
    one_rate = train(tmp_path / "one", "trainer.n_epochs=8")
    assert same_weights(straight, one_rate, 4)
    assert not same_weights(straight, one_rate, 6)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(tmp_path / "run")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()}
    train(tmp_path / "run")
    assert "already trained to step 4" in capsys.readouterr().out
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()} == before


@pytest.mark.parametrize("asked", [3, 4, 6])
def test_measures_whose_network_was_not_kept_are_left_as_they_are(asked: int, tmp_path: Path) -> None:
    """This holds for results in a checkout, for any length of training."""
    folder = train(tmp_path / "run")
    for file in folder.path.glob("*.pt"):
        file.unlink()
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()}
    with pytest.raises(BadInput, match=r"to step 4, .* delete the folder to train it again"):
        train(tmp_path / "run", f"trainer.n_epochs={asked}")
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.iterdir()} == before


def test_a_shorter_training_leaves_a_longer_run_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(tmp_path / "run", "trainer.n_epochs=6")
    train(tmp_path / "run", "trainer.n_epochs=3")
    assert "already trained to step 6" in capsys.readouterr().out
    assert load(folder).step == 6


def test_files_of_a_run_without_its_configuration_are_not_touched(tmp_path: Path) -> None:
    """Files of the authors' code are an example."""
    (tmp_path / "run").mkdir()
    for name in ("model_100.pt", "test_metrics.json"):
        (tmp_path / "run" / name).write_text("theirs")
    with pytest.raises(BadInput, match="tag="):
        train(tmp_path / "run")
    assert {file.read_text() for file in (tmp_path / "run").iterdir()} == {"theirs"}


def test_measuring_more_changes_no_weight(tmp_path: Path) -> None:
    words = [RING, "trainer.log_freq=2"]
    more, fewer = (train(tmp_path / m, f"trainer.compute_all_metrics={m}", *words, config=HEAD) for m in ("true", "false"))
    assert same_weights(more, fewer, 4)


def test_sizes_beyond_memory_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="memory"):
        train(tmp_path / "run", "rnn.n_rec=9000000")


@pytest.mark.parametrize(("config", "key"), [(SPATIAL, "task.place_cells_num"), (HEAD, "task.hd_cells_num")])
def test_output_cells_count_in_the_memory_of_a_training(config: str, key: str) -> None:
    """At the paper's sizes, ten million of them need hundreds of GiB."""
    with pytest.raises(BadInput, match=f"not enough memory for these sizes: .*{key} or rnn.n_rec"):
        _require_memory(train_config({"config": config, key: 10_000_000}), 1, torch.device("cpu"))


def test_another_network_never_lands_in_a_runs_folder(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = folder.config_file.read_bytes()
    changes = ("seed=1", "rnn.tau=0.2", "task.biased=true", "trainer.lr=0.01", "rnn.noise=uniform")
    for change in (*((one,) for one in changes), TWO_RATES):
        with pytest.raises(BadInput, match="tag=") as refused:
            train(tmp_path / "run", *change)
        assert all(one.split("=")[0] in str(refused.value) for one in change)
    assert folder.config_file.read_bytes() == before


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = train(tmp_path / "run", "trainer.n_epochs=6", "trainer.save_freq=3")
    calls = list[int]()

    def diverging(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(0)
        return mean_squared_error(outputs, targets) * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr("reactivation.training.objective.mean_squared_error", diverging)
    kept = {file.name: file.read_bytes() for file in folder.path.glob("*.pt")}
    with pytest.raises(DamagedData, match="step 9"):
        train(tmp_path / "run", "trainer.n_epochs=20", "trainer.save_freq=10", "trainer.log_freq=10")
    assert {file.name: file.read_bytes() for file in folder.path.glob("*.pt")} == kept
    monkeypatch.undo()
    train(tmp_path / "run", "trainer.n_epochs=20", "trainer.save_freq=10", "trainer.log_freq=10")


def test_a_step_into_the_infinite_is_seen_by_the_test_after_it(tmp_path: Path) -> None:
    """The loss of a step is computed before its update."""
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


def test_a_row_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    """Python keeps text that it could not write, and tries again when the log is closed."""
    log = MetricsLog(RunFolder(tmp_path), tensorboard=False, step=0)
    log.add(1, "test", {"loss": 0.5})
    size, (soft, hard) = log.folder.metrics_file.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(StorageError, match=r"metrics\.jsonl: File too large"):
            log.add(2, "test", {"loss": 0.5})
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [row["step"] for row in read_rows(log.folder.metrics_file)] == [1]


def test_two_processes_do_not_train_one_run(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = folder.config_file.read_bytes()
    with locked(folder.path), pytest.raises(StorageError, match="another process"):
        train(tmp_path / "run", "trainer.n_epochs=8")
    assert folder.config_file.read_bytes() == before


def test_the_run_folder_alone_rebuilds_the_network(tmp_path: Path) -> None:
    config = configured(f"path={tmp_path / 'run'}")
    train(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    run = load(RunFolder(tmp_path / "moved"))
    assert run.step == 4
    assert run.config == config
    fresh = new_learner(config, CPU)
    assert torch.equal(fresh.task.state_dict()["tuning.centres"], run.task.state_dict()["tuning.centres"])
    assert not torch.equal(fresh.network.decoder.weight, run.network.decoder.weight)


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


def test_a_folder_that_cannot_be_made_is_exit_code_4(tmp_path: Path, command: Command) -> None:
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


def test_measures_of_older_files_have_the_names_of_today(tmp_path: Path) -> None:
    """Some names had a unit, which the space now gives."""
    folder = RunFolder(tmp_path)
    folder.table_file("test").write_text(json.dumps({"4": {"loss": 1.0, "position_error_m": 0.5}}))
    folder.metrics_file.write_text(json.dumps({"step": 4, "split": "test", "bearing_error_rad": 0.25}) + "\n")
    assert folder.table("test") == {4: {"loss": 1.0, "position_error": 0.5}}
    assert read_rows(folder.metrics_file) == [{"step": 4, "split": "test", "bearing_error": 0.25}]
