"""Recordings in npz files of their own, with where they come from; nothing is pickled."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from reactivation import __version__
from reactivation.analysis.epochs import Moments, Parts, Start
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.storage.arrays import read_archive
from reactivation.storage.fields import made
from reactivation.storage.files import parse_json, write_atomically
from reactivation.world.spaces import Box, Circle, Space

_FORMAT = 1
_SPACES: dict[str, type[Space]] = {"Box": Box, "Circle": Circle}  # spaces that a file can name


def save(parts: Parts, file: Path) -> Path:
    """See `Recording.save`."""
    about = {
        "format": _FORMAT,
        "version": __version__,
        "dt": parts.dt,
        "space": _described(parts.space),
        "first": [start.sample for start in parts.starts],
        "starts": [start.seconds for start in parts.starts],
        "given": parts.given,
        "outside": parts.outside,
        "dropped": parts.dropped,
        "provenance": dict(parts.provenance),
    }
    try:
        arrays: dict[str, Any] = {"about": np.array(json.dumps(about, allow_nan=False, default=_number))}
    except (TypeError, ValueError) as problem:
        raise BadInput(
            f"{file}: a file holds the provenance, and a space of your own, as text, finite numbers, lists and dictionaries "
            f"alone: {problem}"
        ) from None
    arrays |= {f"positions_{i}": block for i, block in enumerate(parts.blocks)}
    arrays |= {f"true_positions_{i}": block for i, block in enumerate(parts.truth)}
    arrays |= {f"rates_{i}": block for i, block in enumerate(parts.rates)}
    if parts.moments is not None:
        arrays |= parts.moments._asdict()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    target = file if file.suffix == ".npz" else Path(f"{file}.npz")
    write_atomically(target, buffer.getvalue())
    return target


def load(file: Path, space: Space | None) -> Parts:
    """See `Recording.load`."""
    arrays = read_archive(file)
    try:
        content = parse_json(str(arrays["about"]))
        if content["format"] != _FORMAT:
            raise DamagedData(f"{file}: has format {content['format']}; this version reads format {_FORMAT}")
        about = made(_About, content)
        parts = Parts(
            space=_space(file, about.space, space),
            dt=about.dt,
            blocks=_numbered("positions", arrays),
            truth=_numbered("true_positions", arrays),
            rates=_numbered("rates", arrays),
            moments=Moments(arrays["mean"], arrays["covariance"]) if "mean" in arrays else None,
            starts=(),
            given=about.given,
            outside=about.outside,
            dropped=about.dropped,
            provenance=about.provenance,
        )
        lengths = _require_whole(parts)
        first = about.first or np.cumsum([0, *lengths[:-1]]).tolist()
        seconds = about.starts or [sample * about.dt for sample in first]
        starts = zip(first, seconds, lengths, strict=True)
        return parts._replace(starts=tuple(Start(sample, second) for sample, second, _ in starts))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise DamagedData(f"{file}: is no whole recording; make it again") from None


@dataclass(frozen=True)
class _About:
    """The contents of a file beside its arrays."""

    format: int
    dt: float
    space: dict[str, Any]
    given: int
    outside: int
    dropped: int
    provenance: dict[str, Any]
    version: str = ""
    first: tuple[int, ...] = ()
    starts: tuple[float, ...] = ()  # older files have none


def _require_whole(parts: Parts) -> list[int]:
    """Return the samples of each epoch; ValueError unless there are epochs, and all arrays belong to them."""
    blocks, rates, moments = parts.blocks, parts.rates, parts.moments
    epochs: list[Any] = [*blocks, *parts.truth, *rates]
    arrays = [*epochs, *([] if moments is None else moments)]
    if not all(array.dtype.kind in "fiu" and array.size and np.isfinite(array).all() for array in arrays):
        raise ValueError("numbers")
    if not blocks or parts.dt <= 0 or any(block.ndim != 3 for block in epochs):
        raise ValueError("epochs")
    lengths, with_rates = ([block.shape[1] for block in part for _ in block] for part in (blocks, rates))
    if any(block.shape[2] != parts.space.dimensions for block in blocks) or len({block.shape[2] for block in rates}) > 1:
        raise ValueError("dimensions and units")
    if parts.truth and [block.shape for block in parts.truth] != [block.shape for block in blocks]:
        raise ValueError("true positions of these epochs")
    if with_rates != lengths[: len(with_rates)]:
        raise ValueError("rates of these epochs")
    if moments is not None and moments.covariance.shape != (*moments.mean.shape, *moments.mean.shape):
        raise ValueError("moments")
    return lengths


def _number(value: Any) -> Any:
    """A number of numpy as Python's own; raises TypeError, as JSON does, for anything else."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__} is none of these")


def _fields_of(space: type[Space]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(space)) if is_dataclass(space) else ()


def _described(space: Space) -> dict[str, Any]:
    return {"name": type(space).__name__, **{key: getattr(space, key) for key in _fields_of(type(space))}}


def _space(file: Path, about: Mapping[str, Any], given: Space | None) -> Space:
    """The space that a file describes; one of your own has to be given, and must be that one.

    Raises:
        BadInput: it is not given, or another one is.
    """
    if given is None:
        name, values = about["name"], {key: tuple(one) if isinstance(one, list) else one for key, one in about.items()}
        if name not in _SPACES:
            raise BadInput(f"{file}: was recorded in a space of your own, {name}: give space=")
        return _SPACES[name](**{key: values[key] for key in _fields_of(_SPACES[name]) if key in values})
    own = json.loads(json.dumps(_described(given), default=_number))
    if own != {key: about.get(key) for key in own}:  # some files hold more: what all circles share
        told = ", ".join(f"{key}={value}" for key, value in about.items() if key != "name")
        raise BadInput(f"{file}: was recorded in {about['name']}({told}), and space= is {given}: give that space, or none")
    return given


def _numbered(name: str, arrays: Mapping[str, Any]) -> tuple[Any, ...]:
    count = sum(key.startswith(f"{name}_") for key in arrays)
    return tuple(arrays[f"{name}_{i}"] for i in range(count))
