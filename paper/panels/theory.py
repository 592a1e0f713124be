"""The key figure of the theory: drift along the radius over the prediction, and the width of rest against its noise.

A panel's table is what it draws, and is written beside it. Networks that do not count (seed 0 of the box) say so.
"""

import csv
import math
from pathlib import Path
from typing import Any

from paper.protocols import SPATIAL
from reactivation.machine.errors import DamagedData
from reactivation.plotting.style import LINES, style
from reactivation.storage.files import make_folder, read_json

_SHOWN = (0.0, 0.5, 2.0, 8.0)  # c
Row = dict[str, Any]


def draw(path: str) -> list[Path]:
    """Draw what is measured of the box below a root of results, and write the tables; returns the files.

    Raises:
        DamagedData: nothing is measured there.
        StorageError: the files cannot be written.
    """
    from matplotlib.figure import Figure

    found = {file.stem: read_json(file) for file in sorted(Path(path, "theory").glob("*.json"))}
    found = {name: one for name, one in found.items() if one.get("tempering", {}).get("what") == "radial sd"}
    if not found:
        raise DamagedData(f"{path}/theory: nothing is measured in the box; python output_theory.py measures a network")
    drift, width = drift_table(found), width_table(found)
    folder = Path(path) / "figures"
    make_folder(folder)
    picture = folder / "theory.png"
    with style():
        figure = Figure(figsize=(2.4 * len(found) + 4.8, 2.8), layout="constrained")
        axes = figure.subplots(1, len(found) + 1, squeeze=False, width_ratios=[1.0] * len(found) + [2.0])
        for axis, name in zip(axes[0], found, strict=False):
            _draw_drift(axis, name, [row for row in drift if row["network"] == name])
        _draw_width(axes[0, -1], width)
        figure.savefig(picture)
    return [picture, _write(folder / "theory_drift.csv", drift), _write(folder / "theory_width.csv", width)]


def drift_table(found: dict[str, Any]) -> list[Row]:
    """One row a network, c and bin: velocity without the part of spreading, its error, and what Langevin sampling has."""
    return [
        {"network": name, "c": fit["gain"], "radius": place, "velocity": v - spread, "error": error, "predicted": predicted}
        for name, one in found.items()
        for fit in one["drift"]["still"]["fits"]
        for place, v, spread, error, predicted in zip(
            *(fit[key] for key in ("place", "velocity", "spread_drift", "velocity_error", "predicted")), strict=True
        )
        if None not in (place, v, spread, error, predicted)
    ]


def width_table(found: dict[str, Any]) -> list[Row]:
    """One row a network and c: radial standard deviation of rest, and the exponent that is fitted over all c."""
    return [
        {"network": name, "c": c, "sd": width, "exponent": one["tempering"]["value"]}
        for name, one in found.items()
        for c, width in zip(one["tempering"]["gains"], one["tempering"]["widths"], strict=True)
    ]


def label(name: str) -> str:
    """What a panel is called: networks of seed 0 in the box were seen before the rules and do not count."""
    words = name.replace(f"{SPATIAL}_", "").replace("control_", "control: ").replace("_", " ")
    return words if name.startswith("control") or not words.endswith(" 0") else f"{words} (does not count)"


def _draw_drift(axis: Any, name: str, rows: list[Row]) -> None:
    for c, colour in zip(_SHOWN, LINES, strict=False):
        own = [row for row in rows if row["c"] == c]
        radius = [row["radius"] for row in own]
        axis.errorbar(
            radius, [1e3 * row["velocity"] for row in own], [1e3 * row["error"] for row in own],
            fmt="o", ms=3.5, lw=1, color=colour, label=f"c = {c:g}",
        )  # fmt: skip
        axis.plot(radius, [1e3 * row["predicted"] for row in own], "-", lw=1, color=colour, alpha=0.7)
    axis.axhline(0, color="0.7", lw=0.6, zorder=0)
    axis.set(xlabel="radius [m]", ylabel="radial drift [mm per step]", xlim=(0, 0.75), ylim=(-1.6, 1.6))
    axis.set_title(label(name))
    axis.legend(fontsize=6, title="points: measured\nlines: Langevin", title_fontsize=6)


def _draw_width(axis: Any, rows: list[Row]) -> None:
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name]
        shown = f"{label(name)}: {own[0]['exponent']:.2f}"
        axis.loglog([row["c"] for row in own], [row["sd"] for row in own], "o-", ms=3.5, lw=1, label=shown)
    low, high = (pick(row["c"] for row in rows) for pick in (min, max))
    middle = math.exp(sum(math.log(row["sd"]) for row in rows) / len(rows))
    for slope, dash in ((0.5, "--"), (0.0, ":")):
        ends = [middle * (c / math.sqrt(low * high)) ** slope for c in (low, high)]
        axis.loglog([low, high], ends, dash, color="0.5", lw=1, label=f"slope {slope:g}")
    gains, sds = sorted({row["c"] for row in rows}), (0.02, 0.05, 0.1, 0.2, 0.5)
    axis.set_xticks(gains, [f"{c:g}" for c in gains], minor=False)
    axis.set_yticks(sds, [f"{sd:g}" for sd in sds], minor=False)
    axis.minorticks_off()
    axis.set(xlabel="gain c of the noise variance", ylabel="radial sd of rest [m]", title="width of rest, with exponents")
    axis.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5))


def _write(file: Path, rows: list[Row]) -> Path:
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file
