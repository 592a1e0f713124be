"""Tasks, cells and analyses are found by the names of their files: adding one means adding one file.

A file of a task or a cell is ordinary Python that imports torch; `settings` reads its `Settings` without running the rest.
"""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
import importlib
from pathlib import Path
import traceback
from types import ModuleType
from typing import Any

from reactivation.machine.errors import BadInput, in_one_line, nearest

_ROOMS = {"tasks": "world.tasks", "cells": "network.cells", "analysis": "analysis.measures"}


def names(kind: str) -> list[str]:
    """Return the known names of a kind ("tasks", "cells", "analysis"), without importing any of them.

    Folders and files that cannot be modules, such as an editor's lock, are skipped; so are names that begin with "_".
    """
    return sorted(file.stem for file in _folder(kind).glob("*.py") if _is_entry(file))


def _folder(kind: str) -> Path:
    return Path(__file__).parent.joinpath(*_ROOMS[kind].split("."))


def _is_entry(file: Path) -> bool:
    return file.stem.isidentifier() and not file.stem.startswith("_") and file.stem != "base" and holds_text(file)


def holds_text(file: Path) -> bool:
    """Whether a path is a text file: binary files have bytes that are 0."""
    try:
        return b"\0" not in file.read_bytes()
    except (IsADirectoryError, FileNotFoundError):  # a link may lead nowhere
        return False
    except OSError:
        return True  # loading it will say why it cannot be read


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
    with _told_by_place():
        return importlib.import_module(f"reactivation.{_ROOMS[kind]}.{name}")


@cache
def settings(kind: str, name: str) -> type:
    """Return the `Settings` of a task or cell, and run only those lines of its file: importing torch takes seconds.

    Raises:
        BadInput: no such file in the folder of that kind, or its settings cannot be run.
    """
    check_name(kind, name)
    file = _folder(kind) / f"{name}.py"
    with _told_by_place():
        parsed = ast.parse(file.read_bytes(), str(file))
        parsed.body = _needed_by("Settings", parsed.body)
        package = importlib.import_module(f"reactivation.{_ROOMS[kind]}")  # where a dataclass looks for its module's names
        defined: dict[str, Any] = {"__name__": package.__name__}
        exec(compile(parsed, str(file), "exec"), defined)
        if "Settings" not in defined:
            raise BadInput(f"{file} has no Settings: a task or cell declares its keys in a dataclass of that name")
        owner: type = defined["Settings"]
        return owner


def _needed_by(name: str, statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a module that define a name, and those that define the names used there, in turn."""
    wanted, kept = {name}, set[ast.stmt]()
    while found := {statement for statement in statements if _defined(statement) & wanted} - kept:
        kept |= found
        wanted |= {node.id for statement in found for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return [statement for statement in statements if statement in kept]


def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    nodes = list(ast.walk(statement))
    imported = {(alias.asname or alias.name).split(".")[0] for alias in nodes if isinstance(alias, ast.alias)}
    return imported | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


@contextmanager
def _told_by_place() -> Iterator[None]:
    """Load code of a task, cell or analysis in this block.

    Raises:
        BadInput: the code fails; the message names its file and line.
    """
    try:
        yield
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError) as error:
        file, line = _place(error)
        raise BadInput(f"{file}, line {line}: {type(error).__name__}: {error}; mend that file, or take it away") from error


def _place(error: Exception) -> tuple[str, int | None]:
    """File and line that an import failed at."""
    if isinstance(error, SyntaxError):
        return str(error.filename), error.lineno
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.filename, last.lineno
