"""Where the project's files are: beside the package in a checkout, inside it once it is installed from a wheel."""

from pathlib import Path
import re

from reactivation.machine.errors import BadInput

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
    if path.resolve().is_relative_to(PUBLISHED.resolve()):
        raise BadInput(f"{path}: published results are read-only; give a folder of your own")


def as_typed(text: str) -> str:
    """Name commands as they are typed here: "python output_kl.py" in a checkout, "reactivation kl" without its scripts."""
    return _SCRIPT.sub(r"reactivation \1", text) if INSTALLED else text
