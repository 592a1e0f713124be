"""What the study of the mechanism tells: a page, verdicts first, figures with their tables, and the verdicts as JSON."""

from collections.abc import Callable, Mapping, Sequence
import csv
import html
import io
import math
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from paper.claims.mechanism import Judged, judge_mechanism, pull_of
from paper.claims.theory import JUDGED
from paper.panels import theory as tables
from paper.panels import theory_drawing as drawing
from paper.protocols import HEAD, SPATIAL
from paper.report.parts import document, image, table_html
from paper.tables import Table
from paper.theory import show
from reactivation.analysis.mechanism import measure
from reactivation.analysis.results import LEVEL, confidence_interval
from reactivation.machine.errors import DamagedData
from reactivation.storage.files import make_folder, to_json, write_together

_ABSENT = "–"
_INTERVAL = f"[{LEVEL:.0%} interval]"


class Figure(NamedTuple):
    """A figure of the page: what draws it, from which tables, and its words."""

    key: str
    title: str
    caption: str
    draw: Callable[..., None]
    tables: tuple[str, ...]
    size: tuple[float, float]  # [inches]


TABLES: Mapping[str, Callable[[str], list[tables.Row]]] = {
    "drift": tables.drift_table,
    "width": lambda path: tables.width_table(path, SPATIAL),
    "inputs": tables.inputs_table,
    "kappa": lambda path: tables.width_table(path, HEAD),
    "training": tables.training_table,
    "score": tables.score_table,
    "relaxation": tables.relaxation_table,
    "bound": tables.bound_table,
}
FIGURES = (
    Figure(
        "drift",
        "Do networks at rest move along the slope of their waking density?",
        "Networks trained on walks that keep to a ring around the middle of a box, at rest. Each panel: how fast the "
        "reported position moves outwards, against where it is (points: mean over the networks that are there of those "
        "planned, with standard errors over networks, or over pairs of trajectories where there is one), at c times the"
        " noise variance of waking. What the geometry of diffusion alone adds is taken off. Lines: what Langevin "
        "sampling of the network's own waking density would do (Eq. 19), with the diffusion that it has; on them α = 1,"
        " on the zero line α = 0. First the controls, whose answers are known by construction. Networks named unbiased "
        "know of no ring; their points say what structure alone does. Last panel: standard deviation of the radius in "
        "the last half of 4,000 steps of rest; Langevin sampling has slope ½ (dashed), rest that is indifferent to the "
        "noise 0 (dotted).",
        drawing.draw_drift,
        ("drift", "width"),
        (10, 7.5),
    ),
    Figure(
        "inputs",
        "A prior that rest shows, or one that only inputs show?",
        "Networks that follow bearings which are drawn home (stationary density ∝ exp(8 cos(s − h))). Left: the pull "
        "home, as a multiple α of that of Langevin sampling, at rest without input (still), under Brownian inputs of "
        "the task's size that carry no news of the bearing, and under the task's own inputs, whose sum is taken off; a "
        "dot is a network, with the standard error over pairs of trajectories. Open dots: networks trained on bearings "
        "that nothing draws, asked for the same home; what they scatter by is what no prior gives. Middle: the same "
        "against the size of the Brownian inputs, a line a network. Right: concentration κ of rest against the gain c "
        "of the noise variance, a line a network; Langevin sampling has κ ∝ 1/c (dashed), rest that is indifferent to "
        "the noise slope 0 (dotted).",
        drawing.draw_inputs,
        ("inputs", "kappa"),
        (11, 4.2),
    ),
    Figure(
        "training",
        "When in training does the pull appear, and under which noise?",
        "α at rest without noise, over that of the analytic Langevin network (1: as Langevin sampling; 0: none), at "
        "checkpoints along training, against the waking density of the last. Mean and standard error over the networks "
        "that are there. Left: GRUs on the ring in the box, by the noise of their training. Right: bearings; undrawn "
        "networks know of no home.",
        drawing.draw_training,
        ("training",),
        (9, 3.6),
    ),
    Figure(
        "score",
        "Why alignment of drift with the score of a network's own activity is no evidence",
        "The slope of the drift of one step on σ²Δt times the score of a normal density around the network's own resting "
        "cloud, mean over units, against (1 + ⟨d²⟩/σ²Δt)/2, which follows from stationarity alone (dotted). Circles: "
        "networks and controls as they are; crosses: the same networks before training, and with their recurrent weights "
        "shuffled. What has learned nothing lies on the dotted line, at ½ and a little more: such a slope says nothing of "
        "what was learned. Below the line a cloud still grows.",
        drawing.draw_score,
        ("score",),
        (7, 3.6),
    ),
    Figure(
        "relaxation",
        "Does rest forget where it began?",
        "Rest of 20,000 steps with doubled noise from where the task starts, mean over 100 trajectories and over the "
        "networks that are there. Top: correlation over trajectories of where they are with where they began. Bottom: "
        "mean norm of the rates, over that at the start. Dotted verticals: the 200 and 1,000 steps of the paper's "
        "rests. Where the top is far from 0 there, distributions of rest tell of their starts.",
        drawing.draw_relaxation,
        ("relaxation",),
        (8, 5.2),
    ),
)


