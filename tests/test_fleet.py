"""Several seeds in one command: ordinary runs, each what its seed alone gives, none harmed by another."""

from collections.abc import Callable
from pathlib import Path
import signal
import subprocess
import sys
import time

from conftest import ROOT, environment, tiny
import pytest
import torch

from reactivation.machine.errors import BadInput, StorageError
from reactivation.settings.reading import parse_arguments, parse_seeds
from reactivation.storage.files import locked
from reactivation.storage.runs import RunFolder, load_run

SPATIAL = "spatial_navigation/noisy_unbiased"


def run_of(place: Path, seed: int) -> RunFolder:
    return RunFolder(place / "results" / "spatial_navigation" / f"noisy_unbiased_0.0001_{seed}")


def test_each_run_is_what_its_seed_alone_gives(command, tmp_path: Path) -> None:
    done = command("train.py", *tiny(SPATIAL), "seed=0,1,2")
    assert done.returncode == 0, done.stderr
    (tmp_path / "results").rename(tmp_path / "together")
    assert command("train.py", *tiny(SPATIAL), "seed=1").returncode == 0
    together = RunFolder(tmp_path / "together/spatial_navigation/noisy_unbiased_0.0001_1")
    a, b = (load_run(folder, torch.device("cpu")) for folder in (together, run_of(tmp_path, 1)))
    assert all(torch.equal(x, y) for x, y in zip(a.network.parameters(), b.network.parameters(), strict=True))
    seeds = [load_run(RunFolder(f), torch.device("cpu")).config.seed for f in (tmp_path / "together").glob("*/*")]
    assert sorted(seeds) == [0, 1, 2]


def test_one_that_fails_neither_harms_nor_hides_the_others(command, tmp_path: Path) -> None:
    broken = run_of(tmp_path, 1)
    broken.path.mkdir(parents=True)
    broken.config_file.write_text("not: a run\n")
    done = command("train.py", *tiny(SPATIAL), "seed=0,1,2")
    assert done.returncode == 3
    assert "1 of 3 trainings failed" in done.stderr
    assert str(broken.path.relative_to(tmp_path)) in done.stderr
    assert "Traceback" not in done.stderr
    assert run_of(tmp_path, 0).steps() == run_of(tmp_path, 2).steps() == [2, 4]


def started(place: Path) -> subprocess.Popen[bytes]:
    """Two long trainings in one command, once both have saved."""
    words = {**parse_arguments(tiny(SPATIAL)), "trainer.n_epochs": "3000", "seed": "0,1"}
    start = [sys.executable, str(ROOT / "train.py"), *(f"{key}={value}" for key, value in words.items())]
    fleet = subprocess.Popen(start, cwd=place, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_until(lambda: all(run_of(place, seed).resume_files[0].exists() for seed in (0, 1)))
    return fleet


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def is_free(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except StorageError:
        return False


def test_children_save_and_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    fleet = started(tmp_path)
    folders = [run_of(tmp_path, seed) for seed in (0, 1)]
    assert not any(is_free(folder.path) for folder in folders)
    fleet.kill()
    _, errors = fleet.communicate(timeout=120)  # returns when the children, who write there too, have ended
    assert errors.count(b"saved; the same command goes on from there") == 2
    assert all(is_free(folder.path) for folder in folders)
    steps = [torch.load(folder.resume_files[0], weights_only=True)["step"] for folder in folders]
    assert all(0 < step < 3000 for step in steps)


def test_a_signal_reaches_all_and_all_go_on(tmp_path: Path) -> None:
    fleet = started(tmp_path)
    fleet.send_signal(signal.SIGTERM)
    _, errors = fleet.communicate(timeout=60)
    assert fleet.returncode == 143
    assert b"goes on from there" in errors
    steps = [torch.load(run_of(tmp_path, seed).resume_files[0], weights_only=True)["step"] for seed in (0, 1)]
    assert all(0 < step < 3000 for step in steps)


def test_a_signal_before_any_training_has_begun_is_no_failure(tmp_path: Path) -> None:
    """A process that is still loading ends by the signal itself."""
    words = [*tiny(SPATIAL), "seed=0,1", "together=processes"]
    fleet = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *words], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not children(fleet.pid) and time.monotonic() < deadline:
        time.sleep(0.001)
    fleet.send_signal(signal.SIGTERM)
    _, errors = fleet.communicate(timeout=60)
    assert fleet.returncode == 143, errors
    assert "failed" not in errors


def children(process: int) -> str:
    """The processes that a process has begun; Linux tells."""
    return Path(f"/proc/{process}/task/{process}/children").read_text()


CONTRADICTIONS = [
    (["seed=0,0"], "twice"),
    (["seed=0,00"], "twice"),
    (["seed=0,"], "whole numbers"),
    (["seed=0,x"], "whole numbers"),
    (["seed=0,1", "path=x"], "path"),
]


@pytest.mark.parametrize(("words", "reason"), CONTRADICTIONS)
def test_contradictions_are_refused(words: list[str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_seeds(parse_arguments(words))


def test_a_bad_seed_among_several_writes_nothing(command, tmp_path: Path) -> None:
    done = command("train.py", *tiny(SPATIAL), "seed=0,x")
    assert done.returncode == 2
    assert "seed=0,x" in done.stderr
    assert list(tmp_path.iterdir()) == []
