"""Settings as text for users: every key for --help, differences, and settings that stay when Δt changes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from reactivation import registry
from reactivation.machine.places import as_typed
from reactivation.settings.declaring import CellSettings, type_name
from reactivation.settings.layers import TrainConfig, resolve_plain
from reactivation.settings.noise import OF_CELLS
from reactivation.settings.reading import parse_arguments


def asked_settings(settings_class: type, manual: str, words: list[str]) -> Any:
    """As `resolve_plain`, from the words of a command. If they ask for help, print the manual and every key; return None.

    Raises:
        BadInput: anything wrong with the words.
    """
    if {"--help", "-h"} & set(words):
        print(as_typed(manual), "Keys: name, type, default, meaning", *describe(settings_class()), sep="\n")
        return None
    return resolve_plain(settings_class, parse_arguments(words))


def describe(settings: Any, prefix: str = "") -> list[str]:
    """One line per key for --help: name, type, the value it has in `settings`, meaning, unit."""
    lines = []
    for f in fields(settings):
        value, hint = getattr(settings, f.name), get_type_hints(type(settings))[f.name]
        if hasattr(hint, "__dataclass_fields__"):
            lines += describe(value, f"{prefix}{f.name}.")
        elif f.metadata:
            lines.append(_describe_key(f"{prefix}{f.name}", hint, value, f.metadata))
    return lines


def describe_cell(model: str) -> list[str]:
    """As `describe`, for the keys of `rnn` that this cell adds to those of every cell."""
    common = describe(CellSettings(), "rnn.")
    return [line for line in describe(registry.settings("cells", model)(), "rnn.") if line not in common]


def _describe_key(name: str, hint: Any, value: Any, declared: Mapping[str, Any]) -> str:
    default = "null" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value) or "required"
    unit = f" [{declared['unit']}]" if declared["unit"] else ""
    choices = f" ({', '.join(declared['choices'])})" if declared["choices"] else ""
    return f"  {name:<36} {type_name(hint):<16} {default:<14} {declared['meaning']}{choices}{unit}"


def time_step_note(config: TrainConfig, arguments: Mapping[str, str]) -> str:
    """A note for a command that sets Δt but not σ: σ stays, as do settings per step; "" for any other command."""
    noises = {f"rnn.{key}" for pair in OF_CELLS.items() for key in pair}
    if "task.dt" not in arguments or noises & set(arguments) or config.task.dt == type(config.task)().dt:
        return ""
    kept = [f for f in fields(config.task) if f.metadata.get("per_step")]
    listed = ", ".join(f"task.{f.name}={getattr(config.task, f.name):g}" for f in kept)
    return (
        f"task.dt={config.task.dt:g}: rnn.sigma={config.rnn.sigma:.4g} stays, and so do these, which mean another thing per "
        f"second at another time step: {listed}"
    )


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The differences between two flat mappings: "rnn.tau 0.1 → 0.2, ..."."""
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ", ".join(f"{key} {old.get(key)} → {new.get(key)}" for key in keys)
