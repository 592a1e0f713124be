"""The paper's figures: rows of panels with their captions, on pages, and their files. `figures.py` is its command.

Neighbouring panels with the same colour scale share one colour bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from paper.film import write_film
from paper.panels import PANELS as OF_THE_PAPER
from paper.panels import mouse
from paper.panels.base import PanelTable
from paper.panels.clouds import CLOUD
from paper.panels.examples import EXAMPLES
from paper.pictures import picture, shows, write_pictures
from paper.protocols import SEEDS, SPATIAL
from paper.study import Study
from reactivation.machine.errors import BadInput, DamagedData, nearest
from reactivation.machine.output import only_telling
from reactivation.plotting.drawing import colour_bar, letter, networks_note
from reactivation.plotting.style import PAGE_WIDTH, PANEL_WIDTH, TALLEST, style
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.settings.reading import COMMAND_LINE, refuse_idle, seed_list
from reactivation.storage.files import require_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Page


@dataclass(frozen=True)
class Figure:
    """A whole figure."""

    title: str
    caption: str
    rows: tuple[tuple[str, ...], ...]  # of panel keys

    @property
    def panels(self) -> tuple[str, ...]:
        return tuple(key for row in self.rows for key in row)


def _keys(figure: str, *rows: str) -> tuple[tuple[str, ...], ...]:
    """("C3", "abc") → (("C3a", "C3b", "C3c"),)."""
    return tuple(tuple(f"{figure}{letter}" for letter in row) for row in rows)


_EXAMPLES = (
    f"{EXAMPLES} example trajectories that one network reports (a circle at the start of each, a triangle at its end)"
)
_CLOUD = f"{CLOUD} trajectories with as many points awake as at rest"
_SPACE_ROWS = (
    f"(a–d) {_EXAMPLES}: awake and at rest after unbiased training (a, b), and after biased training (c, d). (e–h) "
    "Densities of the positions reported in 200 trajectories, in the same order; a pair shares one scale."
)

FIGURES: dict[str, Figure] = {
    "1": Figure(
        "Waking and rest in space",
        "(a) Awake, a network is given the changes of position and trained to report the position by cells; at rest there "
        "is no input, and the noise has twice the variance. Then vanilla networks trained with noise on unbiased walks. "
        "(b) Loss, and distance between true and reported position, "
        "on test trajectories while training. (c) Share of the variance of activity in its first principal components, "
        f"awake and at rest. (d, e) {_EXAMPLES}, awake and at rest. (f, g) Activity in the plane of the first two waking "
        f"components, {_CLOUD}; colour tells how far from the centre the reported position is. (h, i) Densities of the "
        "positions reported in 200 trajectories. (j, k) Densities of activity in that plane. Pairs share frame and scale. "
        "Bands: ±1 standard deviation over n networks.",
        _keys("1", "abc", "defg", "hijk"),
    ),
    "2": Figure(
        "Biased waking and rest, and exploration",
        f"(a, b) {_EXAMPLES}, after training on walks that are drawn to the centre, awake and at rest. "
        "(c, d) Densities over 200 trajectories, on one scale. (e) KL(rest ‖ awake) [nats] of resting densities (rows) "
        "from waking ones (columns), mean over n seeds: networks trained on unbiased and biased walks, with noise or "
        "without, untrained networks, and a truly uniform density; colours are logarithmic and begin at 0.1 nats. (f) "
        "Variance over time of "
        "500 resting trajectories, averaged: a dot is a network; boxes are quartiles over networks, whiskers reach the "
        "farthest network that is at most 1.5 heights of the box away from it.",
        _keys("2", "abcd", "ef"),
    ),
    "3": Figure(
        "Waking and rest on the circle",
        "Trained on unbiased turns. (a, b) How often each bearing is reported, awake and at rest: mean and ±1 standard "
        "deviation over n networks; dotted, a uniform density. (c, d) Activity of one network in the plane of the first two "
        f"waking components, {_CLOUD}, coloured by the bearing that it reports.",
        _keys("3", "ab", "cd"),
    ),
    "C1": Figure("Vanilla networks at rest with the noise of waking, not doubled", _SPACE_ROWS, _keys("C1", "abcd", "efgh")),
    "C2": Figure("Gated networks (GRUs)", _SPACE_ROWS, _keys("C2", "abcd", "efgh")),
    "C3": Figure(
        "Noise in training and noise at rest",
        f"{_EXAMPLES}, at rest, after unbiased (top) and biased training (bottom). (a, b) Trained and resting with noise. "
        "(c, d) Trained and resting without. (e, f) Trained without, resting with the noise of (a, b).",
        _keys("C3", "ace", "bdf"),
    ),
    "C4": Figure(
        "Noise at rest after training with it and without",
        "Mean distance between consecutive points of each of 200 trajectories, of all n networks, trained with noise "
        "or without, on the unbiased (a) and the biased task (b). The last box: noise "
        "put in at rest only. Boxes are quartiles over all these trajectories, whiskers as in Fig. 2f, dots lie beyond. "
        "The two panels have scales of their own.",
        _keys("C4", "ab"),
    ),
    "C5": Figure(
        "From moment to moment",
        "(a–c) Bearing over time of the first seed's network trained to turn counter-clockwise, awake (a) and at rest (b), "
        "and of its network trained on unbiased turns, at rest (c); a circle at the start, a triangle at the end; other "
        "networks can be unlike these. (d–f) How often each turn is "
        "made, as angular velocity, each turn taken the shorter way round, mean over n networks; dashed, the mean turn. "
        "Few turns are faster than the axis shows; where a panel notes their share, they are jumps across the circle.",
        _keys("C5", "abc", "def"),
    ),
}

OF_REPLAY: dict[str, Figure] = {  # figures of this project, not of the paper: drawn on request, if their data exist
    "M": Figure(
        "A network beside the recorded mouse",
        "One head-direction network (decoded by templates, every 0.1 s) awake and in three rests (doubled noise; with "
        "adaptation, b = 0.3 and τ = 0.16 s, too; with momentum, λ = 0.7 at c = 2λ), beside a mouse's head-direction "
        "cells (decoded every 0.1 s; decoder jitter about 0.3 rad) awake and asleep. (a) Mean distance over lag. (b) "
        "Autocorrelation of steps. (c–f) Dots: values with standard errors, filled for the network; grey: the range of 39 "
        "draws of the null. Lines have the colours of the dots, dashed for the mouse.",
        _keys("M", "ab", "cd", "ef"),
    ),
    "R": Figure(
        "How rest moves",
        "One network of space (unbiased, decoded by templates, every step) awake and in three rests (as in Fig. M), 200 "
        "trajectories of 200 steps. (a) Mean distance over lag. (b) Autocorrelation of steps. (c–f) Dots: values with "
        "standard errors; grey: the range of 39 draws of the null.",
        _keys("R", "ab", "cd", "ef"),
    ),
}
PANELS = OF_THE_PAPER | mouse.PANELS
_ALL = FIGURES | OF_REPLAY


def plot(rows: Sequence[Sequence[str]], study: Study) -> "tuple[Page, dict[str, PanelTable]]":
    """Return rows of panels on one page, and the table of each.

    Raises:
        DamagedData: something that a panel needs is missing.
    """
    lines = list(dict.fromkeys(line for row in rows for key in row for line in missing(key, study)))
    if lines:
        others = f"; {len(lines) - 1} more files are missing" if len(lines) > 1 else ""
        raise DamagedData(f"not to be drawn yet: {lines[0]}{others}")
    tables = {key: PANELS[key].gather(study) for row in rows for key in row}
    return _page(rows, tables), tables


def draw_figure(key: str, study: Study, folder: Path) -> list[Path]:
    """Write a panel or a figure as PDF and PNG, and each panel's table as CSV.

    Returns:
        The files: fig_<key>.pdf, fig_<key>.png, fig_<panel>.csv.

    Raises:
        BadInput: no such panel or figure.
        DamagedData: something that it needs is missing.
        StorageError: the files cannot be written.
    """
    rows = _ALL[key].rows if key in _ALL else ((panel_keys(key)[0],),)
    with style():
        page, tables = plot(rows, study)
        return write_pictures(page, key, tables, folder)


def pictures(study: Study) -> Path:
    """Return the folder of the pictures of a study: <path>/figures[_<preset>]."""
    return Path(study.path) / f"figures{f'_{study.preset}' if study.preset else ''}"


@dataclass
class Settings:
    """Settings of `figures.py`."""

    fig: str = setting("all", "panel, figure, or all; none of the paper's: live, film")
    seeds: str = setting(",".join(map(str, SEEDS)), "seeds of the networks; examples are of the first")
    preset: str | None = setting(None, "preset that the networks were trained with")
    path: str = setting(RESULTS, "root of the results", folder=True)
    out: str | None = setting(None, "folder of the pictures; null: <path>/figures[_<preset>]", folder=True)
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    sweep: str | None = setting(None, "name of a sweep under path, whose table is drawn instead", file_name=True)
    x: str | None = setting(None, "of a sweep: setting along the axis")
    y: str | None = setting(None, "of a sweep: measure")
    hue: str | None = setting(None, "of a sweep: setting that colours tell apart")
    where: str | None = setting(None, "of a sweep: which rows, as in 'phase=quiescent variance_gain=2'")


def main(manual: str, words: list[str]) -> None:
    """The command line of `figures.py`.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings = asked_settings(Settings, manual, words)
    if settings is None:
        print("\nFigures and their panels", *(f"  {key:<4} {' '.join(f.panels)}" for key, f in _ALL.items()), sep="\n")
        return
    if settings.sweep or settings.x or settings.y or settings.hue or settings.where:
        refuse_idle(words, ("sweep", "x", "y", "hue", "where", "path", "out"), "the figure of a sweep")
        _draw_sweep(settings)
        return
    everything, beside = settings.fig == "all", _BESIDE.get(settings.fig)
    keys = [*FIGURES, *OF_THE_PAPER] if everything else [] if beside else [known_key(settings.fig)]
    study = Study(seed_list(settings.seeds, "seeds"), settings.preset, settings.path, settings.device)
    study.settings_of_task(SPATIAL, study.seeds[0])  # refuses an unknown preset
    folder = Path(settings.out) if settings.out else pictures(study)
    if beside:
        print(beside(study, folder))
        return
    require_place(folder)
    with only_telling():
        _draw_all(keys, study, folder, everything)


