"""Checks of the arguments that callers pass from Python: each raises BadInput with one line, or returns the checked value.

`checked` compares the arguments of a public function with its annotations, so that the signature alone says which values are
accepted. Kinds of numbers are annotations, too: `steps: Count`, `dt: Seconds`. A condition on several arguments is checked
by the function itself. Only `finite_tensor` loads torch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import functools
import inspect
import math
import operator
import os
import sys
import types
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from reactivation.machine.errors import BadInput, in_one_line

if TYPE_CHECKING:
    import torch
    from torch import Tensor

C = TypeVar("C", bound=Callable[..., Any])


def whole(name: str, value: Any, low: int | None = 0) -> int:
    """Return a whole number as an int; numpy's whole numbers are accepted, too.

    Raises:
        BadInput: the value is no whole number, or less than `low`.
    """
    if not _is_whole(value):
        raise BadInput(f"{name}={_shown(value)} must be a whole number")
    number = operator.index(value)
    if low is not None and number < low:
        raise BadInput(f"{name}={number} must be at least {low}")
    return number


def finite(name: str, value: Any) -> float:
    """Return a finite number.

    Raises:
        BadInput: the value is no number, or not finite.
    """
    number = _number(name, value)
    if not math.isfinite(number):
        raise BadInput(f"{name}={value} must be finite")
    return number


def duration(name: str, value: Any) -> float:
    """Return a time in seconds.

    Raises:
        BadInput: it is no number, not finite, or not greater than 0.
    """
    return _from_0(name, value, "is a time [s] and must be greater than 0, and finite", itself=False)


def strength(name: str, value: Any) -> float:
    """Return a strength: a finite number, at least 0.

    Raises:
        BadInput: it is no number, not finite, or negative.
    """
    return _from_0(name, value, "must be at least 0, and finite", itself=True)


def positive(name: str, value: Any) -> float:
    """Return a finite number greater than 0.

    Raises:
        BadInput: it is no number, not finite, or not greater than 0.
    """
    return _from_0(name, value, "must be greater than 0, and finite", itself=False)


def limit(name: str, value: Any) -> float:
    """Return an upper limit, at least 0; ∞ is no limit.

    Raises:
        BadInput: it is no number, or negative.
    """
    number = _number(name, value)
    if not number >= 0:
        raise BadInput(f"{name}={value} must be at least 0")
    return number


def instance(name: str, value: Any) -> Any:
    """Return a value, which must not be a class.

    Raises:
        BadInput: the value is a class.
    """
    if isinstance(value, type):
        raise BadInput(f"{name}={value.__name__} is a class: give one of its values, {value.__name__}(...)")
    return value


def numbers(name: str, values: Any, precision: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
    """Return an array of numbers in double precision, or another; masked entries become NaN.

    Raises:
        BadInput: the values are no numbers, complex, or too large for that precision.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.where(np.ma.getmaskarray(values), np.nan, values.data)
    if hasattr(values, "detach"):
        values = values.detach().cpu()  # a tensor of torch
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = array.astype(np.float64)
        with np.errstate(over="ignore"):
            read = np.asarray(array, dtype=None if np.iscomplexobj(array) else precision)
    except (TypeError, ValueError):
        raise BadInput(f"{name} are no array of numbers, and no list of such arrays") from None
    except OverflowError:
        raise BadInput(f"{name} hold a whole number that is too large for double precision: use a larger unit") from None
    if np.iscomplexobj(read):
        raise BadInput(f"{name} are complex: give their two parts as columns, or np.angle(...) of them as bearings")
    if read.dtype != array.dtype and (np.isinf(read) & np.isfinite(array)).any():
        raise _too_large(name, float(np.abs(array[np.isfinite(array)]).max()))
    return read


def finite_tensor(name: str, values: Any, axes: int) -> "Tensor":
    """Return numbers as a tensor: floating-point numbers keep their precision, others become single precision.

    Raises:
        BadInput: they are no numbers, not finite, have another number of axes, or an axis is empty.
    """
    import torch  # callers with tensors have loaded it already; settings do not need it

    if isinstance(values, np.ndarray):  # torch takes neither the bytes of other machines nor a reversed axis
        values = np.asarray(values, values.dtype.newbyteorder("="), order="C")
    try:
        tensor = torch.as_tensor(values).detach()
    except (TypeError, ValueError, RuntimeError):
        raise BadInput(f"{name} is no array of numbers") from None
    if tensor.is_complex():
        raise BadInput(f"{name} is complex: give real numbers")
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float32)
    if tensor.dim() != axes or not tensor.numel():
        raise BadInput(f"{name} has shape {tuple(tensor.shape)}; {axes} axes are wanted, none of them empty")
    if not tensor.isfinite().all():
        raise BadInput(f"{name} holds numbers that are not finite")
    return tensor.clone()


