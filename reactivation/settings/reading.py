"""What files and command lines say, as plain values: YAML mappings and `key=value` words.

OmegaConf reads both; what it lets pass is refused here (keys that stand twice, interpolations).
Nothing here imports torch, so a typing error is answered at once.
"""

from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
import yaml

from reactivation.machine.errors import BadInput, storing

COMMAND_LINE = "command line"
# YAML that is well formed can still say what Python cannot hold: a list as a key, an anchor within itself, a day 99.
_UNREADABLE = (yaml.YAMLError, OmegaConfBaseException, ValueError, TypeError, RecursionError)
_PROJECT = Path(__file__).resolve().parents[2]


def parse_arguments(words: list[str]) -> dict[str, str]:
    """`key=value` words to a mapping, values still as text.

    Raises:
        BadInput: a word that is no key=value, a key given twice, an interpolation.
    """
    arguments: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise BadInput(f"{COMMAND_LINE}: {word!r} is not key=value; try --help")
        if key in arguments:
            raise BadInput(f"{COMMAND_LINE}: {key} is given twice ({arguments[key]} and {value}); give it once")
        _refuse_interpolation(word, COMMAND_LINE)
        arguments[key] = value
    return arguments


def parse_seeds(arguments: dict[str, str]) -> list[str]:
    """The seeds of `seed=0,1,2`, one or several, still as text.

    Raises:
        BadInput: a seed twice, or one folder for several runs.
    """
    text = arguments.get("seed", "0")
    if "," not in text:
        return [text.strip("[]")]
    seeds = seed_list(text, "seed")
    if "path" in arguments:
        raise BadInput(f"{COMMAND_LINE}: path= names one run folder, and seed={text} makes {len(seeds)} runs")
    return [str(seed) for seed in seeds]


def seed_list(text: str, key: str) -> tuple[int, ...]:
    """The whole numbers of "0,1,2".

    Raises:
        BadInput: other text, or a number twice.
    """
    seeds = text.strip("[]").split(",")
    if not all(seed.strip().isdecimal() for seed in seeds):
        raise BadInput(f"{COMMAND_LINE}: {key}={text} must be whole numbers, as in {key}=0,1,2")
    if len({int(seed) for seed in seeds}) < len(seeds):
        raise BadInput(f"{COMMAND_LINE}: {key}={text} names a seed twice")
    return tuple(int(seed) for seed in seeds)


def typed(settings_class: type, arguments: dict[str, str]) -> dict[str, Any]:
    """Dotted text arguments to a nested mapping of values; text meant as text stays text (tag=2 is "2").

    Raises:
        BadInput: a value that cannot be read, or a key together with its group.
    """
    nested: dict[str, Any] = {}
    for key, text in arguments.items():
        *groups, leaf = key.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
            if not isinstance(inner, dict):
                raise BadInput(f"{COMMAND_LINE}: {key} is set together with the group that it belongs to")
        if leaf in inner:
            raise BadInput(f"{COMMAND_LINE}: {key} is set together with keys below it")
        inner[leaf] = text if _is_text(settings_class, key) and text not in ("", "null") else _value(key, text)
    return nested


def load_yaml(file: Path) -> dict[str, Any]:
    """A YAML mapping in which no key stands twice and nothing is interpolated.

    Raises:
        BadInput: the file is not there, or not such a mapping; the message names it.
        StorageError: it may not be read.
    """
    where = shown(file)
    text = _text(file)
    try:
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), where)
        loaded = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except _UNREADABLE as error:
        raise BadInput(f"{where}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(loaded, dict):
        raise BadInput(f"{where}: must hold key: value lines")
    _refuse_interpolation(text, where)
    return {str(key): value for key, value in loaded.items()}


def _text(file: Path) -> str:
    with storing(shown(file)):
        try:
            return file.read_text()
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
            raise BadInput(f"{shown(file)}: cannot be read ({error})") from None


def to_plain(node: Any) -> dict[str, Any]:
    """An OmegaConf mapping as plain Python, nested as it is."""
    plain = OmegaConf.to_container(node)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def shown(file: Path) -> str:
    """A file's name as a reader of a message knows it: from the project's folder on, if it lies there."""
    return str(file.relative_to(_PROJECT) if file.is_relative_to(_PROJECT) else file)


def _is_text(settings_class: type, key: str) -> bool:
    hint: Any = settings_class
    for part in key.split("."):
        hint = get_type_hints(hint).get(part) if hasattr(hint, "__dataclass_fields__") else None
    return str in (get_args(hint) if isinstance(hint, UnionType) else (hint,))


def _value(key: str, text: str) -> Any:
    try:
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), COMMAND_LINE)
        return to_plain(OmegaConf.from_dotlist([f"value={text}"]))["value"]
    except _UNREADABLE:
        raise BadInput(f"{COMMAND_LINE}: {key}={text} cannot be read as a value") from None


def _refuse_duplicates(node: yaml.Node | None, where: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise BadInput(f"{where}: key {key.value} stands twice; keep one")
            seen.add(key.value)
            _refuse_duplicates(value, where)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, where)


def _refuse_interpolation(text: str, where: str) -> None:
    if "${" in text:
        line = next(line.strip() for line in text.splitlines() if "${" in line)
        raise BadInput(f"{where}: {line!r} holds an interpolation; write the value itself")