def _draw_sweep(settings: Settings) -> None:
    if not (settings.sweep and settings.x and settings.y):
        raise BadInput("the figure of a sweep needs sweep=NAME x=SETTING y=MEASURE")
    from paper.sweeps import Asked, draw_sweep

    asked = Asked(settings.x, settings.y, settings.hue, settings.where)
    print(*draw_sweep(settings.sweep, asked, settings.path, settings.out), sep="\n")


def _draw_all(keys: Sequence[str], study: Study, folder: Path, everything: bool) -> None:
    """Draw figures. With `everything`, a figure that cannot be drawn yet does not stop the others.

    Raises:
        DamagedData: a figure cannot be drawn yet.
    """
    lacking: dict[str, list[str]] = {}
    for key in keys:
        try:
            drawn = draw_figure(key, study, folder)
        except DamagedData as problem:
            if not everything:
                raise
            lacking[key] = missing(key, study) or [str(problem)]
        else:
            print(*drawn, sep="\n")
    if lacking:
        reasons = dict.fromkeys(line for lines in lacking.values() for line in lines)
        raise DamagedData("\n".join([f"not drawn: {', '.join(lacking)}", *reasons]))


def _live(study: Study, folder: Path) -> Path:
    from paper.live.page import write_page  # loads torch, which refusing bad input must not wait for

    return write_page(study, folder)


