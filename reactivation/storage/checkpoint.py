"""Checkpoints: one dict of tensors and plain Python in a file that is written atomically, and checked when it is read.

`torch.load` runs with `weights_only=True` always. It does not notice a changed bit, and the checksums in its archive do not
cover the archive's directory, so the file is sealed (`reactivation.storage.seal`).
"""

from collections.abc import Iterator
import copy
import io
from pathlib import Path
from typing import Any
import zipfile

import torch
from torch import Tensor

from reactivation.machine.device import is_shortage
from reactivation.machine.errors import DamagedData, storing
from reactivation.storage.files import write_atomically
from reactivation.storage.seal import sealed, unsealed

FORMAT = 2
_FORMATS_WITHOUT_SEAL = (1,)  # of versions before 0.2: archives with only their own checksums to check


def save(file: Path, fingerprint: str, step: int, content: dict[str, Any]) -> None:
    """Write a sealed checkpoint of the run that has this fingerprint (`settings.identity.science_hash`).

    Raises:
        StorageError: disk full, no permission; an older file of the same name is untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "fingerprint": fingerprint, "step": step, **_own(content)}, buffer)
    write_atomically(file, sealed(buffer.getvalue()))


def load(file: Path, fingerprint: str, step: int | None = None) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Args:
        step: the step that the file must be of; None for any.

    Raises:
        DamagedData: missing, not a checkpoint, its digest or a value is wrong, or it belongs to another run or step.
        StorageError: it cannot be read.
    """
    data = _read(file)
    payload = unsealed(data)
    content = _unpack(file, data if payload is None else payload)
    known = (FORMAT, *_FORMATS_WITHOUT_SEAL)
    if content.get("format") not in known:
        raise DamagedData(f"{file}: has format {content.get('format')}; this version reads formats 1 to {FORMAT}")
    if payload is None and content["format"] not in _FORMATS_WITHOUT_SEAL:
        raise DamagedData(f"{file}: damaged (its digest is not there)")
    if content.get("fingerprint") != fingerprint:
        raise DamagedData(f"{file}: belongs to a run with another configuration or seed")
    if type(content.get("step")) is not int or content["step"] < 0:
        raise DamagedData(f"{file}: says no step")
    if step is not None and content["step"] != step:
        raise DamagedData(f"{file}: is of step {content['step']}, not {step}")
    for name, tensor in _tensors(content):
        if tensor.layout is not torch.strided:
            raise DamagedData(f"{file}: {name} is not a dense tensor")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise DamagedData(f"{file}: {name} holds values that are not finite")
    return content


def load_into(module: torch.nn.Module, state: Any, file: Path) -> None:
    """Give a module the tensors of a checkpoint.

    Raises:
        DamagedData: names, shapes or number formats differ.
    """
    expected = module.state_dict()
    found = {name: _kind(value) for name, value in state.items()} if isinstance(state, dict) else {}
    for name, tensor in expected.items():
        if found.pop(name, None) != _kind(tensor):
            raise DamagedData(f"{file}: does not fit its own configuration ({name} should be {_kind(tensor)})")
    if found:
        raise DamagedData(f"{file}: does not fit its own configuration (nothing is called {next(iter(found))})")
    module.load_state_dict(state)


def _read(file: Path) -> bytes:
    with storing(file):
        if not file.exists():
            raise DamagedData(f"{file}: missing")
        return file.read_bytes()


def _unpack(file: Path, data: bytes) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # torch compresses nothing, and a compressed entry could expand beyond the memory.
            packed = [entry.filename for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
            wrong = packed[0] if packed else archive.testzip()
        content = None if wrong else torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (MemoryError, ImportError):
        raise  # the cause is the machine, not the file
    except Exception as error:  # any other error means that the file is damaged
        if is_shortage(error):
            raise
        raise DamagedData(f"{file}: damaged ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise DamagedData(f"{file}: damaged ({f'checksum of {wrong}' if wrong else 'not a checkpoint'})")
    return content


def _kind(value: Any) -> str:
    """The number format and shape of a tensor, which must agree with those of the tensor that it is loaded into."""
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _own(content: Any) -> Any:
    """The same content, with a copy of every tensor that is part of a larger one: torch would save the larger one."""
    if isinstance(content, Tensor):
        return content.clone() if content.untyped_storage().nbytes() > content.nbytes else content
    if not isinstance(content, dict):
        return content
    own = copy.copy(content)  # of the same type and attributes
    own.update((key, _own(value)) for key, value in content.items())
    return own


def _tensors(content: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
