"""Recordings in npz files of their own, with where they come from; nothing is pickled."""

from collections.abc import Mapping
from dataclasses import dataclass
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reactivation import __version__
from reactivation.analysis.epochs import Moments, Start
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.storage.arrays import read_archive
from reactivation.storage.fields import made
from reactivation.storage.files import parse_json, write_atomically
from reactivation.world.spaces import Box, Circle, Space

if TYPE_CHECKING:
    from reactivation.analysis.recording import Recording

_FORMAT = 1
_SPACES: dict[str, type[Space]] = {"Box": Box, "Circle": Circle}  # those that a file can name


def save(recording: "Recording", file: Path) -> Path:
    """See `Recording.save`."""
    space = recording.space
    about = {
        "format": _FORMAT,
        "version": __version__,
        "dt": recording.dt,
        "space": {"name": type(space).__name__, **{key: getattr(space, key) for key in _fields_of(space)}},
        "first": [start.sample for start in recording._starts],
        "starts": [start.seconds for start in recording._starts],
        "given": recording._given,
        "outside": recording.outside,
        "dropped": recording.dropped,
        "provenance": dict(recording.provenance),
    }
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about))}
    arrays |= {f"positions_{i}": block for i, block in enumerate(recording._blocks)}
    arrays |= {f"rates_{i}": block for i, block in enumerate(recording._rates)}
    if recording._moments is not None:
        arrays |= recording._moments._asdict()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    target = file if file.suffix == ".npz" else Path(f"{file}.npz")
    write_atomically(target, buffer.getvalue())
    return target


def load(recording: "Recording", file: Path, space: Space | None) -> None:
    """Fill an empty recording; see `Recording.load`."""
    arrays = read_archive(file)
    try:
        content = parse_json(str(arrays["about"]))
        if content["format"] != _FORMAT:
            raise DamagedData(f"{file}: has format {content['format']}; this version reads format {_FORMAT}")
        about = made(_About, content)
        recording.space = space or _named_space(file, dict(about.space))
        recording.dt, recording.outside, recording.dropped = about.dt, about.outside, about.dropped
        recording.provenance, recording._given = about.provenance, about.given
        recording._blocks, recording._rates = _numbered("positions", arrays), _numbered("rates", arrays)
        recording._moments = Moments(arrays["mean"], arrays["covariance"]) if "mean" in arrays else None
        _require_whole(recording)
        first = about.first or np.cumsum([0, *recording.lengths[:-1]]).tolist()
        seconds = about.starts or [sample * recording.dt for sample in first]
        starts = zip(first, seconds, recording.lengths, strict=True)
        recording._starts = tuple(Start(sample, second) for sample, second, _ in starts)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise DamagedData(f"{file}: is no whole recording; make it again") from None


@dataclass(frozen=True)
class _About:
    """What a file says beside its arrays."""

    format: int
    dt: float
    space: dict[str, Any]
    given: int
    outside: int
    dropped: int
    provenance: dict[str, Any]
    version: str = ""
    first: tuple[int, ...] = ()
    starts: tuple[float, ...] = ()  # files of before have none


def _require_whole(recording: "Recording") -> None:
    """Raise ValueError unless there are epochs, and all arrays are numbers of the shapes that belong to them."""
    blocks, rates, moments = recording._blocks, recording._rates, recording._moments
    epochs: list[Any] = [*blocks, *rates]
    arrays = [*epochs, *([] if moments is None else moments)]
    if not all(array.dtype.kind in "fiu" and array.size and np.isfinite(array).all() for array in arrays):
        raise ValueError("numbers")
    if not blocks or recording.dt <= 0 or any(block.ndim != 3 for block in epochs):
        raise ValueError("epochs")
    lengths = [block.shape[1] for block in rates for _ in block]
    if any(block.shape[2] != recording.space.dimensions for block in blocks) or len({block.shape[2] for block in rates}) > 1:
        raise ValueError("dimensions and units")
    if lengths != recording.lengths[: len(lengths)].tolist():
        raise ValueError("rates of these epochs")
    if moments is not None and moments.covariance.shape != (*moments.mean.shape, *moments.mean.shape):
        raise ValueError("moments")


def _fields_of(space: Space) -> tuple[str, ...]:
    return tuple(getattr(space, "__dataclass_fields__", ()))


def _named_space(file: Path, about: dict[str, Any]) -> Space:
    name = about.pop("name")
    if name not in _SPACES:
        raise BadInput(f"{file}: was recorded in a space of your own, {name}: give space=")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in about.items()}
    return _SPACES[name](**values)


def _numbered(name: str, arrays: Mapping[str, Any]) -> tuple[Any, ...]:
    count = sum(key.startswith(f"{name}_") for key in arrays)
    return tuple(arrays[f"{name}_{i}"] for i in range(count))