_BESIDE = {"live": _live, "film": write_film}  # drawn by the same command, but no figures of the paper


def shows_its_numbers(folder: Path, key: str) -> bool:
    """Return whether the picture of a figure was drawn from the tables that now lie beside it."""
    return shows(picture(folder, key), [picture(folder, panel, "csv") for panel in panel_keys(key)])


def _page(rows: Sequence[Sequence[str]], tables: dict[str, PanelTable]) -> "Page":
    from matplotlib.figure import Figure as Page

    alone = sum(map(len, rows)) == 1
    width = PANEL_WIDTH if alone else PAGE_WIDTH
    heights = [min(TALLEST, 0.98 * width / len(row)) for row in rows]
    page = Page(figsize=(width, sum(heights)), layout="constrained")
    parts = page.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        axes = dict(zip(row, part.subplots(1, len(row), squeeze=False)[0], strict=True))
        for key, ax in axes.items():
            _draw_panel(key, ax, tables[key])
            if not alone:
                letter(ax, key[-1])
        _draw_bars(axes)
    return page


def _draw_panel(key: str, ax: "Axes", table: PanelTable) -> None:
    PANELS[key].draw(ax, table).set_title(PANELS[key].title)
    if table.networks:
        networks_note(ax, table.networks)


def _draw_bars(axes: "dict[str, Axes]") -> None:
    """Draw one colour bar for neighbours that share a scale, at the last of them."""
    for _, together in groupby((key for key in axes if PANELS[key].bar), lambda key: PANELS[key].scale):
        *_, last = together
        colour_bar(axes[last], PANELS[last].bar)


def missing(key: str, study: Study) -> list[str]:
    """Return what a panel or figure still lacks, one line each, with the command that makes it."""
    needs = dict.fromkeys(need for panel in panel_keys(key) for need in PANELS[panel].needs)
    lines = (need.lacking(study) for need in needs)
    return [line for line in lines if line]


def tasks_of(key: str) -> set[str]:
    """Return the tasks of a panel or figure."""
    return {need.task for panel in panel_keys(key) for need in PANELS[panel].needs}


def name_of(key: str) -> str:
    """Return the paper's name of a panel or figure: "C.1" for C1."""
    return key.replace("C", "C.")


def known_key(text: str) -> str:
    """Return the key that a user means by "2e", "C.1a", "c1", "Fig. 3".

    Raises:
        BadInput: there is no such key; the message names the nearest.
    """
    plain = text.lower().removeprefix("fig").replace(".", "").strip()
    known = {key.lower(): key for key in (*_ALL, *PANELS)}
    if plain not in known:
        raise BadInput(f"{COMMAND_LINE}: fig={text} is no figure; {nearest(plain, list(known)) if plain else _KNOWN}")
    return known[plain]


_KNOWN = f"known: all, {', '.join((*_BESIDE, *_ALL))}, and panels such as 2e"


def panel_keys(key: str) -> tuple[str, ...]:
    """Return the keys of the panels of a panel or figure.

    Raises:
        BadInput: there is no panel or figure of that name.
    """
    key = known_key(key)
    return _ALL[key].panels if key in _ALL else (key,)
