"""Plain values from YAML files and `key=value` words, and such words from values.

Only the YAML that settings need is read: no duplicate keys, no aliases, no tags, and only plain decimal numbers are numbers.
Nothing here imports torch, so a typing error is reported at once.
"""

from collections.abc import Collection, Iterable, Mapping
import os
from pathlib import Path
import re
from types import NoneType
from typing import Any, get_type_hints

import yaml

from reactivation.machine.errors import BadInput, in_one_line, storing
from reactivation.machine.numbers import WHOLE, whole_number
from reactivation.machine.places import HOME
from reactivation.settings.declaring import allowed_types

COMMAND_LINE = "command line"
# Well-formed YAML can still hold values that Python refuses: a list as a key, a number of 5,000 digits.
_UNREADABLE = (yaml.YAMLError, ValueError, TypeError, RecursionError)
_RANGE = re.compile(rf"({WHOLE})\.\.({WHOLE})")
_LARGEST_RANGE = 10**4


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML 1.1 would read 010 as 8, 1:30 as 90 and 2020-01-01 as a day; here they are text, which no number accepts."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class has it)
        first: [(tag, form) for tag, form in known if tag.endswith((":bool", ":null"))]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="no aliases and tags: write the value", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value} stands twice; keep one", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(rf"[-+]?{WHOLE}$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(rf"[-+]?(?:(?:{WHOLE}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"),
    list("-+.0123456789"),
)


def parse_arguments(words: list[str]) -> dict[str, str]:
    """`key=value` words to a mapping, values still as text.

    Raises:
        BadInput: a word that is no key=value, or that would break a line of output; a key given twice.
    """
    arguments: dict[str, str] = {}
    for word in words:
        require_printable(word)
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadInput(f"{COMMAND_LINE}: {word!r} is not key=value; try --help")
        if key in arguments:
            raise BadInput(f"{COMMAND_LINE}: {key} is given twice ({arguments[key]} and {value}); give it once")
        arguments[key] = value
    return arguments


def refuse_idle(words: Iterable[str], taken: Collection[str], by: str) -> None:
    """Refuse keys that have no effect on the requested part of a command; words without = are ignored.

    Raises:
        BadInput: a key has no effect.
    """
    for key in (word.split("=")[0] for word in words if "=" in word):
        if key not in taken:
            raise BadInput(f"{COMMAND_LINE}: {in_one_line(key)}= says nothing to {by}, which takes {', '.join(taken)}")


def require_printable(word: str) -> None:
    """Refuse a word that would break a line of output.

    Raises:
        BadInput: it has an unprintable character.
    """
    if not word.isprintable():
        raise BadInput(f"{COMMAND_LINE}: {in_one_line(word)} holds a line break or what else cannot be printed")


def parse_seeds(arguments: dict[str, str]) -> list[str]:
    """The seeds of `seed=0,1,2`, one or several, still as text.

    Raises:
        BadInput: a seed is given twice, or one of several is not a whole number.
    """
    text = arguments.get("seed", "0")
    if "," not in text and ".." not in text and text[:1] != "[":
        return [text]
    return [str(seed) for seed in seed_list(text, "seed")]


def seed_list(text: str, key: str) -> tuple[int, ...]:
    """The whole numbers of "0,1,2", which may stand in brackets, or of "0..4".

    Raises:
        BadInput: other text, a number twice, or an invalid range.
    """
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    parts = [part for listed in inner.split(",") for part in spread(listed.strip(), f"{COMMAND_LINE}: {key}")]
    seeds = tuple(seed for part in parts if (seed := whole_number(part)) is not None)
    if len(seeds) < len(parts):
        raise BadInput(f"{COMMAND_LINE}: {key}={in_one_line(text)} must be whole numbers, as in {key}=0,1,2 or {key}=0..4")
    if len(set(seeds)) < len(seeds):
        raise BadInput(f"{COMMAND_LINE}: {key}={in_one_line(text)} names a seed twice")
    return seeds


