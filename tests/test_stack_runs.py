"""Runs that train as a stack: each folder is an ordinary one, can be continued after any end, and harms no other."""

from collections.abc import Callable
import errno
import os
from pathlib import Path
import signal
from typing import Any

from factories import RING, SPATIAL, Command, configured, end, start, timeless, tiny, wait_until
import pytest
from test_stack import BIASED_HEAD, TWO_RATES
import torch
from torch import Tensor

from reactivation.machine.errors import DamagedData, SomeFailed, StorageError
from reactivation.settings.layers import TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.folder import RunFolder
from reactivation.training.fit import fit, fit_together
from reactivation.training.metrics import MetricsLog, mean_squared_error, read_rows


def runs(place: Path, seeds: tuple[int, ...], *words: str, config: str = SPATIAL) -> list[tuple[TrainConfig, RunFolder]]:
    return [(configured(f"seed={seed}", *words, config=config), RunFolder(place / str(seed))) for seed in seeds]


def fit_alone(place: Path, seed: int, *words: str, config: str = SPATIAL) -> RunFolder:
    ((settings, folder),) = runs(place, (seed,), *words, config=config)
    fit(settings, folder)
    return folder


def state(folder: RunFolder) -> dict[str, Any]:
    return loaded(folder.resume_files[0])


def loaded(file: Path) -> dict[str, Any]:
    """The content of a run's file without the names of runs trained with it."""
    content: dict[str, Any] = torch.load(file, weights_only=True)
    content.pop("stack", None)
    return content


def assert_same_run(a: RunFolder, b: RunFolder, tolerance: float = 2e-4) -> None:
    """Require the same files with the same content, and numbers that are equal up to rounding."""
    assert sorted(file.name for file in a.path.iterdir()) == sorted(file.name for file in b.path.iterdir())
    for file in sorted(a.path.glob("*.pt")):
        first, second = (loaded(folder.path / file.name) for folder in (a, b))
        assert_same_content(first, second, tolerance)
        assert abs(file.stat().st_size - (b.path / file.name).stat().st_size) < 200, "a file holds more than it says"
    for one, other in zip(timeless(a), timeless(b), strict=True):
        assert list(one) == list(other)
        assert one.pop("split") == other.pop("split")
        assert one == pytest.approx(other, rel=1e-3)


def assert_same_content(a: Any, b: Any, tolerance: float) -> None:
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same_content(a[key], b[key], tolerance)
    elif isinstance(a, Tensor) and a.is_floating_point():
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * float(a.abs().max()))
        assert a.stride() == b.stride()
    elif isinstance(a, Tensor):
        assert torch.equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize(
    ("config", "words"), [(SPATIAL, []), ("spatial_navigation/noisy_unbiased_gru", TWO_RATES), (BIASED_HEAD, [RING])]
)
def test_a_run_begun_in_a_stack_goes_on_alone_and_back(config: str, words: list[str], tmp_path: Path) -> None:
    seeds = (0, 1, 2)
    for seed in seeds:
        fit_alone(tmp_path / "alone", seed, "trainer.n_epochs=8", *words, config=config)
    fit_together(runs(tmp_path / "mixed", seeds, "trainer.n_epochs=3", *words, config=config))
    for seed in seeds:
        fit_alone(tmp_path / "mixed", seed, "trainer.n_epochs=5", *words, config=config)
    fit_together(runs(tmp_path / "mixed", seeds, "trainer.n_epochs=8", *words, config=config))
    for seed in seeds:
        alone, mixed = (RunFolder(tmp_path / place / str(seed)) for place in ("alone", "mixed"))
        assert state(mixed)["step"] == 8
        assert_same_content(state(alone), state(mixed), 2e-4)


def test_a_folder_of_a_stack_is_that_of_a_run_alone(tmp_path: Path) -> None:
    words = ["trainer.log_freq=1", "trainer.test_freq=2", "trainer.lr_late=1e-4", "trainer.lr_late_from=2"]
    alone, stack = fit_alone(tmp_path / "alone", 1, *words), RunFolder(tmp_path / "stack" / "1")
    fit_together(runs(tmp_path / "stack", (0, 1, 2), *words))
    assert_same_run(alone, stack)
    assert alone.config_file.read_bytes() == stack.config_file.read_bytes()


def test_runs_that_stand_at_different_steps_end_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit_alone(tmp_path, 0, "trainer.n_epochs=3")
    fit_together(runs(tmp_path, (1, 2), "trainer.n_epochs=6"))
    fit_together(runs(tmp_path, (0, 1, 2, 3), "trainer.n_epochs=6"))
    said = capsys.readouterr().out
    assert f"{tmp_path / '0'}: going on from step 3" in said
    assert f"{tmp_path / '1'}: already trained to step 6" in said
    for seed in range(4):
        alone = fit_alone(tmp_path / "alone", seed, "trainer.n_epochs=6")
        assert_same_content(state(alone), state(RunFolder(tmp_path / str(seed))), 2e-4)