def reproduce(path: str, seeds: Sequence[int] | None, dry_run: bool) -> list[Path]:
    """Show what is measured, what will be, and what is lacking; then measure, draw and judge. Returns the files.

    Raises:
        BadInput, DamagedData, StorageError: as `output_theory.py`.
    """
    for part in show(path, seeds):
        if not (dry_run or part.is_done or part.lacking):
            print(f"theory {part.name} ...", flush=True)
            measure(part.settings, part.found)
    if dry_run:
        return []
    files = write(path)
    print(*files, sep="\n")
    return files


def write(path: str) -> list[Path]:
    """Write the page, figures, tables and verdicts of what is measured below a root of results; returns the files.

    Raises:
        DamagedData: nothing is measured there.
        StorageError: they cannot be written.
    """
    found = {name: gather(path) for name, gather in TABLES.items()}
    if not any(found.values()):
        raise DamagedData(f"{path}/theory: nothing is measured; python output_theory.py measures a network")
    judged = judge_mechanism(path)
    root, folder = Path(path), Path(path) / "figures"
    pictures = {figure.key: _picture(figure, found) for figure in FIGURES if all(found[name] for name in figure.tables)}
    files = {folder / f"theory_{key}.png": picture for key, picture in pictures.items()}
    files |= {folder / f"theory_{name}.csv": _csv(rows) for name, rows in found.items() if rows}
    files |= {
        root / "theory_claims.json": to_json([_plain(one) for one in judged]),
        root / "report_theory.html": _page(judged, pictures, found["bound"]).encode(),
    }
    make_folder(folder)
    write_together(files)
    print(verdict_table(judged).text())
    return list(files)


def verdict_table(judged: Sequence[Judged]) -> Table:
    """The mechanism of each family."""
    rows = [
        [
            one.family,
            one.ruling.verdict,
            f"{len(one.networks)} of {one.planned}",
            *(_told(pull_of(one, c)) for c in JUDGED),
            _told([network.exponent for network in one.networks]),
            _told([network.brownian for network in one.networks]),
            one.ruling.reason,
        ]
        for one in judged
        if one.question == "mechanism"
    ]
    pulls = [f"α over the control's at c = {c:g} {_INTERVAL}" for c in JUDGED]
    return Table(["family", "mechanism", "networks", *pulls, f"exponent {_INTERVAL}", "α, Brownian inputs", "reason"], rows)


