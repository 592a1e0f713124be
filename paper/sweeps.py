"""The figure of a sweep: a measure over a setting, from the sweep's table; `figures.py sweep=NAME` is its command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
import math
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paper.panels.base import PanelTable
from paper.pictures import write_pictures
from reactivation.analysis.results import Array, confidence_interval
from reactivation.machine.errors import BadInput, DamagedData, nearest
from reactivation.plotting.drawing import spread_colours
from reactivation.plotting.style import GREY, PANEL_WIDTH, style
from reactivation.settings.reading import COMMAND_LINE, parse_arguments
from reactivation.storage.table import Row, Table
from reactivation.sweep.folder import found_sweep
from reactivation.sweep.table import sweep_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEED = "seed"
_ALWAYS = ("analysis", "phase", "experiment")  # columns that tell rows apart, beside the settings that vary
_DECADE = 10.0  # largest over smallest value from which an axis is logarithmic
_APART = 4.0  # points between two series at one x
_TICKS = 8  # most values of x with a tick each
_LONGEST = 28  # letters of a name in the picture; the table has the whole name
_UPRIGHT = 20  # letters of a name that is turned
_ROW = 56  # letters of names side by side
_SERIES = 12  # most series in the legend


@dataclass(frozen=True)
class Asked:
    """Say what to draw, by the columns of the table or the ends of their names."""

    x: str
    y: str
    hue: str | None = None
    where: str | None = None  # "variance_gain=2 phase=quiescent"


def draw_sweep(name: str, asked: Asked, results: str, out: str | None) -> list[Path]:
    """Write the figure as PDF and PNG, and its numbers as CSV, into the folder of the sweep or another.

    Raises:
        BadInput: no such sweep or column, or rows that differ in another setting only.
        DamagedData: no row has the measure yet.
        StorageError: the files cannot be written.
    """
    sweep = found_sweep(name, results)
    rows = sweep_table(sweep)
    table, key = gather(rows, asked), name_of(rows, asked)
    with style():
        from matplotlib.figure import Figure as Page

        page = Page(figsize=(1.4 * PANEL_WIDTH, PANEL_WIDTH), layout="constrained")
        draw(page.subplots(), table)
        return write_pictures(page, key, {key: table}, Path(out) if out else sweep.path)


def name_of(table: Table, asked: Asked) -> str:
    """Return the name of a figure of a sweep's table: what it shows, over what, and of which rows.

    A setting is named by the end of its key where no other setting of the table ends alike.
    """
    ends = [column.split(".")[-1] for column in table.telling]

    def told(name: str) -> str:
        column = _column(table, name)
        end = column.split(".")[-1]
        return end if ends.count(end) < 2 else column

    columns = [told(name) for name in (asked.y, asked.x, asked.hue) if name is not None]
    chosen = [f"{told(key)}-{value}" for key, value in parse_arguments((asked.where or "").split()).items()]
    return re.sub(r"[^\w.-]", "-", "_".join([*columns, *chosen]))


def gather(table: Table, asked: Asked) -> PanelTable:
    """Return a row for each setting of x and hue and each seed: x[, hue], seed, y.

    Raises:
        BadInput, DamagedData: as `draw_sweep`.
    """
    chosen = {_column(table, key): value for key, value in parse_arguments((asked.where or "").split()).items()}
    y = _column(table, asked.y)
    told = [_column(table, name) for name in (asked.x, asked.hue) if name is not None]
    _require_apart([*told, SEED, y])
    rows = [row for row in table if row[y] is not None and all(_is(row[key], value) for key, value in chosen.items())]
    if not rows:
        where = f" where {asked.where}" if asked.where else ""
        raise DamagedData(f"no row of the table has {y}{where}; see python sweep.py status")
    if not all(isinstance(row[y], int | float) for row in rows):
        raise BadInput(f"{COMMAND_LINE}: y={asked.y} means {y}, which is no number")
    columns = [*told, SEED]
    rows.sort(key=lambda row: [_rank(row[column]) for column in columns])
    for place, same in groupby(rows, key=lambda row: [row[column] for column in columns]):
        _require_one(table, list(same), dict(zip(columns, place, strict=True)))
    return PanelTable({column: [row[column] for row in rows] for column in (*columns, y)})


def _column(table: Table, name: str) -> str:
    """The column that a name means: itself, or a unique part of the name of one that varies."""
    if name in table.columns and (name in table.telling or name == SEED):
        return name
    ends = [column for column in table.telling if column.split(".")[-1] == name]
    parts = ends or [column for column in table.telling if name in column]
    if len(parts) == 1:
        return parts[0]
    if name in table.columns:
        return name
    if parts:
        raise BadInput(f"{COMMAND_LINE}: {name} could be {' or '.join(parts[:3])}")
    raise BadInput(f"{COMMAND_LINE}: {name} is no column of the table; {nearest(name, list(table.telling))}")


def _require_apart(columns: Sequence[str]) -> None:
    """Refuse a figure in which two of x, hue, seed and y are the same column."""
    for column in columns:
        if columns.count(column) > 1:
            beside = f", and {SEED} tells the dots apart" if column == SEED else ""
            raise BadInput(f"{COMMAND_LINE}: {column} cannot be two of x, y and hue{beside}; give another")


def _is(value: Any, text: str) -> bool:
    try:
        return math.isclose(value, float(text))
    except (TypeError, ValueError):
        return str(value).lower() == text.lower()


def _rank(value: Any) -> tuple[bool, float, str]:
    """A key that sorts numbers first, then anything else."""
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, str(value)


def _require_one(table: Table, rows: Sequence[Row], place: Row) -> None:
    """Refuse several rows of one seed at one place, whose mean would mix different settings."""
    if len(rows) == 1:
        return
    differ = [column for column in (*_ALWAYS, *table.varying) if len({str(row[column]) for row in rows}) > 1]
    setting = differ[0] if differ else "file"
    values = list(dict.fromkeys(str(row[setting]) for row in rows))
    where = ", ".join(f"{key}={value}" for key, value in place.items())
    raise BadInput(
        f"{len(rows)} rows at {where} differ in {setting} ({', '.join(values)}): add where='{setting}={values[0]}'"
    )


def draw(ax: "Axes", table: PanelTable) -> "Axes":
    """Draw means over seeds with 95 % t intervals, joined where x is a number, and every seed as a dot."""
    *told, _, y = table.columns
    x, values = np.asarray(table.columns[told[0]]), table[y]
    hue = np.asarray(table.columns[told[1]]) if len(told) > 1 else np.zeros(len(x))
    is_number = x.dtype.kind in "if"
    labels = list(dict.fromkeys(x.tolist()))
    at = x.astype(float) if is_number else np.array([labels.index(value) for value in x.tolist()], dtype=float)
    series, counts, shown = list(dict.fromkeys(hue.tolist())), set[int](), [*zip(at, values, strict=True)]
    names = shortened(map(str, series))
    for place, (value, colour) in enumerate(zip(series, spread_colours(len(series)), strict=True)):
        own, beside = hue == value, _beside(ax, place - (len(series) - 1) / 2)
        label = f"{shortened([told[-1]])[0]} = {names[place]}" if place < _SERIES else None
        means = _means(at[own], values[own])
        ax.plot(
            at[own], values[own], "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0, zorder=3, transform=beside
        )
        ax.errorbar(
            means.at, means.values, abs(means.ends.T - means.values), color=colour, linestyle="-" if is_number else "",
            marker="_", capsize=2.5, label=label, transform=beside,
        )  # fmt: skip
        counts |= means.counts
        shown += [(centre, end) for centre, both in zip(means.at, means.ends, strict=True) for end in both]
    _scale(ax, at, values)
    _show(ax, np.array(shown))
    _name_x(ax, at, labels, is_number)
    ax.set_xlabel(shortened([told[0]])[0])
    ax.set_ylabel(shortened([y])[0])
    ax.set_title(f"n = {'–'.join(map(str, sorted({min(counts), max(counts)})))}", loc="right", fontsize=7, color=GREY)
    if len(told) > 1:
        left = len(series) - _SERIES
        ax.legend(title=f"and {left} more" if left > 0 else None, title_fontsize=7).set_in_layout(False)
    return ax


class _Means(NamedTuple):
    """Means over seeds of one series, one for each x."""

    at: Array  # (n) distinct values of x
    values: Array  # (n)
    ends: Array  # (n, 2) of the 95 % t intervals, NaN for a single seed
    counts: set[int]  # how many seeds there are at an x


def _means(at: Array, values: Array) -> _Means:
    centres = np.unique(at)
    together = [values[at == centre] for centre in centres]
    ends = np.array([confidence_interval(one.tolist()) or (math.nan, math.nan) for one in together])
    return _Means(centres, np.array([one.mean() for one in together]), ends, set(map(len, together)))


def _name_x(ax: "Axes", at: Array, labels: Sequence[Any], is_number: bool) -> None:
    """Give each value of x a tick if they are names or few numbers; long names are turned."""
    if is_number and len(labels) > _TICKS:
        return
    ticks = [f"{value:g}" for value in labels] if is_number else shortened(map(str, labels))
    if sum(map(len, ticks)) > _ROW:
        ax.set_xticks(np.unique(at), shortened(map(str, labels), _UPRIGHT), rotation=90)
    else:
        ax.set_xticks(np.unique(at), ticks)
    ax.minorticks_off()


def shortened(names: Iterable[str], longest: int = _LONGEST) -> list[str]:
    """Return names as drawn: long ones without their middle, and with a number if that makes two names equal."""
    short = [name if len(name) <= longest else f"{name[: longest // 2]}…{name[1 - longest // 2 :]}" for name in names]
    told = [name if short.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(short, 1)]
    return [name.replace("$", r"\$") for name in told]  # a bare $ would begin a formula


def _beside(ax: "Axes", places: float) -> Any:
    """The transform of data, shifted some places to the right, so that series do not hide each other."""
    from matplotlib.transforms import ScaledTranslation

    return ax.transData + ScaledTranslation(_APART * places / 72, 0, ax.figure.dpi_scale_trans)


def _show(ax: "Axes", points: Array) -> None:
    """Extend the limits of an axis to points (n, 2), since matplotlib ignores what is drawn with a shifted transform."""
    from matplotlib.transforms import Bbox

    ax.dataLim.set(Bbox.null())
    ax.update_datalim(points[np.isfinite(points).all(1)])
    ax.autoscale_view()


def _scale(ax: "Axes", x: Array, y: Array) -> None:
    """Make an axis logarithmic if its values span a decade."""
    for values, scale in ((x, ax.set_xscale), (y, ax.set_yscale)):
        if values.min() > 0 and values.max() >= _DECADE * values.min():
            scale("log")
