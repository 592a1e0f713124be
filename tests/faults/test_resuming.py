"""Resuming: no kill, signal or damage changes where a training ends, and what it had written is not lost."""

from collections.abc import Callable
import json
from pathlib import Path
import random
import signal
import subprocess
import time
from typing import Any

from factories import SPATIAL, Command, contents, end, load, same_weights, start, timeless, tiny, train, wait_until
import pytest
import torch

from reactivation.machine.errors import BadInput, DamagedData, StorageError
from reactivation.storage import checkpoint
from reactivation.storage.folder import RunFolder
from reactivation.training import metrics
from reactivation.training.metrics import read_rows

OFTEN = ["trainer.save_freq=20", "trainer.test_freq=50", "path=run"]
ENDLESS = tiny(SPATIAL, *OFTEN, "trainer.n_epochs=1000000")  # to be killed: no test waits for its end
SOUND = "a loss that does not depend on how often a run was interrupted"


def test_a_longer_training_goes_on_where_the_shorter_ended(tmp_path: Path) -> None:
    straight = train(tmp_path / "straight", "trainer.n_epochs=8")
    longer = train(tmp_path / "longer", "trainer.n_epochs=3")
    train(tmp_path / "longer", "trainer.n_epochs=8")
    assert same_weights(straight, longer, 8)
    assert load(longer).step == 8


def test_a_run_that_has_more_steps_than_are_asked_for_says_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(train(tmp_path / "run").path)
    capsys.readouterr()
    folder = train(tmp_path / "run", "trainer.n_epochs=3")
    told = "already trained to step 4, and trainer.n_epochs=3 asks for fewer steps; nothing to do"
    assert capsys.readouterr().out == f"{folder.path}: {told}\n"
    assert contents(folder.path) == before


