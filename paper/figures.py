"""Panels and figures of the paper on pages, and their files. `figures.py` beside the package is its command.

Panels that stand side by side and share a scale share its bar.
"""

from collections.abc import Iterable, Iterator, Sequence
import csv
from dataclasses import dataclass
import hashlib
import io
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paper.catalogue import FIGURES, PANELS, known_key, missing, panel_keys
from paper.evidence import Evidence
from paper.panels import Columns, Numbers
from paper.protocols import SEEDS, SPATIAL
from reactivation.machine.errors import DamagedData
from reactivation.plotting.drawing import colour_bar, letter, networks_note
from reactivation.plotting.style import PAGE_WIDTH, PANEL_WIDTH, TALLEST, style
from reactivation.settings.declaring import setting
from reactivation.settings.layers import RESULTS, asked_settings
from reactivation.settings.reading import seed_list
from reactivation.storage.files import make_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Page

_FORMATS = ("pdf", "png")
_KEYWORD = {"pdf": "Subject", "png": "Description"}  # where a picture says which numbers it shows
_WITHOUT_DATE: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "png": {}}  # the same bytes each time
_NUMBERS = "numbers: sha256 "


def plot(rows: Sequence[Sequence[str]], evidence: Evidence) -> "tuple[Page, dict[str, Numbers]]":
    """Rows of panels on one page, and the numbers of each.

    Raises:
        DamagedData: something that a panel needs is not there.
    """
    lines = [line for row in rows for key in row for line in missing(key, evidence)]
    if lines:
        raise DamagedData(f"not to be drawn yet: {lines[0]}" + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""))
    numbers = {key: PANELS[key].gather(evidence) for row in rows for key in row}
    return _page(rows, numbers), numbers


def draw_figure(key: str, evidence: Evidence, folder: Path) -> list[Path]:
    """Write a panel or a figure as PDF and PNG, and each panel's numbers as CSV.

    Returns:
        The files: fig_<key>.pdf, fig_<key>.png, fig_<panel>.csv.

    Raises:
        BadInput: no such panel or figure.
        DamagedData: something that it needs is not there.
        StorageError: the files cannot be written.
    """
    rows = FIGURES[key].rows if key in FIGURES else ((panel_keys(key)[0],),)
    with style():
        page, numbers = plot(rows, evidence)
        tables = {panel: _table(found.columns()) for panel, found in numbers.items()}
        contents = {picture(folder, key, form): _saved(page, form, _digest(tables.values())) for form in _FORMATS}
    contents |= {picture(folder, panel, "csv"): table for panel, table in tables.items()}
    make_folder(folder)
    for file, content in contents.items():
        write_atomically(file, content)
    return list(contents)


def pictures(evidence: Evidence) -> Path:
    """The folder where the pictures of some results go: <path>/figures[_<preset>]."""
    return Path(evidence.path) / f"figures{f'_{evidence.preset}' if evidence.preset else ''}"


def picture(folder: Path, key: str, form: str = "png") -> Path:
    """The file of a panel or figure."""
    return folder / f"fig_{key}.{form}"


@dataclass
class Settings:
    """Settings of `figures.py`."""

    fig: str = setting("all", "panel, figure, or all")
    seeds: str = setting(",".join(map(str, SEEDS)), "seeds of the networks; examples are of the first")
    preset: str | None = setting(None, "preset that the networks were trained with")
    path: str = setting(RESULTS, "root of the results")
    out: str | None = setting(None, "folder of the pictures; null: <path>/figures[_<preset>]")
    device: str = setting("auto", "where to compute", choices=("auto", "cpu", "cuda"))


def main(manual: str, words: list[str]) -> None:
    """The command line of `figures.py`.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings = asked_settings(Settings, manual, words)
    if settings is None:
        print("\nFigures and their panels", *(f"  {key:<4} {' '.join(f.panels)}" for key, f in FIGURES.items()), sep="\n")
        return
    everything = settings.fig == "all"
    keys = [*FIGURES, *PANELS] if everything else [known_key(settings.fig)]
    evidence = Evidence(seed_list(settings.seeds, "seeds"), settings.preset, settings.path, settings.device)
    evidence.settings_of_task(SPATIAL, evidence.seeds[0])  # refuses an unknown preset
    folder = Path(settings.out) if settings.out else pictures(evidence)
    lacking: dict[str, list[str]] = {}
    for key in keys:
        try:
            drawn = draw_figure(key, evidence, folder)
        except DamagedData as problem:
            if not everything:
                raise
            lacking[key] = missing(key, evidence) or [str(problem)]
        else:
            print(*drawn, sep="\n")
    if lacking:
        reasons = dict.fromkeys(line for lines in lacking.values() for line in lines)
        raise DamagedData("\n".join([f"not drawn: {', '.join(lacking)}", *reasons]))


def shows_its_numbers(folder: Path, key: str) -> bool:
    """Whether the picture of a figure was drawn from the tables that are beside it now."""
    from PIL import Image, UnidentifiedImageError

    tables = [picture(folder, panel, "csv") for panel in panel_keys(key)]
    if not all(table.exists() for table in tables):
        return False
    try:
        with Image.open(picture(folder, key)) as image:
            shown = image.info.get(_KEYWORD["png"])
    except UnidentifiedImageError:
        return False
    return bool(shown == f"{_NUMBERS}{_digest(table.read_bytes() for table in tables)}")


def _page(rows: Sequence[Sequence[str]], numbers: dict[str, Numbers]) -> "Page":
    from matplotlib.figure import Figure as Page

    alone = sum(map(len, rows)) == 1
    width = PANEL_WIDTH if alone else PAGE_WIDTH
    heights = [min(TALLEST, 0.98 * width / len(row)) for row in rows]
    page = Page(figsize=(width, sum(heights)), layout="constrained")
    parts = page.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        axes = dict(zip(row, part.subplots(1, len(row), squeeze=False)[0], strict=True))
        for key, ax in axes.items():
            _draw_panel(key, ax, numbers[key])
            if not alone:
                letter(ax, key[-1])
        _draw_bars(axes, numbers)
    return page


def _draw_panel(key: str, ax: "Axes", numbers: Numbers) -> None:
    numbers.draw(ax)
    ax.set_title(PANELS[key].title)
    networks = getattr(numbers, "networks", None)
    if networks:
        networks_note(ax, networks)


def _draw_bars(axes: "dict[str, Axes]", numbers: dict[str, Numbers]) -> None:
    """One colour bar for neighbours that share a scale, at the last of them."""
    bars = {key: label for key in axes if (label := getattr(numbers[key], "bar", None))}
    for _, together in groupby(bars, lambda key: PANELS[key].scale):
        *_, last = together
        colour_bar(axes[last], bars[last])


def _saved(page: "Page", form: str, digest: str) -> bytes:
    content, kept = io.BytesIO(), {_KEYWORD[form]: f"{_NUMBERS}{digest}"}
    page.savefig(content, format=form, metadata=kept | _WITHOUT_DATE[form])
    return content.getvalue()


def _digest(tables: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(tables)).hexdigest()


def _table(columns: Columns) -> bytes:
    """CSV with a header; numbers to 7 digits, an empty cell where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_cells(column) for column in columns.values()), strict=True))
    return text.getvalue().encode()


def _cells(column: Any) -> Iterator[str]:
    for value in np.asarray(column).tolist():
        yield "" if value != value else f"{value:.7g}" if isinstance(value, float) else str(value)
