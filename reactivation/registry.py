"""Tasks, cells and analyses are found by the names of their files: adding one means adding one file."""

import importlib
from pathlib import Path
from types import ModuleType

from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import nearest

_NOT_ENTRIES = {"__init__", "base"}
_ROOMS = {"tasks": "world.tasks", "cells": "network.cells", "analysis": "analysis.measures"}


def names(kind: str) -> list[str]:
    """The known names of a kind ("tasks", "cells"), without importing any of them."""
    folder = Path(__file__).parent.joinpath(*_ROOMS[kind].split("."))
    return sorted(file.stem for file in folder.glob("*.py") if file.stem not in _NOT_ENTRIES)


def check_name(kind: str, name: str) -> None:
    """Raise BadInput, with the nearest known name, if `name` is no entry of `kind`."""
    if name not in names(kind):
        key = {"cells": "rnn.model", "tasks": "task"}.get(kind, kind)
        folder = _ROOMS[kind].replace(".", "/")
        raise BadInput(f"{key}={name} is no file in reactivation/{folder}; {nearest(name, names(kind))}")


def load(kind: str, name: str) -> ModuleType:
    """The module of one entry.

    Raises:
        BadInput: no such file in the folder of that kind.
    """
    check_name(kind, name)
    return importlib.import_module(f"reactivation.{_ROOMS[kind]}.{name}")
