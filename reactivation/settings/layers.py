"""From YAML files and `key=value` arguments to checked settings.

Layers, each over the one before: the dataclasses' defaults < base.yml < the task's base.yml < the experiment < the preset <
the command line. `reactivation.settings.reading` reads them, `reactivation.settings.declaring` has names and ranges,
`reactivation.settings.noise` converts the σ²Δt of a layer to σ with the Δt in force there, and OmegaConf merges them.
`resolve_train` and `resolve_analysis` take text; `train_config` and `asked_config` take values.
Nothing here imports torch, so a typing error is reported at once.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, make_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from reactivation import registry
from reactivation.machine.errors import BadInput, in_one_line, nearest
from reactivation.machine.numbers import plain
from reactivation.machine.places import CONFIGS, refuse_file
from reactivation.settings.declaring import (
    DT,
    FILE_NAME,
    CellSettings,
    TrainerSettings,
    built,
    check,
    setting,
)
from reactivation.settings.noise import OF_ANALYSES, OF_CELLS, agree, in_both_spellings, step_variance, without_unsaid
from reactivation.settings.reading import COMMAND_LINE, load_yaml, nested, shown, typed

RESULTS = "results"  # the folder of runs and results, unless `path` names another

Layer = tuple[str, dict[str, Any]]  # source (a file, the command line), and its values
_TYPED = ("config", "seed", "preset")  # keys that the command line, or its default, decides before any file is read
Read = Callable[[type, Mapping[str, Any]], dict[str, Any]]  # schema, arguments → a layer's nested values


@dataclass
class TrainConfig:
    """All settings of a training run. `train_schema` gives `task` and `rnn` the types of one task and cell."""

    config: str = setting("", "experiment: <task>/<name>, a file under configs/train")
    seed: int = setting(0, "seed of every random stream of the run", low=0)
    preset: str | None = setting(None, "a file under configs/preset, laid over the experiment")
    path: str | None = setting(None, "run folder; null: results/<task>/<name>_<noise>_<seed>[_<tag>]")
    tag: str | None = setting(None, "end of the run folder's name, to keep variants apart", file_name=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    together: str = setting(
        "auto", "several seeds: a process each, or one stack (auto: on cuda)", choices=("auto", "processes", "stack")
    )
    threads: int | None = setting(
        None,
        "of the CPU; null: one per core that is granted, or OMP_NUM_THREADS; 1 for each of several processes "
        "(benchmarks/threads.py)",
        low=1,
        high=1024,
    )
    logger: str = setting("none", "metrics beside metrics.jsonl", choices=("none", "tensorboard"))
    task: Any = field(default=None)
    rnn: CellSettings = field(default_factory=CellSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by values: `train_schema` makes the classes when they are needed, and another process must make its own."""
        return _rebuilt, (self.task_name, self.rnn.model, to_dict(self))

    @property
    def task_name(self) -> str:
        """The task that the experiment belongs to."""
        return self.config.split("/")[0]

    @property
    def experiment(self) -> str:
        """The experiment's name within its task."""
        return self.config.split("/")[1]


@cache
def train_schema(task_name: str, model: str | None = None) -> type[TrainConfig]:
    """The settings dataclass of a task's training runs; without a cell's name, of the keys that all cells have.

    Raises:
        BadInput: no such task or cell, or its file cannot be run.
    """
    owners = {"task": registry.settings("tasks", task_name)}
    if model is not None:
        owners["rnn"] = registry.settings("cells", model)
    groups = [(group, owner, field(default_factory=owner)) for group, owner in owners.items()]
    return make_dataclass("TrainConfig", groups, bases=(TrainConfig,))


def _rebuilt(task_name: str, model: str, values: dict[str, Any]) -> TrainConfig:
    config: TrainConfig = built(train_schema(task_name, model)(), values)
    return config


def experiments() -> list[str]:
    """Every config that can be trained, as <task>/<name>."""
    return [f"{task}/{name}" for task in registry.names("tasks") for name in _yaml_names(f"train/{task}") if name != "base"]


def _yaml_names(folder: str) -> list[str]:
    """The names of the YAML files in a folder of `CONFIGS`, without hidden files of editors (`.#x.yml`) and folders."""
    files = (CONFIGS / folder).glob("*.yml")
    return sorted(file.stem for file in files if FILE_NAME.fullmatch(file.stem) and registry.holds_text(file))


def resolve_train(arguments: Mapping[str, str]) -> TrainConfig:
    """The checked configuration of a training run from its command-line arguments.

    Raises:
        BadInput: anything wrong with the arguments or with a file they name.
    """
    return _resolve_train(arguments, typed)


def train_config(values: Mapping[str, Any]) -> TrainConfig:
    """As `resolve_train`, from values by their dotted keys: {"config": "task/name", "seed": 3, "rnn.sigma": 0.5}.

    Numbers may be numpy's or torch's, lists may be arrays, and paths `Path`s.

    Raises:
        BadInput: as `resolve_train`.
    """
    return _resolve_train(values, _nested)


