"""How far rest is from waking against the gain of the noise, a panel for each family of networks."""

from collections.abc import Mapping, Sequence
import math
from pathlib import Path
from typing import TYPE_CHECKING

from paper.claims.gain import GAINS, LEAST, MATCHES, Curve
from paper.panels.base import PanelTable
from paper.pictures import write_pictures
from reactivation.plotting.style import DASHES, LINES, MARKS, MIDDLE, PAGE_WIDTH, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEY = "gain"  # of the figure
CAPTION = (
    "How far rest is from waking against the gain c of the noise at rest, a line a network: 400 rests of 2,000 steps from "
    "shuffled rates, of which the last 500 count, decoded by templates. Dotted: c = 2, where Eq. 19 has the least. Dashed: "
    "below it, rest matches waking (0.2 nats in the box, 0.1 on the circle). Less than 0.01 nats, which finite "
    "samples cannot tell from 0, is drawn at 0.01. Controls first: Langevin networks have their least near 2, flat "
    "attractors and the paper's bias-free ReLU networks have none."
)
_COLUMNS = 4  # panels beside each other


def draw(families: Mapping[str, Mapping[str, Sequence[Curve]]], table: PanelTable, folder: Path) -> list[Path]:
    """Draw families → kind of inputs → a curve for each network; returns pictures and their table.

    Raises:
        StorageError: the files cannot be written.
    """
    from matplotlib.figure import Figure

    lines = math.ceil(len(families) / _COLUMNS)
    with style():
        page = Figure(figsize=(PAGE_WIDTH, 1.7 * lines + 0.5), layout="constrained")
        axes = page.subplots(lines, _COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
        for ax, (name, curves) in zip(axes, families.items(), strict=False):
            _draw_family(ax, name, curves)
        for ax in axes[len(families) :]:
            ax.set_axis_off()
        for ax in axes[max(len(families) - _COLUMNS, 0) : len(families)]:  # the lowest of each column
            ax.tick_params(labelbottom=True)
        page.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=7)
        page.supxlabel("c, noise variance at rest over that of waking", fontsize=8)
        page.supylabel("KL(rest ‖ waking) [nats], kernels matched", fontsize=8)
        return write_pictures(page, KEY, {KEY: table}, folder)


def _draw_family(ax: "Axes", name: str, curves: Mapping[str, Sequence[Curve]]) -> None:
    for (inputs, found), *look in zip(curves.items(), LINES[1:], DASHES, MARKS, strict=False):
        colour, dash, mark = look
        for number, curve in enumerate(found):
            ax.axhline(MATCHES * curve.dimensions, color=MIDDLE, lw=0.6, ls="--", zorder=0)
            values = [max(curve.kl[gain], LEAST) for gain in GAINS]
            ax.plot(GAINS, values, mark, ls=dash, ms=2.5, lw=0.8, color=colour, label=None if number else inputs)
    ax.axvline(2, color=MIDDLE, lw=0.6, ls=":", zorder=0)
    ax.set(xscale="log", yscale="log")
    ax.set_title(name.replace("; ", ";\n").replace(": ", ":\n"), fontsize=7)
    ax.set_xticks(GAINS, [f"{gain:g}" for gain in GAINS])
    ax.minorticks_off()
