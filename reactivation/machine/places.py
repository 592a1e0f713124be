"""Where the project's files are: beside the package in a checkout, inside it once it is installed from a wheel."""

from pathlib import Path
import re

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = (PACKAGE / "configs").is_dir()  # setup.py puts them there
HOME = PACKAGE if INSTALLED else PACKAGE.parent
CONFIGS = HOME / "configs"
PRETRAINED = HOME / "pretrained"  # networks that come with the project

_SCRIPT = re.compile(r"python (?:output_)?(\w+)\.py")


def as_typed(text: str) -> str:
    """Name commands as they are typed here: "python output_kl.py" in a checkout, "reactivation kl" without its scripts."""
    return _SCRIPT.sub(r"reactivation \1", text) if INSTALLED else text
