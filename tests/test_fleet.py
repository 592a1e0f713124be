"""Several seeds in one command: each run equals that of its seed alone, and no failure harms another run."""

from pathlib import Path
import signal
import subprocess

from factories import SPATIAL, Command, end, load, same_weights, start, tiny, train, wait_until
import pytest
import torch

from reactivation.machine.errors import BadInput, StorageError
from reactivation.storage.files import locked
from reactivation.storage.folder import RunFolder
from reactivation.training.command import main
from reactivation.training.metrics import read_rows


def run_of(place: Path, seed: int) -> RunFolder:
    return RunFolder(place / "results" / "spatial_navigation" / f"noisy_unbiased_0.0001_{seed}")


def test_each_run_is_what_its_seed_alone_gives_whatever_becomes_of_the_others(tmp_path: Path) -> None:
    first, broken, last = (run_of(tmp_path, seed) for seed in (0, 1, 2))
    broken.path.mkdir(parents=True)
    broken.config_file.write_text("not: a run\n")
    done = end(start(tmp_path, "train.py", *tiny(SPATIAL), "seed=0,1,2", "together=processes", "device=cpu"))
    assert done.returncode == 3
    assert "1 of 3 trainings failed" in done.stderr
    assert str(broken.path.relative_to(tmp_path)) in done.stderr
    assert "Traceback" not in done.stderr
    assert first.steps() == last.steps() == [2, 4]
    assert [load(run).config.seed for run in (first, last)] == [0, 2]
    assert same_weights(last, train(tmp_path / "alone", "seed=2"), 4)
    rows = [row for run in (first, last) for row in read_rows(run.metrics_file) if row["split"] == "train"]
    assert len({row["steps_per_second"] for row in rows}) == 2, "each has a speed of its own"


def started(place: Path) -> subprocess.Popen[str]:
    """Two endless trainings in one command, once both have saved."""
    endless = tiny(SPATIAL, "trainer.n_epochs=1000000", "trainer.save_freq=1000000", "seed=0,1", "together=processes")
    fleet = start(place, "train.py", *endless)
    wait_until(lambda: all(run_of(place, seed).resume_files[0].exists() for seed in (0, 1)), fleet)
    return fleet


def is_free(folder: RunFolder) -> bool:
    try:
        with locked(folder.path):
            return True
    except StorageError:
        return False


def test_children_save_and_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    fleet = started(tmp_path)
    folders = [run_of(tmp_path, seed) for seed in (0, 1)]
    assert not any(map(is_free, folders))
    fleet.kill()
    done = end(fleet)  # returns when the children, who write there too, have ended
    assert done.stderr.count("saved; the same command goes on from there") == 2
    assert all(map(is_free, folders))
    assert all(torch.load(folder.resume_files[0], weights_only=True)["step"] > 0 for folder in folders)


def test_a_signal_reaches_all_and_all_go_on(tmp_path: Path) -> None:
    fleet = started(tmp_path)
    states = [run_of(tmp_path, seed).resume_files[0] for seed in (0, 1)]
    fleet.send_signal(signal.SIGTERM)
    done = end(fleet)
    assert done.returncode == 143
    assert "goes on from there" in done.stderr
    assert all(torch.load(file, weights_only=True)["step"] > 0 for file in states)


def test_a_signal_before_any_training_has_begun_is_no_failure(tmp_path: Path) -> None:
    """A process that is still loading ends by the signal itself."""
    fleet = start(tmp_path, "train.py", *tiny(SPATIAL), "seed=0,1", "together=processes", "device=cpu")
    wait_until(lambda: bool(children(fleet.pid)), fleet)
    fleet.send_signal(signal.SIGTERM)
    done = end(fleet)
    assert done.returncode == 143, done.stderr
    assert "failed" not in done.stderr


def children(process: int) -> str:
    """The processes that a process has begun; Linux tells."""
    return Path(f"/proc/{process}/task/{process}/children").read_text()


CONTRADICTIONS = [
    (["seed=0,0"], "twice"),
    (["seed=0,00"], "whole numbers"),
    (["seed=0,"], "whole numbers"),
    (["seed=0,x"], "whole numbers"),
]


@pytest.mark.parametrize(("words", "reason"), CONTRADICTIONS)
def test_contradictions_are_refused(words: list[str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        main([f"config={SPATIAL}", *words])


@pytest.mark.parametrize(("words", "said"), [(["seed=0,x"], "seed=0,x"), (["seed=0,1", "path=x"], "path= names one run")])
def test_seeds_that_cannot_be_trained_together_write_nothing(
    words: list[str], said: str, command: Command, tmp_path: Path
) -> None:
    done = command("train.py", *tiny(SPATIAL), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