def questions_table(judged: Sequence[Judged]) -> Table:
    """What else is asked of each family."""
    rows = [
        [one.question, one.family, one.ruling.verdict, f"{len(one.networks)} of {one.planned}", one.ruling.reason]
        for one in judged
        if one.question != "mechanism"
    ]
    return Table(["question", "family", "answer", "networks", "reason"], sorted(rows, key=lambda row: row[0]))


def bounds_table(rows: Sequence[tables.Row]) -> Table:
    """Means over the networks of a family, at each Δt: the loss, its bounds, how often each step of the derivation holds."""
    keys = ("loss", "split", "approximated", "l3", "upper")
    shares = ("split_holds", "approximated_holds", "l3_holds", "upper_holds", "loss_below_upper")
    told = []
    for family, dt in dict.fromkeys((row["family"], row["dt"]) for row in rows):
        own = [row for row in rows if (row["family"], row["dt"]) == (family, dt)]
        means = {key: mean(row[key] for row in own) for key in (*keys, *shares)}
        told.append([family, f"{dt:g}", *(f"{means[key]:.3g}" for key in keys), *(f"{means[key]:.0%}" for key in shares)])
    header = ["network", "Δt [s]", "L (3)", "L₂ (9)", "L₂ (11)", "L₃ (12)", "L_upper (13)"]
    return Table([*header, "7 ≤ 9", "9 ≤ 11", "11 ≤ 12", "12 ≤ 13", "3 ≤ 13"], told)


def _told(values: Sequence[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return _ABSENT
    interval = confidence_interval(known)
    bounds = "" if interval is None else f" [{interval[0]:.2g}, {interval[1]:.2g}]"
    return f"{sum(known) / len(known):.2g}{bounds}"


def _plain(judged: Judged) -> dict[str, Any]:
    return {
        "family": judged.family,
        "question": judged.question,
        "verdict": judged.ruling.verdict,
        "reason": judged.ruling.reason,
        "networks": [one.seed for one in judged.networks],
        "planned": judged.planned,
    }


def _picture(figure: Figure, found: Mapping[str, list[tables.Row]]) -> bytes:
    from matplotlib.figure import Figure as Canvas

    from reactivation.plotting.style import style

    with style():
        canvas = Canvas(figsize=figure.size, layout="constrained")
        figure.draw(canvas, *(found[name] for name in figure.tables))
        drawn = io.BytesIO()
        canvas.savefig(drawn, format="png", metadata={"Software": None})
    return drawn.getvalue()


def _csv(rows: Sequence[tables.Row]) -> bytes:
    target = io.StringIO()
    writer = csv.DictWriter(target, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()


def _page(judged: Sequence[Judged], pictures: Mapping[str, bytes], bounds: Sequence[tables.Row]) -> str:
    title = "Is it Langevin sampling?"
    shown = []
    for figure in FIGURES:
        caption = f"<figcaption><b>{html.escape(figure.title)}</b> {html.escape(figure.caption)}</figcaption>"
        if figure.key in pictures:
            shown.append(f"<figure>{image(figure.title, pictures[figure.key])}{caption}</figure>")
        else:
            shown.append(f"<figure><p>Nothing is measured for it yet.</p>{caption}</figure>")
    body = "\n".join(
        [
            f"<h1>{title}</h1>",
            "<p>The theory says that noisy networks at rest move along σ² d/dr log p of their waking states (Eqs. 16–19). "
            "Each family of networks is judged by rules that were committed before any of its networks was measured "
            "(docs/theory.md); nothing is said where a control with a known answer fails in the same run.</p>",
            "<h2>Verdicts</h2>",
            table_html(verdict_table(judged)),
            "<h2>Questions</h2>",
            "<p>Of families of which a network is measured.</p>",
            table_html(questions_table([one for one in judged if one.networks])),
            "<h2>Figures</h2>",
            *shown,
            "<h2>The loss and its bounds</h2>",
            "<p>Means over states of waking; last, at how many of them each step of the derivation holds.</p>",
            table_html(bounds_table(bounds)),
        ]
    )
    return document(title, body)
