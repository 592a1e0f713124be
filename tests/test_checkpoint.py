"""Checkpoints: whatever happens to a file is noticed, and writing one never harms the one before."""

import errno
import io
import os
from pathlib import Path
import pickle
import random

import pytest
import torch

from reactivation import checkpoint, files
from reactivation.errors import DamagedData, StorageError, storing

CONTENT = {"network": {"weight": torch.randn(40, 40)}, "step_of_adam": 3.0}
PRINT = "fingerprint"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model_7.pt"
    checkpoint.save(file, PRINT, 7, CONTENT)
    return file


def test_what_is_saved_is_loaded(file: Path) -> None:
    content = checkpoint.load(file, PRINT)
    assert content["step"] == 7
    assert torch.equal(content["network"]["weight"], CONTENT["network"]["weight"])
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_any_flipped_byte_of_a_tensor_is_noticed(file: Path) -> None:
    data = bytearray(file.read_bytes())
    where = data.find(CONTENT["network"]["weight"].numpy().tobytes())
    assert where > 0
    for offset in random.Random(0).sample(range(40 * 40 * 4), 20):
        damaged = data.copy()
        damaged[where + offset] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(DamagedData, match="model_7"):
            checkpoint.load(file, PRINT)


def test_any_truncation_is_noticed(file: Path) -> None:
    data = file.read_bytes()
    for length in [0, 1, 10, len(data) // 2, len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(DamagedData):
            checkpoint.load(file, PRINT)


def test_a_checkpoint_of_another_run_is_refused(file: Path) -> None:
    with pytest.raises(DamagedData, match="another"):
        checkpoint.load(file, "another fingerprint")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="missing"):
        checkpoint.load(tmp_path / "model_1.pt", PRINT)


def test_another_format_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    with pytest.raises(DamagedData, match="format 1"):
        checkpoint.load(file, PRINT)


def test_values_that_are_not_finite_are_refused(file: Path) -> None:
    weight = CONTENT["network"]["weight"].clone()
    weight[3, 4] = float("nan")
    checkpoint.save(file, PRINT, 7, {"network": {"weight": weight}})
    with pytest.raises(DamagedData, match=r"network\.weight"):
        checkpoint.load(file, PRINT)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_a_malicious_pickle_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save({"format": 1, "fingerprint": PRINT, "step": 1, "x": Malicious()}, buffer)
    for data in (buffer.getvalue(), pickle.dumps(Malicious())):
        (tmp_path / "evil.pt").write_bytes(data)
        with pytest.raises(DamagedData):
            checkpoint.load(tmp_path / "evil.pt", PRINT)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("failing", "number"), [("fsync", errno.ENOSPC), ("replace", errno.EACCES), ("fsync", errno.EDQUOT)]
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    file: Path, failing: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, failing, fail)
    with pytest.raises(StorageError, match="model_7"):
        checkpoint.save(file, PRINT, 8, CONTENT)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_full_disk_is_reported_as_such(tmp_path: Path) -> None:
    """/dev/full is a disk that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StorageError, match="here: the disk is full"), storing("here"):
        Path("/dev/full").write_bytes(b"x" * 10_000)


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(StorageError, match="results"):
        files.make_folder(tmp_path / "results" / "run")


def test_a_locked_folder_keeps_others_out(tmp_path: Path) -> None:
    with files.locked(tmp_path), pytest.raises(StorageError, match="another process"), files.locked(tmp_path):
        pass
    with files.locked(tmp_path):
        pass
