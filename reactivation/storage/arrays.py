"""Arrays in npz files, read without unpickling."""

import io
from pathlib import Path
from typing import Any
import zipfile

import numpy as np
from numpy.typing import NDArray

from reactivation.machine.errors import DamagedData, storing


def read_archive(file: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an npz file by their names.

    Raises:
        DamagedData: it is missing, or not an npz file.
        StorageError: it cannot be read.
    """
    with storing(file):
        if not file.exists():
            raise DamagedData(f"{file}: missing")
        content = file.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, AttributeError, TypeError, zipfile.BadZipFile):
        raise DamagedData(f"{file}: is no whole npz file of arrays; write it with numpy.savez") from None


def read_arrays(file: Path) -> dict[str, NDArray[np.number]]:
    """Read the arrays of numbers of an npz file by their names.

    Raises:
        DamagedData: it is missing, not an npz file, or holds values that are not finite numbers.
        StorageError: it cannot be read.
    """
    arrays = read_archive(file)
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            raise DamagedData(f"{file}: its array {name} holds what is no finite number")
    return arrays
