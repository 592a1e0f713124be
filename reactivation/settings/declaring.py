"""How a setting is declared (default, unit, range, meaning), and the settings that all tasks, cells or trainings share.

Nothing here imports torch: settings are checked before anything heavy is loaded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
import math
import re
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_origin, get_type_hints

from reactivation.machine.errors import BadInput, alike, in_one_line

if TYPE_CHECKING:
    from reactivation.world.spaces import Space

LARGEST = 10**7  # largest value of any size: more must be a typing error, and would not fit into memory
DT = 0.02  # Δt [s] of the paper, and the one at which results are named by their noise, σ²Δt
# Float32 must hold a quantity and its square: from 1.2e-38 to 3.4e38. A whole number may become part of a file name.
_LARGEST_FLOAT, _SMALLEST_FLOAT, _LARGEST_INT = 1e15, 1e-15, 10**30
_NOTHING = ("null", "none", "~")  # spellings of null
_CLOSE_LEAF = 0.6  # likeness of last parts of keys, which are short, above which one may be a misspelling of the other
LONGEST_NAME = 100
FILE_NAME = re.compile(rf"[A-Za-z0-9_+-][A-Za-z0-9._+-]{{0,{LONGEST_NAME - 1}}}")


def setting(
    default: Any,
    meaning: str,
    unit: str = "",
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    length: int | None = None,
    file_name: bool = False,
    folder: bool = False,
    per_step: bool = False,
) -> Any:
    """Declare one setting of a settings dataclass.

    Bounds: low ≤ value ≤ high, above < value < below. `length`: entries of a list. `file_name`: the text becomes part of a
    file name. `folder`: the text names a folder, which need not exist. `per_step`: the value is per step, so its meaning in
    seconds depends on Δt.
    """
    metadata = {
        "meaning": meaning,
        "unit": unit,
        "low": low,
        "above": above,
        "high": high,
        "below": below,
        "choices": choices,
        "length": length,
        "file_name": file_name,
        "folder": folder,
        "per_step": per_step,
    }
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def _nearest_key(name: str, known: list[str]) -> str:
    """As `nearest`, but a key of the same name in another group comes first: tau is rnn.tau."""
    leaf = name.split(".")[-1]
    same = [key for key in known if key.split(".")[-1] == leaf]
    near = same or alike(name, known)
    near = near or [key for key in known if alike(leaf, [key.split(".")[-1]], _CLOSE_LEAF)]
    return f"did you mean {near[0]}?" if near else "--help lists all keys"


@dataclass
class CellSettings:
    """The settings of every cell (Eqs. A.1–A.6, Tables A.1 and A.2); a cell's own `Settings` extends it.

    Each noise is here twice, as σ and as σ²Δt (`reactivation.settings.noise`).
    """

    recurrent_matrices: ClassVar[int] = 1  # number of N × N weight matrices, for estimates of the work of a step

    model: str = setting("vanilla", "cell, by the name of its file in reactivation/network/cells")
    n_rec: int = setting(512, "recurrent units N", low=1, high=LARGEST)
    tau: float = setting(0.1, "time constant τ", unit="s", above=0)
    sigma: float = setting(0.0, "noise σ of the rates", unit="s^-1/2", low=0, high=1e6)
    sigma2_rec: float = setting(0.0, "σ²Δt, another spelling of sigma: give one of them", low=0, high=1e18)
    sigma_in: float = setting(0.0, "noise σ of the inputs", unit="s^-1/2", low=0, high=1e6)
    sigma2_in: float = setting(0.0, "σ²Δt, another spelling of sigma_in", low=0, high=1e18)
    sigma_out: float = setting(0.0, "noise σ of the outputs", unit="s^-1/2", low=0, high=1e6)
    sigma2_out: float = setting(0.0, "σ²Δt, another spelling of sigma_out", low=0, high=1e18)
    noise: str = setting("gaussian", "distribution of the noise", choices=("gaussian", "uniform"))
    bias: bool = setting(False, "biases in the linear maps")
    activation_fn: str = setting("relu", "nonlinearity", choices=("relu", "tanh", "sigmoid", "identity"))


@dataclass
class TaskSettings:
    """The settings of every task; a task's own `Settings` extends it."""

    dt: float = setting(DT, "time step Δt, the one clock of task and network", unit="s", low=1e-6, high=1e6)
    sequence_length: int = setting(100, "steps per training trajectory", low=2, high=LARGEST, per_step=True)
    batch_size: int = setting(200, "trajectories per batch", low=1, high=LARGEST)

    @property
    def space(self) -> "Space":
        """The space of the task's positions, known before the task is built; every task defines it."""
        raise NotImplementedError(f"{type(self).__module__}.{type(self).__qualname__} must define its space")

    def check_together(self) -> None:
        """Refuse values that are valid alone but not together; a task with such values overrides this.

        Raises:
            BadInput: two values contradict each other; the message names them.
        """