def in_precision(name: str, tensor: "Tensor", precision: "torch.dtype") -> "Tensor":
    """Return a tensor in a precision; the tensor itself if it has that already.

    Raises:
        BadInput: it holds finite numbers that are too large for it.
    """
    converted = tensor.to(precision)
    if converted is not tensor and (converted.isinf() & tensor.isfinite()).any():
        raise _too_large(name, float(tensor[tensor.isfinite()].abs().max()))
    return converted


def _too_large(name: str, largest: float) -> BadInput:
    end = np.finfo(np.float32).max
    return BadInput(f"{name}: {largest:.3g} is too large for single precision, which ends at {end:.2g}: use a larger unit")


Natural = Annotated[int, whole]
Count = Annotated[int, functools.partial(whole, low=1)]
Several = Annotated[int, functools.partial(whole, low=2)]
Seconds = Annotated[float, duration]
Strength = Annotated[float, strength]
Positive = Annotated[float, positive]
Limit = Annotated[float, limit]
Rng = Natural | np.random.Generator  # a seed, or a generator


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    slice: "a slice",
    types.NoneType: "None",
    Callable: "a function",
    Mapping: "a dictionary",
    os.PathLike: "a path",
}  # names of kinds in messages


def generator(rng: Any) -> np.random.Generator:
    """Return the generator `rng`, or a new one of the seed `rng`.

    Raises:
        BadInput: `rng` is neither a generator nor a seed.
    """
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(whole("rng", rng))