def test_a_network_that_diverges_is_named_and_harms_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left out at the next look; the others are stacked anew and end as they would."""
    calls = list[int]()

    def sick(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(0)
        losses = mean_squared_error(outputs, targets)
        return losses * torch.tensor([1, torch.nan, 1]) if len(calls) == 3 else losses

    words = ["trainer.n_epochs=8", "trainer.log_freq=4"]
    monkeypatch.setattr("reactivation.training.objective.mean_squared_error", sick)
    with pytest.raises(SomeFailed, match="1 of 3") as failed:
        fit_together(runs(tmp_path / "stack", (0, 1, 2), *words))
    monkeypatch.undo()
    said = capsys.readouterr()
    assert failed.value.exit_code == DamagedData.exit_code
    assert f"{tmp_path / 'stack' / '1'}: the loss is nan at step 3; the last good model is of step 2" in said.err
    assert "stack/1: trained" not in said.out
    assert state(RunFolder(tmp_path / "stack" / "1"))["step"] == 2
    for seed in (0, 2):
        assert_same_run(fit_alone(tmp_path / "alone", seed, *words), RunFolder(tmp_path / "stack" / str(seed)))


def test_a_folder_that_cannot_be_used_harms_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = runs(tmp_path, (0, 1, 2))
    made[0][1].path.mkdir()
    made[0][1].config_file.write_text("not: a run\n")
    with pytest.raises(SomeFailed, match="1 of 3") as failed:
        fit_together(made)
    assert failed.value.exit_code == DamagedData.exit_code
    assert "0/config.yml" in capsys.readouterr().err
    assert [folder.steps() for _, folder in made] == [[], [2, 4], [2, 4]]


def test_a_folder_that_may_not_be_read_harms_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runs(tmp_path, (0, 1))
    honest = Path.exists

    def exists(file: Path) -> bool:
        if file.parent == made[0][1].path:
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return honest(file)

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(SomeFailed, match="1 of 2") as failed:
        fit_together(made)
    monkeypatch.undo()
    assert failed.value.exit_code == StorageError.exit_code
    assert "0: permission denied" in capsys.readouterr().err
    assert made[1][1].steps() == [2, 4]


@pytest.mark.parametrize("when", ["model_2.pt", "metrics.jsonl", "folder"])
def test_a_folder_that_cannot_be_written_any_more_harms_no_other(
    when: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails at a save, at the first test (before anything is stacked), or in what follows a save."""
    full = tmp_path / "stack" / "1"

    def failing(honest: Callable[..., None], place: Callable[[Any], Path]) -> Callable[..., None]:
        def write(where: Any, *content: Any) -> None:
            if place(where) == full / when:
                raise StorageError(f"{full / when}: the disk is full")
            honest(where, *content)

        return write

    monkeypatch.setattr(checkpoint, "save", failing(checkpoint.save, lambda file: file))
    honest_sync = os.fsync

    def sync(descriptor: int) -> None:
        if when == "folder" and os.path.sameopenfile(descriptor, full_folder) and RunFolder(full).steps():
            raise OSError(errno.ENOSPC, "No space left on device")
        honest_sync(descriptor)

    full.mkdir(parents=True)
    full_folder = os.open(full, os.O_RDONLY)
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(MetricsLog, "add", failing(MetricsLog.add, lambda log: log.folder.metrics_file))
    with pytest.raises(SomeFailed, match="1 of 3") as failed:
        fit_together(runs(tmp_path / "stack", (0, 1, 2)))
    monkeypatch.undo()
    os.close(full_folder)
    assert failed.value.exit_code == StorageError.exit_code
    assert capsys.readouterr().err.count("the disk is full") == 1
    assert RunFolder(full).steps() == ([2] if when == "folder" else [])
    for seed in (0, 2):
        assert_same_run(fit_alone(tmp_path / "alone", seed), RunFolder(tmp_path / "stack" / str(seed)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stack_that_is_interrupted_or_killed_goes_on(number: signal.Signals, tmp_path: Path, command: Command) -> None:
    words = ["trainer.save_freq=7", "trainer.log_freq=1", "trainer.test_freq=100"]
    together = ["seed=0,1", "together=stack", "device=cpu"]
    folders = [RunFolder(tmp_path / f"results/spatial_navigation/noisy_unbiased_0.0001_{seed}") for seed in (0, 1)]
    process = start(tmp_path, "train.py", *tiny(SPATIAL, *words, *together, "trainer.n_epochs=1000000"))
    wait_until(lambda: any(row["step"] > 9 for row in read_rows(folders[0].metrics_file)), process)
    process.send_signal(number)
    done = end(process)
    assert done.returncode == (128 + number if number == signal.SIGTERM else -number)
    stopped_at = {state(folder)["step"] for folder in folders}
    assert min(stopped_at) > 0
    if number == signal.SIGTERM:
        assert len(done.stderr.splitlines()) == 1
        assert "SIGTERM at step" in done.stderr
        assert len(stopped_at) == 1
    last = max(stopped_at) + 10
    assert command("train.py", *tiny(SPATIAL, *words, *together, f"trainer.n_epochs={last}")).stderr == ""
    for seed, folder in enumerate(folders):
        alone = fit_alone(tmp_path / "alone", seed, *words, f"trainer.n_epochs={last}")
        assert_same_content(state(alone), state(folder), 1e-2)


def kept(place: Path) -> dict[str, Any]:
    """The content with which a stack must end, by file, without times."""
    files = sorted(file for file in place.rglob("*") if file.suffix in (".pt", ".jsonl") and "previous" not in file.name)
    return {
        str(file.relative_to(place)): timeless(RunFolder(file.parent)) if file.suffix == ".jsonl" else loaded(file)
        for file in files
    }


@pytest.mark.parametrize("alone_before", [0, 2])
def test_a_stack_that_is_killed_between_any_two_files_ends_with_the_same_bits(
    alone_before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its members began together or alone; the kill comes just before a file is renamed into place."""
    honest, calls, words = os.replace, list[object](), ["trainer.test_freq=2", "trainer.log_freq=1"]

    def begun(place: Path) -> list[tuple[TrainConfig, RunFolder]]:
        for seed in (0, 1) if alone_before else ():
            fit_alone(place, seed, *words, f"trainer.n_epochs={alone_before}")
        return runs(place, (0, 1), *words)

    def counted(*names: Any) -> None:
        calls.append(names)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        honest(*names)

    members, killed_at = begun(tmp_path / "straight"), 0
    monkeypatch.setattr(os, "replace", counted)
    fit_together(members)
    boundaries = len(calls)
    assert boundaries >= 20
    for killed_at in range(1, boundaries + 1):
        monkeypatch.undo()
        members = begun(tmp_path / str(killed_at))
        calls.clear()
        monkeypatch.setattr(os, "replace", counted)
        with pytest.raises(KeyboardInterrupt):
            fit_together(members)
        fit_together(members)
        assert_same_content(kept(tmp_path / str(killed_at)), kept(tmp_path / "straight"), tolerance=0)


def test_members_that_ended_train_along_again_with_one_that_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """This is so after a kill before the last save of that one; if it then fails, no other run waits for it."""
    members = runs(tmp_path, (0, 1, 2))
    fit_together(members)
    ended, straggler = kept(tmp_path), members[1][1]
    straggler.resume_files[1].rename(straggler.resume_files[0])
    straggler.model_file(4).unlink()
    fit_together(members)
    assert capsys.readouterr().out.count("going on from step 2") == 3
    assert_same_content(kept(tmp_path), ended, tolerance=0)
    fit_together(members)
    assert capsys.readouterr().out.count("nothing to do") == 3


def test_losses_read_at_the_log_interval_are_those_of_each_step(tmp_path: Path) -> None:
    """A run that reads losses at every step and one that reads them at every fourth get the same losses."""
    for every in ("1", "4"):
        fit_together(runs(tmp_path / every, (0, 1), "trainer.n_epochs=8", f"trainer.log_freq={every}"))
    for seed in ("0", "1"):
        often, seldom = (
            {row["step"]: row["loss"] for row in timeless(RunFolder(tmp_path / every / seed)) if row["split"] == "train"}
            for every in ("1", "4")
        )
        assert list(seldom) == [4, 8]
        assert seldom == {step: often[step] for step in seldom}


def test_seeds_train_as_one_stack_where_the_command_says_so(command: Command, tmp_path: Path) -> None:
    done = command("train.py", *tiny(SPATIAL), "seed=0,1", "together=stack", "device=cpu")
    assert done.returncode == 0, done.stderr
    folders = [RunFolder(tmp_path / f"results/spatial_navigation/noisy_unbiased_0.0001_{seed}") for seed in (0, 1)]
    assert [folder.steps() for folder in folders] == [[2, 4], [2, 4]]
    speeds = {
        row["steps_per_second"] for folder in folders for row in read_rows(folder.metrics_file) if row["split"] == "train"
    }
    assert len(speeds) == 1, "a stack has one speed"


def test_an_unknown_way_to_train_together_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("train.py", *tiny(SPATIAL), "seed=0,1", "together=stak")
    assert done.returncode == 2
    assert done.stderr == ("command line: together=stak must be one of auto, processes, stack; did you mean stack?\n")
    assert list(tmp_path.iterdir()) == []
