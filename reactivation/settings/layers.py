"""From YAML files and `key=value` arguments to checked settings.

Layers, each over the one before: the dataclasses' defaults < base.yml < the task's base.yml < the experiment < the preset <
the command line. `reactivation.settings.reading` reads them, OmegaConf merges them,
`reactivation.settings.declaring` has names and ranges.
Nothing here imports torch, so a typing error is answered at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
import hashlib
import json
from pathlib import Path
from typing import Any, get_type_hints

from omegaconf import OmegaConf

from reactivation import registry
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import RNNSettings, TrainerSettings, check, nearest, setting, type_name
from reactivation.settings.reading import COMMAND_LINE, load_yaml, parse_arguments, shown, to_plain, typed

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RESULTS = "results"  # where run folders and results go unless `path` says otherwise


@dataclass
class TrainConfig:
    """Everything a training run is made from. `train_schema` replaces the type of `task` by the task's own settings."""

    config: str = setting("", "experiment: <task>/<name>, a file under configs/train")
    seed: int = setting(0, "seed of every random stream of the run", low=0)
    preset: str | None = setting(None, "a file under configs/preset, laid over the experiment")
    path: str | None = setting(None, "run folder; null: results/<task>/<name>_<noise>_<seed>[_<tag>]")
    tag: str | None = setting(None, "end of the run folder's name, to keep variants apart", file_name=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    together: str = setting(
        "auto", "several seeds: a process each, or one stack (auto: on cuda)", choices=("auto", "processes", "stack")
    )
    logger: str = setting("none", "metrics beside metrics.jsonl", choices=("none", "tensorboard"))
    task: Any = field(default=None)
    rnn: RNNSettings = field(default_factory=RNNSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    @property
    def task_name(self) -> str:
        """The task that the experiment belongs to."""
        return self.config.split("/")[0]

    @property
    def experiment(self) -> str:
        """The experiment's name within its task."""
        return self.config.split("/")[1]


# What may differ between two commands that train the same network.
_NOT_SCIENCE = ("config", "preset", "path", "tag", "device", "together", "logger")
_NOT_SCIENCE_TRAINER = ("n_epochs", "compute_all_metrics", "log_freq", "test_freq", "save_freq")


@cache
def train_schema(task_name: str) -> type[TrainConfig]:
    """The settings dataclass of a task's training runs.

    Raises:
        BadInput: no such task.
    """
    task_settings = registry.load("tasks", task_name).Settings
    task_field = ("task", task_settings, field(default_factory=task_settings))
    return make_dataclass("TrainConfig", [task_field], bases=(TrainConfig,))


def experiments() -> list[str]:
    """Every config that can be trained, as <task>/<name>."""
    files = (CONFIGS / "train").glob("*/*.yml")
    return sorted(f"{file.parent.name}/{file.stem}" for file in files if file.stem != "base")


def resolve_train(arguments: dict[str, str]) -> TrainConfig:
    """The checked configuration of a training run from its command-line arguments.

    Raises:
        BadInput: anything wrong with the arguments or with a file they name.
    """
    name = arguments.get("config", "")
    _check_config_name(name)
    task_name = name.split("/")[0]
    schema = train_schema(task_name)
    folder = CONFIGS / "train"
    layers = [_file_layer(file) for file in (folder / "base.yml", folder / task_name / "base.yml")]
    layers.append(_file_layer(folder / f"{name}.yml"))
    layers += _preset_layers(arguments.get("preset"), ["train", task_name])
    layers.append((COMMAND_LINE, typed(schema, arguments)))
    config = merge(schema, [_one_noise_strength(layer) for layer in layers])
    return _with_step_variance(config)


def resolve_analysis(name: str, settings_class: type, arguments: dict[str, str]) -> Any:
    """The checked settings of analysis `name` from its command-line arguments.

    Layers: defaults < configs/analysis/base.yml < output_<name>.yml < <task>.yml < preset < command line.

    Raises:
        BadInput: anything wrong with the arguments or with a file they name.
    """
    folder = CONFIGS / "analysis"
    layers = [_file_layer(folder / "base.yml"), _file_layer(folder / f"output_{name}.yml")]
    presets = _preset_layers(arguments.get("preset"), ["analysis", f"output_{name}"])
    own = [(COMMAND_LINE, typed(settings_class, arguments))]
    task_name = merge(settings_class, layers + presets + own).task
    registry.check_name("tasks", task_name)
    return merge(settings_class, [*layers, _file_layer(folder / f"{task_name}.yml"), *presets, *own])


def resolve_plain(settings_class: type, arguments: dict[str, str]) -> Any:
    """Checked settings that no file has a say in: defaults < command line.

    Raises:
        BadInput: anything wrong with the arguments.
    """
    return merge(settings_class, [(COMMAND_LINE, typed(settings_class, arguments))])


def asked_settings(settings_class: type, manual: str, words: list[str]) -> Any:
    """As `resolve_plain`, of a command's words; None if they ask for help, which is printed: the manual and every key.

    Raises:
        BadInput: anything wrong with the words.
    """
    if {"--help", "-h"} & set(words):
        print(manual, "Keys: name, type, default, meaning", *describe(settings_class()), sep="\n")
        return None
    return resolve_plain(settings_class, parse_arguments(words))


def merge(settings_class: type, layers: list[tuple[str, dict[str, Any]]]) -> Any:
    """Check each layer and lay it over the ones before; returns an instance of `settings_class`."""
    merged = OmegaConf.structured(settings_class)
    for where, layer in layers:
        check(settings_class, layer, where)
        merged = OmegaConf.merge(merged, layer)
    return OmegaConf.to_object(merged)


def to_dict(settings: Any) -> dict[str, Any]:
    """Settings as plain Python, nested as they are."""
    return to_plain(OmegaConf.structured(settings))


def to_yaml(settings: Any) -> str:
    """Settings as YAML that `from_yaml` reads back."""
    return OmegaConf.to_yaml(OmegaConf.structured(settings))


def from_yaml(file: Path) -> TrainConfig:
    """The resolved configuration that a run folder holds.

    Raises:
        BadInput: the file is not one.
    """
    raw = load_yaml(file)
    name = raw.get("config")
    if not isinstance(name, str) or name.count("/") != 1:
        raise BadInput(f"{shown(file)}: names no experiment in its key config")
    return _with_step_variance(merge(train_schema(name.split("/")[0]), [(shown(file), raw)]))


def science(config: TrainConfig) -> dict[str, Any]:
    """What makes two runs different networks, flat and dotted: {"rnn.tau": 0.1, ...}."""
    plain = to_dict(config)
    kept = {key: value for key, value in plain.items() if key not in _NOT_SCIENCE}
    kept["trainer"] = {k: v for k, v in kept["trainer"].items() if k not in _NOT_SCIENCE_TRAINER}
    return {"task": config.task_name} | flatten(kept)


def science_hash(config: TrainConfig) -> str:
    """A fingerprint of `science`, of what is not at its default: a setting added later changes no older fingerprint."""
    defaults = science(type(config)(config=config.config))
    told = {key: value for key, value in science(config).items() if key == "task" or value != defaults[key]}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} → {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What changed between two flat mappings: "rnn.tau 0.1 → 0.2, ..."."""
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ", ".join(f"{key} {old.get(key)} → {new.get(key)}" for key in keys)


def _check_config_name(name: str) -> None:
    known = experiments()
    if not name:
        raise BadInput(f"{COMMAND_LINE}: config=<task>/<name> is missing; known: {', '.join(known)}")
    if name not in known:
        raise BadInput(f"{COMMAND_LINE}: config={name} is no file under configs/train; {nearest(name, known)}")


def _file_layer(file: Path) -> tuple[str, dict[str, Any]]:
    return (shown(file), load_yaml(file) if file.exists() else {})


def _preset_layers(name: str | None, sections: list[str]) -> list[tuple[str, dict[str, Any]]]:
    if name in (None, "", "null"):
        return []
    known = sorted(file.stem for file in (CONFIGS / "preset").glob("*.yml"))
    if name not in known:
        raise BadInput(f"{COMMAND_LINE}: preset={name} is no file under configs/preset; {nearest(str(name), known)}")
    where, preset = _file_layer(CONFIGS / "preset" / f"{name}.yml")
    _check_sections(where, preset)
    return [(f"{where} ({section})", preset.get(section) or {}) for section in sections]


def _check_sections(where: str, preset: dict[str, Any]) -> None:
    analyses = [f"output_{name}" for name in registry.names("analysis")]
    known = ["train", *registry.names("tasks"), "analysis", *analyses]
    for section, content in preset.items():
        if section not in known:
            raise BadInput(f"{where}: {section} is no section of a preset; {nearest(str(section), known)}")
        if not isinstance(content, dict | None):
            raise BadInput(f"{where}: {section} is not a mapping of keys to values")


def _one_noise_strength(layer: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """σ and σ²Δt are one quantity: a layer that sets one unsets the other of the layers below."""
    where, values = layer
    rnn = values.get("rnn")
    if not isinstance(rnn, dict):
        return layer
    if rnn.get("sigma") is None:
        return (where, {**values, "rnn": {**rnn, "sigma": None}}) if "sigma2_rec" in rnn else layer
    if "sigma2_rec" in rnn:
        raise BadInput(f"{where}: rnn.sigma and rnn.sigma2_rec are one quantity (σ²Δt = sigma2_rec); give one of them")
    return layer


def _with_step_variance(config: TrainConfig) -> TrainConfig:
    """Express the noise as sigma2_rec = σ²Δt, whichever was given, and check what spans several keys."""
    rnn, dt = config.rnn, config.task.dt
    registry.check_name("cells", rnn.model)
    if dt > rnn.tau:
        raise BadInput(f"task.dt={dt} must not exceed rnn.tau={rnn.tau}: Euler steps would overshoot the decay")
    config.task.check_together()
    config.trainer.check_together()
    if rnn.sigma is not None:
        rnn.sigma2_rec = rnn.sigma**2 * dt
        rnn.sigma = None
    return config


def base_config(task_name: str) -> TrainConfig:
    """What every experiment of a task starts from."""
    folder, schema = CONFIGS / "train", train_schema(task_name)
    config: TrainConfig = merge(schema, [_file_layer(folder / "base.yml"), _file_layer(folder / task_name / "base.yml")])
    return config


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


def _describe_key(name: str, hint: Any, value: Any, declared: Mapping[str, Any]) -> str:
    default = "null" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value) or "required"
    unit = f" [{declared['unit']}]" if declared["unit"] else ""
    choices = f" ({', '.join(declared['choices'])})" if declared["choices"] else ""
    return f"  {name:<36} {type_name(hint):<16} {default:<14} {declared['meaning']}{choices}{unit}"