def checked(call: C) -> C:
    """Check the arguments of every call of a function or class against its annotations; numbers become Python's own.

    An argument without an annotation, or with Any, is passed on unchecked. Of a Callable, its own arguments are not checked.

    Raises (when called):
        BadInput: an argument does not fit its annotation; the message names the call, the argument and what is accepted.
    """
    if isinstance(call, type):
        maker = "__init__" if "__init__" in vars(call) else "__new__"  # named tuples have the latter alone
        setattr(call, maker, checked(getattr(call, maker)))
        if maker == "__new__":
            call._make = classmethod(lambda cls, entries: cls(*entries))  # type: ignore[attr-defined]  # used by `_replace`
        return call
    signature = inspect.signature(call)
    hints: dict[str, Any] = {}  # resolved at the first call, when the whole module is loaded

    @functools.wraps(call)
    def of_right_kinds(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return call(*args, **kwargs)  # raises Python's own message about missing or surplus arguments
        if not hints:
            hints.update({name: _resolved(one.annotation, call) for name, one in signature.parameters.items()})
        where = call.__qualname__.removesuffix(".__init__").removesuffix(".__new__")
        for name, value in bound.arguments.items():
            kind, hint = signature.parameters[name].kind, hints[name]
            if kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(_taken(hint, f"{where}: {name}", one) for one in value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                bound.arguments[name] = {key: _taken(hint, f"{where}: {key}", one) for key, one in value.items()}
            else:
                bound.arguments[name] = _taken(hint, f"{where}: {name}", value)
        return call(*bound.args, **bound.kwargs)

    told = [one.replace(annotation=_for_readers(one.annotation)) for one in signature.parameters.values()]
    of_right_kinds.__signature__ = signature.replace(parameters=told)  # type: ignore[attr-defined]  # what help() shows
    return of_right_kinds  # type: ignore[return-value]  # of the same signature


def _for_readers(hint: Any) -> Any:
    """An annotation without its checks, which have no readable names."""
    if get_origin(hint) is Annotated:
        return get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        return functools.reduce(operator.or_, map(_for_readers, get_args(hint)))
    if _is_several(hint) and get_args(hint):
        return get_origin(hint)[tuple(map(_for_readers, get_args(hint)))]
    return hint


def _resolved(hint: Any, call: Callable[..., Any]) -> Any:
    """An annotation with its text evaluated, except within the arguments of a Callable."""
    if isinstance(hint, ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        scope = {**vars(sys.modules[__name__]), **call.__globals__}
        return _resolved(eval(hint, scope), call)
    if get_origin(hint) in (Union, types.UnionType):
        return functools.reduce(operator.or_, (_resolved(one, call) for one in get_args(hint)))
    return hint


def _taken(hint: Any, name: str, value: Any) -> Any:
    """A value as the first kind of an annotation that it fits.

    Raises:
        BadInput: it fits none of them.
    """
    for kind in _kinds(hint):
        if _is_a(value, kind):
            return _as(kind, name, value)
    raise BadInput(f"{name}={_shown(value)} must be {_described(hint)}")


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind; its range and its entries are not looked at."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _is_a(value, get_args(kind)[0])
    if origin is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind in (Any, inspect.Parameter.empty) or isinstance(kind, TypeVar):
        return True
    if kind in (None, types.NoneType):
        return value is None
    if kind is int:
        return _is_whole(value)
    if kind is float:
        return _is_number(value)
    if kind is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")  # of numpy
    if _is_several(kind):
        return (
            isinstance(value, Iterable)
            and not isinstance(value, str | bytes | Mapping)
            and getattr(value, "ndim", None) != 0
        )
    return isinstance(value, origin or kind)


def _as(kind: Any, name: str, value: Any) -> Any:
    """A value as a kind, its entries checked in turn; a Python int stays an int, so that it is printed as it was given.

    Raises:
        BadInput: it is out of range, or an entry is of another kind.
    """
    if get_origin(kind) is Annotated:
        return _number_as_given(value, get_args(kind)[1](name, value))
    if kind is int:
        return whole(name, value, low=None)
    if kind is float:
        return _number_as_given(value, finite(name, value))
    if kind is bool:
        return bool(value)
    parts = get_args(kind)
    if _is_several(kind):
        if get_origin(kind) is tuple and Ellipsis not in parts and len(value) != len(parts):
            raise BadInput(f"{name}={_shown(value)} must have {len(parts)} entries")
        return tuple(_taken(parts[0] if parts else Any, f"{name}[{i}]", one) for i, one in enumerate(value))
    if get_origin(kind) is Mapping:
        return {key: _taken(parts[1], f"{name}[{key!r}]", one) for key, one in value.items()}
    return value


def _number_as_given(value: Any, read: Any) -> Any:
    return value if type(value) is int else read


def _is_several(kind: Any) -> bool:
    """Whether an annotation stands for several values, in a list, tuple, array or other iterable."""
    origin = get_origin(kind) or kind
    return origin in (list, tuple, set, Sequence, Iterable)


def _is_whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool) and not getattr(value, "ndim", 0)  # a tensor of one number has an index, too


def _is_number(value: Any) -> bool:
    if isinstance(value, str | bytes | bool | np.bool_) or getattr(value, "ndim", None):
        return False
    try:
        float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return False
    return True


def _from_0(name: str, value: Any, says: str, itself: bool) -> float:
    """A finite number greater than 0, or 0 where `itself` allows it."""
    number = _number(name, value)
    if not (0 < number < math.inf or (itself and number == 0)):
        raise BadInput(f"{name}={value} {says}")
    return number


def _number(name: str, value: Any) -> float:
    if not _is_number(value):
        raise BadInput(f"{name}={_shown(value)} must be a number")
    return float(value)


def _described(hint: Any) -> str:
    """The accepted kinds, for the end of a message."""
    kinds = _kinds(hint)
    names = [_name_of(kind) for kind in kinds if not _is_several(kind)]
    for entry in (_described((get_args(kind) or (Any,))[0]) for kind in kinds if _is_several(kind)):
        names.append("several, in a list" if entry in names else f"a list, each entry {entry}" if entry else "a list")
    return " or ".join(dict.fromkeys(names))


def _name_of(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return ""
    if origin is Annotated:
        return str(parts[2]) if len(parts) > 2 else _name_of(parts[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if (origin or kind) in _WORDS:
        return _WORDS[origin or kind]
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    such = getattr(kind, "such_as", None)
    return f"{article} {kind.__name__}{f' ({such})' if such else ''}"


def _shown(value: Any) -> str:
    return in_one_line(repr(value))
