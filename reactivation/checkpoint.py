"""Checkpoints: one dict of tensors and plain Python in a file, whole or not there, checked before it is believed.

`torch.load` runs with `weights_only=True` always, and since it does not notice a flipped bit, the archive's checksums are
checked first.
"""

from collections.abc import Iterator
import copy
import io
from pathlib import Path
from typing import Any
import zipfile

import torch
from torch import Tensor

from reactivation.errors import DamagedData, storing
from reactivation.files import write_atomically

FORMAT = 1


def save(file: Path, fingerprint: str, step: int, content: dict[str, Any]) -> None:
    """Write a checkpoint of the run that has this `config.science_hash`.

    Raises:
        StorageError: disk full, no permission; an older file of the same name is untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "fingerprint": fingerprint, "step": step, **_own(content)}, buffer)
    write_atomically(file, buffer.getvalue())


def load(file: Path, fingerprint: str) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises:
        DamagedData: missing, not a checkpoint, a checksum or a value is wrong, or it belongs to another run.
        StorageError: it cannot be read.
    """
    with storing(file):
        if not file.exists():
            raise DamagedData(f"{file}: missing")
        data = file.read_bytes()
    content = _unpack(file, data)
    if content.get("format") != FORMAT:
        raise DamagedData(f"{file}: has format {content.get('format')}; this version reads format {FORMAT}")
    if content.get("fingerprint") != fingerprint:
        raise DamagedData(f"{file}: belongs to a run with another configuration or seed")
    if not isinstance(content.get("step"), int):
        raise DamagedData(f"{file}: says no step")
    for name, tensor in _tensors(content):
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise DamagedData(f"{file}: {name} holds values that are not finite")
    return content


def load_into(module: torch.nn.Module, state: Any, file: Path) -> None:
    """Give a module the tensors of a checkpoint.

    Raises:
        DamagedData: names or shapes differ.
    """
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise DamagedData(f"{file}: does not fit its own configuration ({str(error).splitlines()[-1].strip()})") from None


def _unpack(file: Path, data: bytes) -> dict[str, Any]:
    try:
        damaged = zipfile.ZipFile(io.BytesIO(data)).testzip()
        content = None if damaged else torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unreadable bytes lead to, the file is damaged
        raise DamagedData(f"{file}: damaged ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise DamagedData(f"{file}: damaged ({f'checksum of {damaged}' if damaged else 'not a checkpoint'})")
    return content


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
