"""Style of all figures: fonts, colours, maps. Waking and rest differ in hue, lightness and line, so also in grey print."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Look(NamedTuple):
    """How a phase is drawn."""

    name: str
    colour: str
    line: str


LOOKS = {
    "active": Look("awake", "#08306b", "-"),
    "quiescent": Look("rest", "#ef6548", "--"),
    "quiescent_noisy": Look("rest, noise put in", "#fdbb84", ":"),
}
INK, GREY, MIDDLE = "#111111", "#767676", "#b4b4b4"
# Ordered by lightness; distinct in grey print and for colour-blind readers, too (tests/test_figures.py).
LINES = ("#000000", "#1f3f94", "#c2480e", "#3d9fc4", "#e8b52e")
DASHES, MARKS = ("-", "--", ":", "-."), ("o", "s", "^", "D")
SEQUENTIAL = "viridis"  # lightness increases throughout
DIVERGENCE = "cividis_r"  # small is light
CYCLIC = "twilight_shifted"  # both ends have one colour
PAGE_WIDTH, PANEL_WIDTH, TALLEST = 7.2, 3.0, 2.6  # of a page, of a panel on its own; height of a row [inches]
RESOLUTION = 200  # dots per inch of PNG, and of the points that a PDF holds as an image

STYLE: Any = {  # differences from matplotlib's defaults; matplotlib types each key on its own
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on all machines; Liberation Sans lacks ‖
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,  # text stays text: searchable and editable
    "savefig.dpi": RESOLUTION,
    "animation.embed_limit": 50,  # MB
}


def line(number: int) -> dict[str, str]:
    """Style of the line with this number; after all colours, the next dash and mark, for up to twenty different lines."""
    turn, place = divmod(number, len(LINES))
    return {"color": LINES[place], "ls": DASHES[turn % len(DASHES)], "marker": MARKS[turn % len(MARKS)]}


@contextmanager
def style() -> Iterator[None]:
    """Use this style for everything drawn and saved in this block, whatever the user's matplotlibrc says."""
    from matplotlib import rc_context

    with rc_context():
        use_style()
        yield


def use_style() -> None:
    """Use this style from here on, for notebooks. The backend stays the user's."""
    from matplotlib import rcdefaults, rcParams

    rcdefaults()
    rcParams.update(STYLE)
