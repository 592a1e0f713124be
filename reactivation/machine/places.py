"""Where the project's files are: beside the package in a checkout, inside it once it is installed from a wheel."""

import errno
import os
from pathlib import Path
import re

from reactivation.machine.errors import BadInput, storing

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = (PACKAGE / "configs").is_dir()  # setup.py puts them there
HOME = PACKAGE if INSTALLED else PACKAGE.parent
CONFIGS = HOME / "configs"
PUBLISHED = HOME / "published"  # results and networks of the paper's study; a wheel has the networks of seed 0

_SCRIPT = re.compile(r"python (?:output_)?(\w+)\.py")


def refuse_published(path: Path) -> None:
    """Keep a command from writing among published results, which the study's publishing alone writes.

    Raises:
        BadInput: the path lies there.
    """
    if Path(os.path.realpath(path)).is_relative_to(PUBLISHED.resolve()):  # which takes links in circles
        raise BadInput(f"{path}: published results are read-only; give a folder of your own")


def refuse_file(path: Path) -> None:
    """Refuse a path on which a file stands where a folder is to be.

    Raises:
        StorageError: one does, or the path may not be looked at.
    """
    with storing(path):
        if not last_there(path).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file")


def last_there(path: Path) -> Path:
    """Return what is there of a path: itself, or the last of its parents that is."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def as_typed(text: str) -> str:
    """Name commands as they are typed here: "python output_kl.py" in a checkout, "reactivation kl" without its scripts."""
    return _SCRIPT.sub(r"reactivation \1", text) if INSTALLED else text