@dataclass
class TrainerSettings:
    """Training (Tables A.1 and A.2). An epoch is one gradient step on one fresh batch."""

    n_epochs: int = setting(2500, "gradient steps, each on a fresh batch", low=1)
    lr: float = setting(1e-3, "learning rate of Adam", above=0, high=1e30)
    lr_late: float | None = setting(
        None, "learning rate once lr_late_from steps are made; null: lr throughout", above=0, high=1e30
    )
    lr_late_from: int | None = setting(None, "steps made at lr before those at lr_late", low=1)
    weight_decay: float = setting(0.0, "weight decay of Adam", low=0)
    tf32: bool = setting(False, "on cuda, products of factors rounded to TF32 (10 bits): faster, another training")
    compute_all_metrics: bool = setting(True, "at logged steps, measure errors on the training batch as well")
    log_freq: int = setting(10, "steps between logged training losses", low=1)
    test_freq: int = setting(100, "steps between tests on the fixed test batch", low=1)
    save_freq: int = setting(100, "steps between checkpoints", low=1)

    def check_together(self) -> None:
        """Refuse one of lr_late and lr_late_from without the other.

        Raises:
            BadInput: only one of them is set.
        """
        if (self.lr_late is None) != (self.lr_late_from is None):
            given, missing = ("lr_late_from", "lr_late") if self.lr_late is None else ("lr_late", "lr_late_from")
            raise BadInput(f"trainer.{given}={getattr(self, given)} needs trainer.{missing}: give both or none")

    def rate(self, step: int) -> float:
        """The learning rate of the next step, after `step` steps."""
        if self.lr_late is None or self.lr_late_from is None or step < self.lr_late_from:
            return self.lr
        return self.lr_late


def check(settings_class: type, raw: dict[str, Any], where: str, prefix: str = "", whole: type | None = None) -> None:
    """Check a plain mapping against a settings dataclass; nothing is converted or silently accepted.

    Args:
        settings_class: the dataclass; a field that is itself a dataclass is checked in turn.
        raw: the mapping from a file or the command line.
        where: its source, named in the message ("command line", a file).
        prefix: dotted path of `raw` itself, ending in "." unless it is the top.
        whole: the dataclass of the top, if that is not `settings_class`; the message suggests keys from it.

    Raises:
        BadInput: unknown key, wrong type, not finite, out of range, not one of the choices, or text that is empty or null.
    """
    hints = get_type_hints(settings_class)
    declared = {f.name: f for f in fields(settings_class)}
    for key, value in raw.items():
        name = in_one_line(f"{prefix}{key}")
        if key not in declared:
            known = list(dotted_keys(whole or settings_class))
            if name in known:  # in a file; on a command line dots divide
                nested = name.replace(".", ": {") + ": ..." + "}" * name.count(".")
                raise BadInput(f"{where}: {name} must be nested there: {nested}")
            name = in_one_line(_first_leaf(f"{prefix}{key}", value))
            raise BadInput(f"{where}: unknown key {name}; {_nearest_key(name, known)}")
        if hasattr(hints[key], "__dataclass_fields__"):
            if not isinstance(value, dict):
                keys = ", ".join(dotted_keys(hints[key], f"{name}."))
                raise BadInput(f"{where}: {name}={in_one_line(value)} is a group of keys; set one of {keys}")
            check(hints[key], value, where, f"{name}.", whole or settings_class)
        else:
            _check_value(name, value, hints[key], dict(declared[key].metadata), where)


def _first_leaf(name: str, value: Any) -> str:
    """The key as it was typed, where a group was mistyped: a.b of {a: {b: 1}}."""
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        name = f"{name}.{key}"
    return name