def spread(text: str, where: str) -> list[str]:
    """Each whole number of a range, "0..4"; other text as it is.

    Raises:
        BadInput: the range runs backwards or is too long.
    """
    ends = _RANGE.fullmatch(text)
    if not ends:
        return [text]
    first, last = (whole_number(end) for end in ends.groups())
    if first is None or last is None or not first <= last < first + _LARGEST_RANGE:
        raise BadInput(
            f"{where}={in_one_line(text)} is no range: write the smaller number first, as in 0..4; {_LARGEST_RANGE} at most"
        )
    return [str(number) for number in range(first, last + 1)]


def typed(settings_class: type, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Dotted text arguments to a nested mapping of values; text meant as text stays text (tag=2 is "2").

    Raises:
        BadInput: a value that cannot be read or is empty, or a key together with its group.
    """
    return nested({key: _typed(settings_class, key, text) for key, text in arguments.items()})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} → {"a": {"b": 1}}.

    Raises:
        BadInput: a key together with its group.
    """
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *groups, leaf = key.split(".")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
            if not isinstance(inner, dict):
                raise BadInput(f"{COMMAND_LINE}: {key} is set together with the group that it belongs to")
        if leaf in inner:
            raise BadInput(f"{COMMAND_LINE}: {key} is set together with keys below it")
        inner[leaf] = value
    return tree


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} → {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def to_words(values: Mapping[str, Any]) -> list[str]:
    """Values by their dotted keys as the words of a command line, which `parse_arguments` and `typed` read back."""
    return [f"{key}={_text_of(value)}" for key, value in values.items()]


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_text_of, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def load_yaml(file: Path) -> dict[str, Any]:
    """Read a YAML mapping without duplicate keys; a file of comments alone gives an empty mapping.

    Raises:
        BadInput: the file is missing, or not such a mapping; the message names it.
        StorageError: it may not be read.
    """
    where = shown(file)
    try:
        loaded = _read(_text(file))
    except _UNREADABLE as error:
        raise BadInput(f"{where}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(loaded, dict | None):
        raise BadInput(f"{where}: must hold key: value lines")
    return {str(key): value for key, value in (loaded or {}).items()}


def _text(file: Path) -> str:
    with storing(shown(file)):
        try:
            return file.read_text(encoding="utf-8")
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
            raise BadInput(f"{shown(file)}: cannot be read ({error})") from None


def shown(file: Path) -> str:
    """A file's name for messages: relative to the project's folder, if the file lies there."""
    return str(file.relative_to(HOME) if file.is_relative_to(HOME) else file)


def _typed(settings_class: type, key: str, text: str) -> Any:
    if not text.strip():
        raise BadInput(f"{COMMAND_LINE}: {in_one_line(key)}= is empty; give a value, or leave {in_one_line(key)} out")
    allowed = _allowed(settings_class, key)
    if str in allowed:
        return None if NoneType in allowed and text.lower() in ("null", "none") else _with_home(key, text)
    try:
        return _read(text)
    except _UNREADABLE as error:
        reason = getattr(error, "problem", None) or "neither a number nor a list"
        raise BadInput(f"{COMMAND_LINE}: {in_one_line(f'{key}={text}')} cannot be read as a value ({reason})") from None


def _with_home(key: str, text: str) -> str:
    """Replace a leading ~ by the home folder, which not every shell does after an =."""
    if not re.match("~[^/]*/", text):
        return text
    expanded = os.path.expanduser(text)
    if expanded == text:
        raise BadInput(f"{COMMAND_LINE}: {in_one_line(f'{key}={text}')}: that home is not known here; write the folder out")
    return expanded


def _allowed(settings_class: type, key: str) -> tuple[Any, ...]:
    hint: Any = settings_class
    for part in key.split("."):
        hint = get_type_hints(hint).get(part) if hasattr(hint, "__dataclass_fields__") else None
    return allowed_types(hint)


def _read(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # a SafeLoader that reads less
