"""Dataclasses from JSON, if every value is of the type that its field declares."""

from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
import math
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def made(kind: type[T], content: Any) -> T:
    """Make a dataclass from a JSON object; lists become tuples where these are declared.

    Raises:
        TypeError: a field is missing or unknown, or a value is of another type.
    """
    declared = _declared(kind)  # type: ignore[arg-type]  # mypy does not know that types are hashable
    if not isinstance(content, dict) or not content.keys() <= declared.keys():
        raise TypeError(f"these are no fields of {kind.__name__}")
    return kind(**{name: _of(declared[name], value) for name, value in content.items()})


@cache
def _declared(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _of(kind: Any, value: Any) -> Any:
    """A value, if it has the type `kind`: a simple type, a union, a dict, a tuple of any length, or a dataclass."""
    parts = get_args(kind)
    if kind is Any:
        return value
    if get_origin(kind) is UnionType:
        for part in parts:
            with suppress(TypeError):
                return _of(part, value)
    elif get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_of(parts[0], entry) for entry in value)
    elif get_origin(kind) is dict and isinstance(value, dict):
        return {name: _of(parts[1], entry) for name, entry in value.items()}
    elif is_dataclass(kind) and isinstance(kind, type):
        return made(kind, value)
    elif _is_simple(kind, value):
        return value
    raise TypeError(f"{value!r} is no {kind}")


def _is_simple(kind: Any, value: Any) -> bool:
    if kind is float:
        with suppress(OverflowError):
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is kind