def asked_config(call: str, experiment: str, seed: int, settings: Mapping[str, Any] | None) -> TrainConfig:
    """As `train_config`, from the arguments of a function called `call`.

    Raises:
        BadInput: as `train_config`, or settings hold what is an argument.
    """
    for key, argument in (("config", "experiment"), ("seed", "seed")):
        if key in (settings or {}):
            raise BadInput(f"settings hold {key}: give {call}(..., {argument}=...)")
    try:
        return train_config({**(settings or {}), "config": experiment, "seed": seed})
    except BadInput as problem:
        raise BadInput(str(problem).removeprefix(f"{COMMAND_LINE}: ")) from None


def resolve_analysis(name: str, settings_class: type, arguments: Mapping[str, str]) -> Any:
    """The checked settings of analysis `name` from its command-line arguments.

    Layers: defaults < configs/analysis/base.yml < output_<name>.yml < <task>.yml < preset < command line.

    Raises:
        BadInput: anything wrong with the arguments or with a file they name.
    """
    folder = CONFIGS / "analysis"
    layers = _untyped([_file_layer(folder / "base.yml"), _file_layer(folder / f"output_{name}.yml")], ("preset",))
    named = typed(settings_class, {key: arguments[key] for key in ("preset",) if key in arguments})
    check(settings_class, named, COMMAND_LINE)
    presets = _untyped(_preset_layers(named.get("preset"), ["analysis", f"output_{name}"]), ("preset",))
    own = [(COMMAND_LINE, typed(settings_class, arguments))]
    task_name = merge(settings_class, layers + presets + own).task
    registry.check_name("tasks", task_name)
    of_task = folder / f"{task_name}.yml"  # not every task has one
    layers = [*layers, *_untyped([_file_layer(of_task)] if of_task.exists() else [], ("preset",)), *presets, *own]
    for where, values in layers:
        check(settings_class, values, where)
    return merge(settings_class, [(where, in_both_spellings(values, OF_ANALYSES, DT, where)) for where, values in layers])


