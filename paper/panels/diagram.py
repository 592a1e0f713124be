"""The phase diagram of rest: distance exponent and divergence from waking, over a modifier and the noise gain."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paper.learned import left_out
from paper.panels.base import PanelTable
from paper.pictures import write_pictures
from reactivation.plotting.style import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = {"exponent": ("distance exponent", "viridis", (0.2, 0.9)), "kl": ("KL(rest ‖ awake) [nats]", "magma_r", (0.0, 3.0))}
_AXES = {"adaptation": "adaptation b", "momentum": "friction λ"}
_SIZE = 2.3, 1.9  # of a map [inch]
Row = dict[str, Any]
KEY = "diagram"  # of the figure


def draw(
    measured: Mapping[Any, Mapping[int, Any]], unlearned: Mapping[Any, Sequence[int]], folder: Path, key: str = KEY
) -> list[Path]:
    """Draw families → seed → measurement of `paper.diagram.measure` as the figure `key`; returns pictures and their table.

    Titles have the number of networks of a family, and the seeds of those that have not learned.

    Raises:
        StorageError: the files cannot be written.
    """
    from matplotlib.figure import Figure

    rows = list(table(measured))
    families = list(dict.fromkeys(row["networks"] for row in rows))
    named = {family.name: left_out(seeds) for family, seeds in unlearned.items()}
    with style():
        page = Figure(figsize=(4 * _SIZE[0], len(families) * _SIZE[1] + 0.3), layout="constrained")
        axes = page.subplots(len(families), 4, squeeze=False)
        for line, family in zip(axes, families, strict=True):
            columns = [(kind, measure) for kind in _AXES for measure in _SHOWN]
            seeds = max(row["n"] for row in rows if row["networks"] == family)
            for ax, (kind, measure) in zip(line, columns, strict=True):
                own = [row for row in rows if row["networks"] == family and row["modifier"] == kind]
                _draw_map(ax, own, measure) if own else ax.set_axis_off()
            line[0].set_title(
                f"{family}, n = {seeds}{named.get(family, '')}\n{_SHOWN['exponent'][0]}", loc="left", fontsize=7
            )
        drawn = PanelTable({name: [row[name] for row in rows] for name in rows[0]})
        return write_pictures(page, key, {key: drawn}, folder)


def table(measured: Mapping[Any, Mapping[int, Any]]) -> Iterator[Row]:
    """Yield a row for each point of each family: the mean over the networks that have a value, and their number."""
    for family, found in measured.items():
        if not found:
            continue
        for i, (kind, strength, gain) in enumerate(family.points):
            row: Row = {"networks": family.name, "modifier": kind, "strength": strength, "gain": gain, "n": len(found)}
            for measure in _SHOWN:
                values = [one["points"][i][measure] for one in found.values()]
                there = [value for value in values if value is not None]
                row |= {measure: float(np.mean(there)) if there else float("nan"), f"{measure}_n": len(there)}
            yield row


def _draw_map(ax: "Axes", rows: list[Row], measure: str) -> None:
    """Draw a cell for each strength (columns) and gain (rows), with its number; squares mark c = 2λ."""
    label, colours, (low, high) = _SHOWN[measure]
    strengths, gains = (sorted({row[key] for row in rows}) for key in ("strength", "gain"))
    values = np.full((len(gains), len(strengths)), np.nan)
    for row in rows:
        values[gains.index(row["gain"]), strengths.index(row["strength"])] = row[measure]
    ax.imshow(values, origin="lower", aspect="auto", cmap=colours, vmin=low, vmax=high)
    for (y, x), value in np.ndenumerate(values):
        bright = (value - low) / (high - low) > 0.5
        dark_end = measure == "kl"
        shown = number(value)
        ink = "white" if bright == dark_end else "black"
        ax.text(x, y, shown, ha="center", va="center", fontsize=6, color=ink)
        if rows[0]["modifier"] == "momentum" and gains[y] == 2 * strengths[x]:
            ax.plot(x, y, "s", markersize=16, markerfacecolor="none", markeredgecolor=ink)
    ax.set_xticks(range(len(strengths)), [f"{one:g}" for one in strengths])
    ax.set_yticks(range(len(gains)), [f"{one:g}" for one in gains])
    ax.set_xlabel(_AXES[rows[0]["modifier"]])
    ax.set_ylabel("noise gain c")
    ax.set_title(label, loc="left", fontsize=7)


def number(value: float) -> str:
    """A number with three digits, which fit into a cell and its square; a dash for none."""
    places = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{places}f}" if np.isfinite(value) else "–"
