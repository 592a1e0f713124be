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
    """Keep a command from writing among published results; only publishing (`paper.publishing`) writes there.

    Raises:
        BadInput: the path lies there.
    """
    if Path(os.path.realpath(path)).is_relative_to(PUBLISHED.resolve()):  # realpath also accepts circular links
        raise BadInput(f"{path}: published results are read-only; give a folder of your own")


def refuse_file(path: Path) -> None:
    """Refuse a folder path if it, or one of its parents, is a file.

    Raises:
        StorageError: a file is in the way, or the path may not be read.
    """
    with storing(path):
        if not last_there(path).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file")


def last_there(path: Path) -> Path:
    """Return the path if it exists, else the nearest of its parents that does."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def as_typed(text: str) -> str:
    """Name commands as they are typed here: "python output_kl.py" in a checkout, "reactivation kl" without its scripts."""
    return _SCRIPT.sub(r"reactivation \1", text) if INSTALLED else text
