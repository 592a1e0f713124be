"""The values that a sweep varies: lists on the command line or in a YAML file, and all their combinations.

Values stay text, as typed: the settings of a training or an analysis convert and check them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from reactivation.machine.errors import BadInput, in_one_line, nearest
from reactivation.settings.reading import COMMAND_LINE, load_yaml, shown, spread, to_words

Values = dict[str, str]
_PARTS = ("grid", "list", "then")  # of a file


@dataclass(frozen=True)
class Grid:
    """Hold lists of values by key, and entries of settings that vary together; combinations are the product of all."""

    axes: Mapping[str, list[str]]
    entries: tuple[Values, ...] = ()
    then: tuple[str, ...] = ()  # analyses

    @property
    def varying(self) -> list[str]:
        """The keys that have several values, in their order."""
        listed = dict.fromkeys(key for entry in self.entries for key in entry)
        together = [key for key in listed if len({entry.get(key) for entry in self.entries}) > 1]
        return [key for key, values in self.axes.items() if len(values) > 1] + together

    @property
    def keys(self) -> list[str]:
        """Every key that is set."""
        return list(dict.fromkeys([*self.axes, *(key for entry in self.entries for key in entry)]))

    def combinations(self) -> Iterator[Values]:
        """Every combination; within each entry of settings, the last list varies fastest."""
        for entry in self.entries or ({},):
            for values in product(*self.axes.values()):
                yield {**dict(zip(self.axes, values, strict=True)), **entry}


def values_of(text: str, where: str) -> list[str]:
    """Return the values of "0..4", "a,b" or "[1,2],[3,4]", where a list in brackets is one value.

    Raises:
        BadInput: a value is empty or given twice, or a range runs backwards or is too long.
    """
    values = [value for part in _split(text) for value in spread(part.strip(), where)]
    if not all(values) or len(set(values)) < len(values):
        raise BadInput(f"{where}={in_one_line(text)} names a value twice, or an empty one; give each once, as in 0.05,0.1")
    return values


def _split(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def grid_of(arguments: Mapping[str, str], file: str | None, then: str | None) -> Grid:
    """Return the grid of the command line, laid over that of a file.

    Raises:
        BadInput: a value that cannot be used, an unknown part of the file, or a key in two places of it.
    """
    read = _read(Path(file)) if file else Grid({})
    twice = set(arguments) & {key for entry in read.entries for key in entry}
    if twice:
        raise BadInput(f"{COMMAND_LINE}: {min(twice)} stands in list: of {file}; set it there")
    typed = {key: values_of(text, f"{COMMAND_LINE}: {key}") for key, text in arguments.items()}
    named = tuple(dict.fromkeys(then.replace(",", " ").split())) if then else read.then
    return Grid({**read.axes, **typed}, read.entries, named)


def _read(file: Path) -> Grid:
    content, where = load_yaml(file), shown(file)
    for part in content:
        if part not in _PARTS:
            raise BadInput(f"{where}: {part} is no part of a sweep; {nearest(part, list(_PARTS))}")
    grid, entries, then = content.get("grid") or {}, content.get("list") or [], content.get("then") or []
    then = then.split() if isinstance(then, str) else then
    if not (isinstance(grid, dict) and _are(entries, dict) and _are(then, str)):
        raise BadInput(f"{where}: grid: must hold key: [values], list: a list of such settings, then: names of analyses")
    axes = {str(key): _listed(value, f"{where}: {key}") for key, value in grid.items()}
    listed = tuple({str(key): _text(value) for key, value in entry.items()} for entry in entries)
    twice = set(axes) & {key for entry in listed for key in entry}
    if twice:
        raise BadInput(f"{where}: {min(twice)} stands in grid: and in list:; keep one")
    return Grid(axes, listed, tuple(then))


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _listed(value: Any, where: str) -> list[str]:
    return [_text(one) for one in value] if isinstance(value, list) and value else values_of(_text(value), where)


def _text(value: Any) -> str:
    return to_words({"": value})[0][1:]