def test_a_run_that_lost_its_state_is_not_begun_anew(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        file.unlink()
    before = contents(folder.path)
    with pytest.raises(DamagedData, match=r"resume\.pt"):
        train(tmp_path / "run", "trainer.n_epochs=8")
    assert contents(folder.path) == before


def test_a_run_that_lost_its_state_at_the_end_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        file.unlink()
    before = contents(folder.path)
    train(tmp_path / "run")
    assert "already trained to step 4; nothing to do" in capsys.readouterr().out
    assert contents(folder.path) == before


TABLES = ("train_metrics.json", "test_metrics.json")
SAVED = ["resume.pt", "resume.pt", "model_2.pt", *TABLES, "resume.pt", "model_4.pt", *TABLES]


@pytest.mark.parametrize("killed_at", [None, *range(len(SAVED))])
def test_a_kill_between_any_two_files_of_a_save_is_mended(
    killed_at: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill comes just before one of the files that saves write; without a kill, those are `SAVED`."""
    straight, written = train(tmp_path / "straight"), list[str]()

    def killing(honest: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
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
    before = contents(folder.path)
    if damage == "delete":
        (folder.path / lost).unlink()
    else:
        hurt(folder.path / lost, damage, tmp_path)
    if damage == "truncate" and lost in TABLES:
        with pytest.raises(DamagedData, match="delete it and run its command again"):
            train(tmp_path / "run")
        (folder.path / lost).unlink()
    train(tmp_path / "run")
    assert contents(folder.path) == before


@pytest.mark.parametrize("content", ['{"a": {"loss": 1}}', '{"4": 1}', "[]"])
def test_a_table_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    folder.table_file("test").write_text(content)
    with pytest.raises(DamagedData, match=r"test_metrics\.json: not what its command writes"):
        train(tmp_path / "run", "trainer.n_epochs=8")


def test_a_run_stopped_at_the_step_asked_for_is_made_whole_there(tmp_path: Path) -> None:
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


def test_a_run_of_another_device_is_named_not_condemned(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        save_again(file, {**torch.load(file, weights_only=True), "device": "cuda"})
    with pytest.raises(BadInput, match="device=cuda"):
        train(tmp_path / "run", "trainer.n_epochs=8")


def test_moments_of_another_shape_are_not_taken(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    for file in folder.resume_files:
        content = torch.load(file, weights_only=True)
        content["optimizer"]["state"][0]["exp_avg"] = torch.zeros(3)
        save_again(file, content)
    with pytest.raises(DamagedData, match="no sound checkpoint"):
        train(tmp_path / "run", "trainer.n_epochs=8")


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


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '"x"', "[1]", "true"])
def test_what_is_no_measure_is_believed_in_no_table_and_no_row(value: str, tmp_path: Path) -> None:
    straight, folder = train(tmp_path / "straight"), train(tmp_path / "run")
    *rows, last = folder.metrics_file.read_text().splitlines(keepends=True)
    damaged = json.dumps({**json.loads(last), "loss": "here"}).replace('"here"', value)
    folder.metrics_file.write_text("".join([*rows, damaged]))
    for run in (straight, folder):
        train(run.path, "trainer.n_epochs=8")
    assert timeless(folder) == timeless(straight), "the row is that of the table"
    table = folder.table_file("test")
    table.write_text(f'{{"4": {{"loss": {value}}}}}')
    with pytest.raises(DamagedData, match="delete it and run its command again"):
        train(tmp_path / "run", "trainer.n_epochs=10")


@pytest.mark.parametrize("step", ["-3", "true", "null", "1.0"])
def test_a_row_of_what_is_no_step_is_believed_no_more_than_what_follows_it(step: str, tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    before = len(read_rows(folder.metrics_file))
    with open(folder.metrics_file, "a") as stream:
        stream.write(f'{{"step": {step}, "split": "test", "loss": 1}}\n')
    assert len(read_rows(folder.metrics_file)) == before
    assert list(train(tmp_path / "run", "trainer.n_epochs=6").table("test")) == [0, 4, 6]


STRANGE = ["²5", "٣", "007", "-7", "9" * 200, ""]  # of which int() reads some and str.isdigit() others


def test_names_that_are_no_plain_number_are_no_steps(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    for name in STRANGE:
        (folder.path / f"model_{name}.pt").write_bytes(b"")
    assert folder.steps() == [2, 4]
    assert train(tmp_path / "run", "trainer.n_epochs=6").steps() == [2, 4, 6]
    for name in [*STRANGE, "9" * 5000]:
        folder.table_file("test").write_text(json.dumps({name: {"loss": 1.0}}))
        with pytest.raises(DamagedData, match=r"test_metrics\.json"):
            folder.table("test")


def test_memory_that_runs_out_while_a_state_is_loaded_is_told_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(train(tmp_path / "run").path)

    def fail(*words: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(BadInput, match="not enough memory for these sizes; use smaller ones"):
        train(tmp_path / "run", "trainer.n_epochs=6")
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "other seed", "nan"])
def test_a_damaged_checkpoint_is_passed_over_and_the_end_is_the_same(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    assert (folder.path / f"{newest.name}.doubted").exists()
    for file in (newest, previous):
        hurt(file, damage, tmp_path)
    with pytest.raises(DamagedData, match="no sound checkpoint"):
        train(tmp_path / "run", "trainer.n_epochs=10")


def test_a_failed_save_after_damage_leaves_the_sound_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = train(tmp_path / "straight", "trainer.n_epochs=8")
    folder = train(tmp_path / "run", "trainer.n_epochs=6")
    newest, previous = folder.resume_files
    hurt(newest, "truncate", tmp_path)

    honest = checkpoint.save

    def save(file: Path, *content: Any) -> None:
        if file == newest:
            raise StorageError(f"{file}: the disk is full")
        honest(file, *content)

    monkeypatch.setattr(checkpoint, "save", save)
    with pytest.raises(StorageError):
        train(tmp_path / "run", "trainer.n_epochs=8", "trainer.save_freq=1")
    monkeypatch.undo()
    assert torch.load(previous, weights_only=True)["step"] == 4
    train(tmp_path / "run", "trainer.n_epochs=8")
    assert same_weights(straight, folder, 8)


def save_again(file: Path, content: dict[str, Any]) -> None:
    checkpoint.save(file, content["fingerprint"], content["step"], content)


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
        save_again(file, content)
        return
    file.write_bytes(data)


def reached(folder: RunFolder) -> int:
    """The last step that a run's metrics tell of."""
    rows = read_rows(folder.metrics_file)
    return int(rows[-1]["step"]) if rows else 0


def wait_for_step(folder: RunFolder, step: int, process: subprocess.Popen[str]) -> None:
    """Wait until a run's metrics have come to a step."""
    wait_until(lambda: reached(folder) >= step, process)


def assert_ends_as_if_never_interrupted(folder: RunFolder, last: int, command: Command, tmp_path: Path) -> str:
    """Train on to a step and compare with a run that went there at once; returns what was printed."""
    done = command("train.py", *tiny(SPATIAL, *OFTEN, f"trainer.n_epochs={last}"))
    assert done.returncode == 0, done.stderr
    straight = train(tmp_path / "straight", *OFTEN[:2], f"trainer.n_epochs={last}")
    assert same_weights(folder, straight, last)
    assert timeless(folder) == timeless(straight)
    for split in ("train", "test"):
        tables = [json.loads(run.table_file(split).read_text()) for run in (folder, straight)]
        assert list(tables[0]) == list(tables[1])
    return done.stdout


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_no_bit(seed: int, tmp_path: Path, command: Command) -> None:
    rng, folder = random.Random(seed), RunFolder(tmp_path / "run")
    for _ in range(3):
        target = reached(folder) + rng.randrange(20, 90)
        process = start(tmp_path, "train.py", *ENDLESS)
        wait_for_step(folder, target, process)
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        assert end(process).returncode == -signal.SIGKILL
    printed = assert_ends_as_if_never_interrupted(folder, reached(folder) + 30, command, tmp_path)
    assert "going on from step" in printed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_same_command_goes_on(
    number: signal.Signals, code: int, tmp_path: Path, command: Command
) -> None:
    folder, process = RunFolder(tmp_path / "run"), start(tmp_path, "train.py", *ENDLESS)
    wait_for_step(folder, 30, process)
    process.send_signal(number)
    done = end(process)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert "saved" in done.stderr
    stopped_at = torch.load(folder.resume_files[0], weights_only=True)["step"]
    assert stopped_at >= 30
    printed = assert_ends_as_if_never_interrupted(folder, stopped_at + 30, command, tmp_path)
    assert f"going on from step {stopped_at}" in printed


def test_measures_whose_network_was_deleted_are_not_written_over(tmp_path: Path) -> None:
    folder = train(tmp_path)
    for file in folder.path.glob("*.pt"):
        file.unlink()
    before = contents(folder.path)
    with pytest.raises(BadInput, match="its network was not kept; delete the folder to train it again"):
        train(tmp_path)
    assert contents(folder.path) == before
