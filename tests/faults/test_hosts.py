"""Several machines in one folder: a claim keeps the others out, and one that is stale is told."""

from dataclasses import asdict, replace
import errno
import json
import os
from pathlib import Path
import resource
import subprocess
import sys
import time

from factories import configured, contents, train
import pytest

from reactivation.machine import scheduler
from reactivation.machine.errors import StorageError
from reactivation.storage import claims
from reactivation.storage.claims import Claim, claimed
from reactivation.storage.folder import RunFolder
from reactivation.training.fit import fit

HERE = claims._own()
THERE = replace(HERE, host="another")
JOB = replace(THERE, job="17")


def put(folder: Path, claim: Claim | None, hours: float = 0) -> Path:
    """Leave a claim in a folder that was last touched some hours ago; None for one that says nothing."""
    folder.mkdir(exist_ok=True)
    file = folder / ".claim"
    file.write_text(json.dumps(asdict(claim)) if claim else "")
    os.utime(file, (time.time() - hours * 3600,) * 2)
    return file


def is_free(folder: Path) -> bool:
    """Whether a folder can be claimed; a claim that was made is gone then, and the other one is as it was else."""
    before = (folder / ".claim").read_bytes()
    try:
        with claimed(folder):
            assert {**json.loads((folder / ".claim").read_text()), "time": ""} == asdict(replace(claims._own(), time=""))
    except StorageError as problem:
        said = str(problem)
        return not (said.endswith(f"delete {folder / '.claim'}") and (folder / ".claim").read_bytes() == before)
    assert not list(folder.iterdir())
    return True


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("size", [0, 10])
def test_a_claim_that_cannot_be_written_keeps_nobody_out(size: int, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(StorageError, match="File too large"), claimed(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize(
    ("claim", "hours", "free"),
    [
        (HERE, 1000, False),
        (replace(HERE, started="another boot"), 0, True),
        (replace(HERE, pid=ended_process()), 0, True),
        (THERE, 1, False),
        (THERE, 25, True),
        (None, 0, False),
        (None, 0.1, True),
    ],
)
def test_a_claim_is_believed_until_it_is_known_to_be_stale(
    claim: Claim | None, hours: float, free: bool, tmp_path: Path
) -> None:
    put(tmp_path, claim, hours)
    assert is_free(tmp_path) == free


@pytest.mark.parametrize(
    ("answers", "hours", "free"),
    [("RUNNING", 1000, False), ("", 0, True), ("TIMEOUT", 0, True), (None, 1, False), (None, 25, True)],
)
def test_the_scheduler_is_asked_about_a_claim_of_a_job(
    answers: str | None, hours: float, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By squeue, which knows a job that is not over, has forgotten it, or does not answer."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "squeue").write_text("#!/bin/sh\nexit 1\n" if answers is None else f"#!/bin/sh\necho {answers}\n")
    (place / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)
    put(tmp_path / "run", JOB, hours)
    assert is_free(tmp_path / "run") == free


def test_a_claim_with_fields_of_another_kind_says_nothing(tmp_path: Path) -> None:
    for field in ("host", "pid", "job", "begun"):
        file = put(tmp_path, None, hours=1)
        file.write_text(json.dumps({**asdict(HERE), field: [1]}))
        os.utime(file, (0, 0))
        assert is_free(tmp_path)


def test_a_scheduler_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(scheduler, "_PATIENCE", 0.1)
    assert scheduler.runs("17") is None


@pytest.mark.parametrize(("begun", "free"), [("0", False), ("1", True)])
def test_a_job_that_is_begun_anew_on_another_machine_goes_on(
    begun: str, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_RESTART_COUNT", begun)
    put(tmp_path, JOB)
    assert is_free(tmp_path) == free


def test_training_is_refused_on_one_line_and_leaves_the_folder_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(tmp_path / "run")
    claim = put(folder.path, THERE)
    before = contents(folder.path)
    with pytest.raises(StorageError, match=r"process \d+ of another since .*; if it is not, delete"):
        train(folder.path, "trainer.n_epochs=8")
    assert contents(folder.path) == before
    monkeypatch.setenv("REACTIVATION_HOST", "another")  # where that process is known not to be the one of the claim
    claim.write_text(json.dumps(asdict(replace(THERE, started=None))))
    train(folder.path, "trainer.n_epochs=8")
    assert folder.steps() == [2, 4, 6, 8]
    assert not claim.exists()


def test_what_a_kill_behind_the_last_save_left_goes_when_the_command_is_given_again(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    claim = put(folder.path, replace(HERE, pid=ended_process()))
    (folder.path / ".run.json.1.tmp").write_bytes(b"half")
    train(folder.path)
    assert not claim.exists()
    assert not list(folder.path.glob(".*.tmp"))
    before = put(folder.path, THERE).read_bytes()
    train(folder.path)
    assert claim.read_bytes() == before, "one that is not known to be stale"


def test_who_was_taken_over_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that was halted for days."""
    monkeypatch.setattr(claims, "_OFTEN", -1)
    with claimed(tmp_path) as touch:
        os.utime(tmp_path / ".claim", (0, 0))
        touch()
        assert (tmp_path / ".claim").stat().st_mtime > time.time() - 60
        file = put(tmp_path, THERE)
        with pytest.raises(StorageError, match="taken over by another process"):
            touch()
    assert json.loads(file.read_text()) == asdict(THERE), "a claim of another is not its to take away"


def test_a_training_keeps_its_claim_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched = list[float]()
    monkeypatch.setattr(claims, "_OFTEN", -1)
    monkeypatch.setattr(os, "utime", lambda *_: touched.append(0))
    fit(configured("trainer.n_epochs=4", "trainer.log_freq=1"), RunFolder(tmp_path / "run"))
    assert len(touched) == 4


def test_a_claim_that_took_the_place_of_a_stale_one_is_put_back(tmp_path: Path) -> None:
    """Two processes saw the same stale claim; the second finds that of the first in its place."""
    file = put(tmp_path, THERE)
    claims._remove(file, replace(THERE, pid=1))
    assert json.loads(file.read_text()) == asdict(THERE)
    claims._remove(file, THERE)
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_links_has_claims_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with claimed(tmp_path), pytest.raises(StorageError, match="another process"), claimed(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