def _nested(schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    for key in values:
        if not isinstance(key, str):
            raise BadInput(f"{COMMAND_LINE}: key {in_one_line(key)} must be text")
    return nested(plain(values))  # values need no conversion by their declared types


def _resolve_train(arguments: Mapping[str, Any], read: Read) -> TrainConfig:
    named = read(TrainConfig, {key: arguments[key] for key in ("config", "preset") if key in arguments})
    check(TrainConfig, named, COMMAND_LINE)
    name = named.get("config", "")
    _check_config_name(name)
    task_name = name.split("/")[0]
    layers = [*_base_layers(task_name), _file_layer(CONFIGS / "train" / f"{name}.yml")]
    layers = _untyped([*layers, *_preset_layers(named.get("preset"), ["train", task_name])], _TYPED)
    own = read(train_schema(task_name), arguments)
    schema = train_schema(task_name, _model([*layers, (COMMAND_LINE, own)]))
    return _laid(schema, [*layers, (COMMAND_LINE, read(schema, arguments))])


def _model(layers: list[Layer]) -> str:
    """Return the cell that the layers name; the last layer decides."""
    model, own = CellSettings.model, []
    common = {f.name for f in fields(CellSettings)}
    for where, values in layers:
        rnn = values.get("rnn")
        if isinstance(rnn, dict):
            check(CellSettings, {key: rnn[key] for key in rnn if key == "model"}, where, "rnn.")
            model = rnn.get("model", model)
            own += [(key, where) for key in rnn if key not in common]
    registry.check_name("cells", model)
    for key, where in own:
        _refuse_key_of_another_cell(key, model, where)
    return model


def _refuse_key_of_another_cell(key: str, model: str, where: str) -> None:
    owners = [cell for cell in registry.names("cells") if key in _own_keys(cell)]
    if owners and model not in owners:
        raise BadInput(f"{where}: unknown key rnn.{key}; rnn.model={owners[0]} has it, rnn.model={model} has not")


def _own_keys(model: str) -> set[str]:
    """The keys of `rnn` that this cell adds to those of every cell; none if its file cannot be run (reported elsewhere)."""
    with suppress(BadInput):
        return {f.name for f in fields(registry.settings("cells", model))} - {f.name for f in fields(CellSettings)}
    return set()


def _laid(schema: type[TrainConfig], layers: list[Layer]) -> TrainConfig:
    """Merge layers, each noise converted with the Δt in force, and check settings that depend on each other."""
    dt, converted = schema().task.dt, []
    for where, values in layers:
        check(schema, values, where)
        dt = values.get("task", {}).get("dt", dt)
        rnn = in_both_spellings(values.get("rnn", {}), OF_CELLS, dt, where, "rnn.")
        converted.append((where, {**values, "rnn": rnn}))
    config: TrainConfig = merge(schema, converted)
    if dt > config.rnn.tau:
        raise BadInput(f"task.dt={dt} must not exceed rnn.tau={config.rnn.tau}: Euler steps would overshoot the decay")
    config.task.check_together()
    config.trainer.check_together()
    for sigma, spelling in OF_CELLS.items():
        kept = getattr(config.rnn, sigma)
        if not agree(kept, getattr(config.rnn, spelling), dt):  # it was set at another Δt
            setattr(config.rnn, spelling, step_variance(kept, dt))
    return config


def changed(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """A resolved configuration with other values of some dotted keys; at another task.dt, σ stays.

    Raises:
        BadInput: anything wrong with the values.
    """
    return _laid(type(config), [("configuration", to_dict(config)), ("changes", nested(values))])


def said(name: str, arguments: Mapping[str, str]) -> frozenset[str]:
    """The keys of analysis `name` that the command line or a preset sets."""
    presets = _preset_layers(arguments.get("preset"), ["analysis", f"output_{name}"])
    return frozenset(arguments) | frozenset(key for _, values in presets for key in values)


def resolve_plain(settings_class: type, arguments: dict[str, str]) -> Any:
    """Checked settings without files: defaults < command line.

    Raises:
        BadInput: anything wrong with the arguments.
        StorageError: a path that should be a folder is a file.
    """
    settings = merge(settings_class, [(COMMAND_LINE, typed(settings_class, arguments))])
    for named in (getattr(settings, f.name) for f in fields(settings_class) if f.metadata.get("folder")):
        if named is not None:
            refuse_file(Path(named))
    return settings


def merge(settings_class: type, layers: list[Layer]) -> Any:
    """Check each layer and lay it over the ones before; returns an instance of `settings_class`."""
    for where, layer in layers:
        check(settings_class, layer, where)
    merged = OmegaConf.to_container(OmegaConf.unsafe_merge(*(layer for _, layer in layers)))
    assert isinstance(merged, dict)
    return built(settings_class(), {str(key): value for key, value in merged.items()})


def to_dict(settings: Any) -> dict[str, Any]:
    """Settings as plain Python, nested as they are."""
    return asdict(settings)


def to_yaml(settings: Any) -> str:
    """Settings as YAML that `from_yaml` reads back."""
    return OmegaConf.to_yaml(OmegaConf.create(to_dict(settings)))


def from_yaml(file: Path) -> TrainConfig:
    """The resolved configuration that a run folder holds.

    Raises:
        BadInput: the file does not hold one.
    """
    raw = load_yaml(file)
    name = raw.get("config")
    if not isinstance(name, str) or name.count("/") != 1:
        raise BadInput(f"{shown(file)}: names no experiment in its key config")
    if isinstance(raw.get("rnn"), dict):
        raw["rnn"] = without_unsaid(raw["rnn"], OF_CELLS)
    where, task_name = shown(file), name.split("/")[0]
    try:
        return _laid(train_schema(task_name, _model([(where, raw)])), [(where, raw)])
    except BadInput as problem:
        raise BadInput(str(problem) if str(problem).startswith(where) else f"{where}: {problem}") from None


def _check_config_name(name: str) -> None:
    known = experiments()
    if not name:
        raise BadInput(f"{COMMAND_LINE}: config=<task>/<name> is missing; known: {', '.join(known)}")
    if name not in known:
        raise BadInput(f"{COMMAND_LINE}: config={in_one_line(name)} is no file under configs/train; {nearest(name, known)}")


def _file_layer(file: Path) -> Layer:
    if not file.exists():
        raise BadInput(f"{shown(file)}: missing; put it back, or an empty file where it has nothing to say")
    return (shown(file), load_yaml(file))


def _untyped(layers: list[Layer], keys: tuple[str, ...]) -> list[Layer]:
    """Return layers of files, without keys that would be recorded there and have no effect.

    Raises:
        BadInput: a file sets such a key.
    """
    for where, values in layers:
        if idle := [key for key in keys if key in values]:
            raise BadInput(f"{where}: {idle[0]} has no effect in a file; give {idle[0]}=... on the command line")
    return layers


def _preset_layers(name: str | None, sections: list[str]) -> list[Layer]:
    if name is None:
        return []
    known = _yaml_names("preset")
    if name not in known:
        raise BadInput(f"{COMMAND_LINE}: preset={in_one_line(name)} is no file under configs/preset; {nearest(name, known)}")
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


def base_config(task_name: str) -> TrainConfig:
    """The configuration of a task without an experiment's settings."""
    return _laid(train_schema(task_name), _base_layers(task_name))


def _base_layers(task_name: str) -> list[Layer]:
    return [_file_layer(CONFIGS / "train" / file) for file in ("base.yml", f"{task_name}/base.yml")]
