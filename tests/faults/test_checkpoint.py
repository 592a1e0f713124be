"""Checkpoints: whatever happens to a file is noticed, and writing one never harms the one before."""

import errno
import hashlib
import io
import os
from pathlib import Path
import pickle
import random
from typing import Any
import zipfile

import pytest
import torch

from reactivation.machine.errors import DamagedData, StorageError, storing
from reactivation.storage import checkpoint, files
from reactivation.storage.seal import unsealed, weights_digest

CONTENT: dict[str, Any] = {"network": {"weight": torch.randn(40, 40)}, "step_of_adam": 3.0}
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


def bits_of(data: bytes) -> list[int]:
    """A share of all bits, and all of the archive's directory and seal, which no checksum of the archive covers."""
    directory = data.index(b"PK\x01\x02") * 8
    return [*random.Random(0).sample(range(directory), 300), *range(directory, len(data) * 8, 3)]


@pytest.mark.parametrize("all_bits", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_any_flipped_bit_is_noticed(all_bits: bool, file: Path) -> None:
    data = file.read_bytes()
    for bit in range(len(data) * 8) if all_bits else bits_of(data):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        with pytest.raises(DamagedData, match="model_7"):
            checkpoint.load(file, PRINT)


def test_other_programs_read_what_is_sealed(file: Path) -> None:
    assert torch.equal(torch.load(file, weights_only=True)["network"]["weight"], CONTENT["network"]["weight"])
    assert torch.load(file, weights_only=True, mmap=True)["step"] == 7


def test_the_digest_of_the_weights_is_that_of_what_torch_wrote(file: Path, tmp_path: Path) -> None:
    archive = unsealed(file.read_bytes())
    assert archive is not None
    (tmp_path / "plain.pt").write_bytes(archive)
    assert weights_digest(file) == weights_digest(tmp_path / "plain.pt") == hashlib.sha256(archive).hexdigest()


def unsealed_of_format(number: int, file: Path) -> Path:
    """A file as another version wrote it: without a seal."""
    torch.save({"format": number, "fingerprint": PRINT, "step": 7, **CONTENT}, file)
    return file


def test_a_checkpoint_of_the_first_format_is_read(tmp_path: Path) -> None:
    file = unsealed_of_format(1, tmp_path / "model_7.pt")
    assert torch.equal(checkpoint.load(file, PRINT)["network"]["weight"], CONTENT["network"]["weight"])


def test_a_checkpoint_that_lost_its_seal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedData, match="digest"):
        checkpoint.load(unsealed_of_format(checkpoint.FORMAT, tmp_path / "model_7.pt"), PRINT)


@pytest.mark.parametrize("step", [-7, 8, True])
def test_a_checkpoint_of_another_step_is_refused(step: int, tmp_path: Path) -> None:
    file = tmp_path / "model_7.pt"
    checkpoint.save(file, PRINT, step, CONTENT)
    with pytest.raises(DamagedData, match="step"):
        checkpoint.load(file, PRINT, 7)


def test_a_packed_archive_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    file = unsealed_of_format(1, tmp_path / "model_7.pt")
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(DamagedData, match="damaged"):
        checkpoint.load(file, PRINT)


def test_a_sparse_tensor_is_refused(file: Path) -> None:
    torch.save({"format": 1, "fingerprint": PRINT, "step": 7, "network": {"weight": torch.eye(3).to_sparse()}}, file)
    with pytest.raises(DamagedData, match=r"network\.weight"):
        checkpoint.load(file, PRINT)


@pytest.mark.parametrize("error", [MemoryError(), ModuleNotFoundError("torch._weights_only_unpickler")])
def test_what_the_machine_lacks_is_no_damage(error: Exception, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(type(error)):
        checkpoint.load(file, PRINT)


@pytest.mark.parametrize(
    "weight", [torch.zeros(3, 2, dtype=torch.float64), torch.zeros(2, 3), torch.zeros(6), None, [[0.0] * 2] * 3]
)
def test_only_a_tensor_of_the_same_kind_is_taken(weight: object, file: Path) -> None:
    module = torch.nn.Linear(2, 3, bias=False)
    with pytest.raises(DamagedData, match="weight"):
        checkpoint.load_into(module, {"weight": weight}, file)
    with pytest.raises(DamagedData, match="stranger"):
        checkpoint.load_into(module, {**module.state_dict(), "stranger": torch.zeros(1)}, file)


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
    with pytest.raises(DamagedData, match="has format 2"):
        checkpoint.load(file, PRINT)


def test_values_that_are_not_finite_are_refused(file: Path) -> None:
    weight = CONTENT["network"]["weight"].clone()
    weight[3, 4] = float("nan")
    checkpoint.save(file, PRINT, 7, {"network": {"weight": weight}})
    with pytest.raises(DamagedData, match=r"network\.weight"):
        checkpoint.load(file, PRINT)


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
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

    monkeypatch.setattr(os, failing, fail)
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