def dotted_keys(settings_class: type, prefix: str = "") -> Iterator[str]:
    """The dotted key of every setting of a settings dataclass."""
    hints = get_type_hints(settings_class)
    for name in (f.name for f in fields(settings_class)):
        if hasattr(hints[name], "__dataclass_fields__"):
            yield from dotted_keys(hints[name], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def allowed_types(hint: Any) -> tuple[Any, ...]:
    """The types that a declared type allows: (int, NoneType) of "int or null"."""
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


def type_name(hint: Any) -> str:
    """The name of a type in messages: "float", "float or null", "list of str"."""
    if isinstance(hint, UnionType):
        return " or ".join("null" if part is NoneType else type_name(part) for part in get_args(hint))
    if get_origin(hint) is list:
        return f"list of {type_name(get_args(hint)[0])}"
    return str(hint.__name__)


def built(settings: Any, values: Mapping[str, Any]) -> Any:
    """Return settings with other, checked values, nested as they are."""
    hints, made = get_type_hints(type(settings)), {}
    for name, value in ((f.name, getattr(settings, f.name)) for f in fields(settings)):
        if is_dataclass(value):
            made[name] = built(value, values.get(name, {}))
        else:
            made[name] = _as_declared(values.get(name, value), hints[name])
    return replace(settings, **made)


def _as_declared(value: Any, hint: Any) -> Any:
    """A value with whole numbers turned into floats where the declared type is float."""
    if isinstance(value, list):
        (kind,) = (kind for kind in allowed_types(hint) if get_origin(kind) is list)
        return [_as_declared(item, get_args(kind)[0]) for item in value]
    return float(value) if type(value) is int and float in allowed_types(hint) else value


def _check_value(name: str, value: Any, hint: Any, declared: dict[str, Any], where: str) -> None:
    said = f"{where}: {name}={in_one_line(value)}"
    parts = value if isinstance(value, list) else [value]
    for text in (part for part in parts if isinstance(part, str)):
        _check_text(said, text, declared)
    if not any(_is_a(value, kind) for kind in allowed_types(hint)):
        is_single = not isinstance(value, list) and any(get_origin(kind) is list for kind in allowed_types(hint))
        how = f", as '{name}=[{in_one_line(value)}]'" if is_single else ""
        raise BadInput(f"{said} must be of type {type_name(hint)}{how}")
    if declared.get("length") and len(value) != declared["length"]:
        raise BadInput(f"{said} must have {declared['length']} entries")
    for number in parts:
        if isinstance(number, int | float) and not isinstance(number, bool):
            _check_range(f"{where}: {name}={in_one_line(number)}", number, declared, float in allowed_types(hint))
    if declared.get("choices") and value is not None and value not in declared["choices"]:
        close = alike(str(value), declared["choices"])
        guess = f"; did you mean {close[0]}?" if close else ""
        raise BadInput(f"{said} must be one of {', '.join(declared['choices'])}{guess}")


def _check_text(said: str, text: str, declared: dict[str, Any]) -> None:
    """Refuse text that is probably not meant as it stands: interpolations, placeholders, null in another spelling."""
    if "${" in text:
        raise BadInput(f"{said} holds an interpolation; write the value itself")
    if text == "???":
        raise BadInput(f"{said} is a placeholder; write the value")
    if not text.isprintable():
        raise BadInput(f"{said} holds a line break or another character that cannot be printed")
    if not text or (text.lower() in _NOTHING and text not in declared.get("choices", ())):
        raise BadInput(f"{said} says nothing; write the value, or null where a key may be null")
    if declared.get("file_name") and not FILE_NAME.fullmatch(text):
        raise BadInput(f"{said} becomes part of a file name: use letters, digits and . _ + - only, at most {LONGEST_NAME}")


def _is_a(value: Any, kind: Any) -> bool:
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_is_a(item, get_args(kind)[0]) for item in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def _check_range(said: str, number: float, declared: dict[str, Any], is_float: bool) -> None:
    low, above, high, below = (declared.get(bound) for bound in ("low", "above", "high", "below"))
    largest = _LARGEST_FLOAT if is_float else _LARGEST_INT
    if isinstance(number, float) and not math.isfinite(number):
        raise BadInput(f"{said} must be finite")
    if low is not None and number < low:
        raise BadInput(f"{said} must be at least {low}")
    if above is not None and number <= above:
        raise BadInput(f"{said} must be greater than {above}")
    if above is not None and is_float and number - above < _SMALLEST_FLOAT:
        raise BadInput(f"{said} must be greater than {above} by {_SMALLEST_FLOAT} at least")
    if high is not None and number > high:
        raise BadInput(f"{said} must be at most {high}")
    if below is not None and number >= below:
        raise BadInput(f"{said} must be less than {below}")
    if is_float and 0 < abs(number) < _SMALLEST_FLOAT**2:
        raise BadInput(f"{said} is nothing in single precision; write 0, or {_SMALLEST_FLOAT**2:.0e} at least")
    if high is None and abs(number) > largest:
        raise BadInput(f"{said} must lie within ±{largest:.0e}")
