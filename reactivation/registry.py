"""Tasks, cells and analyses are found by the names of their files: adding one means adding one file."""

import importlib
from pathlib import Path
import traceback
from types import ModuleType

from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import in_one_line, nearest

_ROOMS = {"tasks": "world.tasks", "cells": "network.cells", "analysis": "analysis.measures"}


def names(kind: str) -> list[str]:
    """The known names of a kind ("tasks", "cells"), without importing any of them.

    A file that no module could be, such as an editor's lock, is passed over, as is one whose name begins with "_".
    """
    folder = Path(__file__).parent.joinpath(*_ROOMS[kind].split("."))
    return sorted(file.stem for file in folder.glob("*.py") if _is_entry(file))


def _is_entry(file: Path) -> bool:
    return file.stem.isidentifier() and not file.stem.startswith("_") and file.stem != "base" and file.is_file()


def check_name(kind: str, name: str) -> None:
    """Raise BadInput, with the nearest known name, if `name` is no entry of `kind`."""
    if name not in names(kind):
        key = {"cells": "rnn.model", "tasks": "task"}.get(kind, kind)
        folder = _ROOMS[kind].replace(".", "/")
        raise BadInput(f"{key}={in_one_line(name)} is no file in reactivation/{folder}; {nearest(name, names(kind))}")


def load(kind: str, name: str) -> ModuleType:
    """The module of one entry.

    Raises:
        BadInput: no such file in the folder of that kind, or one that Python cannot run.
    """
    check_name(kind, name)
    try:
        return importlib.import_module(f"reactivation.{_ROOMS[kind]}.{name}")
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError) as error:
        file, line = _place(error)
        raise BadInput(f"{file}, line {line}: {type(error).__name__}: {error}; mend that file, or take it away") from error


def _place(error: Exception) -> tuple[str, int | None]:
    """File and line that an import failed at."""
    if isinstance(error, SyntaxError):
        return str(error.filename), error.lineno
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.filename, last.lineno
