"""The report of the study of the mechanism: a page with verdicts, figures and their tables, and the verdicts as JSON."""

from collections.abc import Mapping, Sequence
import csv
import html
import io
from pathlib import Path
from typing import Any

from paper import gain
from paper import theory_tables as told
from paper.claims.mechanism import Judged, judge_mechanism
from paper.panels.gain import CAPTION as GAIN_CAPTION
from paper.panels.theory import Row
from paper.protocols import HEAD, SPATIAL
from paper.report.parts import document, folded, image, table_html
from paper.theory import SEEDS, Part, parts, show
from paper.theory_figures import FIGURES, TABLES, Figure, picture
from reactivation.analysis.mechanism import measure
from reactivation.analysis.results import LEVEL, half_width
from reactivation.machine.errors import DamagedData
from reactivation.storage.files import make_folder, to_json, write_together

PAGE = "report_theory.html"
TITLE = "Is it Langevin sampling?"
_OLDER = "results that were made before these were measured have none."
_RULES = '<a href="../docs/theory.md">docs/theory.md</a>'
_DOUBTS = (
    "<i>Structured attractor</i> is what is left when the others are broken, and one network that misses a condition by a "
    "hair breaks one. In the box, where α under Brownian inputs is not measured, <i>input-gated prior</i> is broken for "
    "want of a number, so that <i>structured attractor</i> excludes only two. <i>Input-gated prior</i> asks that no pull be "
    f"shown at c = 0, not that there be none. On neither should anything be built: {_RULES} says under <i>So far</i> what "
    "speaks against each."
)


def reproduce(path: str, seeds: Sequence[int] | None, dry_run: bool) -> list[Path]:
    """Print what is measured, what will be measured, and what is missing; then measure, draw and judge. Returns the files.

    Raises:
        BadInput, DamagedData, StorageError: as `output_theory.py`.
    """
    for part in sorted(show(path, seeds), key=lambda part: part.found is not None):  # incomplete results come last
        if not (dry_run or part.is_done or part.lacking):
            print(f"theory {part.name} ...", flush=True)
            measure(part.settings, part.found)
    if dry_run:
        return []
    files = write(path)
    print(*files, sep="\n")
    return files


def write(path: str) -> list[Path]:
    """Write the page, figures, tables and verdicts of the measurements below a root of results; returns the files.

    Raises:
        DamagedData: nothing is measured there.
        StorageError: the files cannot be written.
    """
    found = {name: gather(path) for name, gather in TABLES.items()}
    if not any(found.values()):
        raise DamagedData(f"{path}/theory: nothing is measured; python output_theory.py measures a network")
    judged, planned = judge_mechanism(path), list(parts(path))
    root, folder = Path(path), Path(path) / "figures"
    pictures = {figure.key: picture(figure, found) for figure in FIGURES if all(found[name] for name in figure.tables)}
    files = {folder / f"theory_{key}.png": drawn for key, drawn in pictures.items()}
    files |= {folder / f"theory_{name}.csv": _csv(rows) for name, rows in found.items() if rows}
    files |= {
        root / "theory_claims.json": to_json([_plain(one) for one in judged]),
        root / PAGE: _page(path, judged, planned, pictures, found).encode(),
    }
    make_folder(folder)
    write_together(files)
    print(told.verdicts(judged, planned).text())
    return list(files)


def _plain(judged: Judged) -> dict[str, Any]:
    return {
        "family": judged.family,
        "question": judged.question,
        "verdict": judged.ruling.verdict,
        "reason": judged.ruling.reason,
        "networks": [one.seed for one in judged.networks],
        "unlearned": judged.unlearned,
        "planned": judged.planned,
    }


def _csv(rows: Sequence[Row]) -> bytes:
    target = io.StringIO()
    writer = csv.DictWriter(target, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()


def _page(
    path: str,
    judged: Sequence[Judged],
    planned: Sequence[Part],
    pictures: Mapping[str, bytes],
    found: Mapping[str, Sequence[Row]],
) -> str:
    body = [
        f"<h1>{TITLE}</h1>",
        "<p>The theory says that noisy networks at rest move along σ² d/dr log p of their waking states (Eqs. 16–19). "
        "Each family of networks is judged by rules that were committed before any of its networks was measured, with the "
        f"changes that {_RULES} lists; nothing is said where a control with a known answer fails in the same run.</p>",
        "<h2>Verdicts</h2>",
        "<p>The noise variance of rest is c times that of waking. α is the pull of rest along the gradient of the waking "
        "density over that of Langevin sampling: 1 for sampling, 0 for none. The exponent says how the radial width of rest "
        "in the box, and its concentration κ on the circle, follow c: ½ and −1 for sampling, 0 for a flat attractor. "
        "<i>Drawn</i> networks learned bearings that are drawn home; Brownian inputs are random movements without a "
        "home.</p>",
        table_html(told.verdicts(judged, planned)),
        f"<p>{_DOUBTS}</p>",
        *_lacking(planned),
        "<h2>Questions</h2>",
        "<p>Of families of which a network is measured.</p>",
        table_html(told.questions(judged)),
        "<h2>What so few networks can see, and what could be wrong by chance</h2>",
        f"<p>{_sight()} How often made-up families are called what they are, stands in {_RULES}, as it did before any "
        "network was measured. Were every truth at the very end of its range, one verdict in forty would be wrong:</p>",
        table_html(told.chance(judged)),
        "<h2>Figures</h2>",
        *(_shown(figure, pictures) for figure in FIGURES),
        *_gain(Path(path)),
        *_against(found),
        "<h2>Rest of 20,000 steps</h2>",
        "<p>Doubled noise, from where the task starts. Scale symmetry: the greatest distance of positions at rest from "
        "those from twice the state under four times the noise variance; 0 where c cannot matter. Standard errors are over "
        f"trajectories; {_OLDER}</p>",
        table_html(told.rests(found["rest"])),
        "<h2>The loss and its bounds</h2>",
        "<p>Means over states of waking; last, at how many of them each step of the derivation holds. Standard errors are "
        f"over networks where there are several, and of one network over its trajectories; {_OLDER}</p>",
        table_html(told.bounds(found["bound"])),
        "<p>What the derivation takes for granted: r = D†f(s), where D is the readout, up to one step of noise, which has "
        "0, 1 and 1 in the first three columns, and stationary inputs, which have nothing but chance in the last but "
        "one.</p>",
        table_html(told.assumptions(found["assumptions"])),
        "<p>What else hangs on choices: the lag and the part of rest in which a direction in time is looked for, the steps "
        "without noise after a kick, the singular values of the readout D that are left out.</p>",
        table_html(told.choices(found["choices"])) if found["choices"] else f"<p>Nothing yet: {_OLDER}</p>",
    ]
    return document(TITLE, "\n".join(body))


def _lacking(planned: Sequence[Part]) -> list[str]:
    """The networks that are not trained yet, and the commands that train them."""
    table = told.lacking(planned)
    if not table.rows:
        return ["<p>Every network of the plan is trained.</p>"]
    words = f"{len(table.rows)} networks of the plan are not trained; what trains each"
    return [folded(words, table_html(table))]


def _sight() -> str:
    """A sentence on the effects that the planned networks can show."""
    each = " and ".join(
        f"{half_width(1, len(SEEDS[task])):.2f} standard deviations with {len(SEEDS[task])} networks ({where})"
        for task, where in ((SPATIAL, "box"), (HEAD, "circle"))
    )
    return f"A {LEVEL:.0%} interval of a mean reaches {each} either way."


def _shown(figure: Figure, pictures: Mapping[str, bytes]) -> str:
    caption = f"<figcaption><b>{html.escape(figure.title)}</b> {html.escape(figure.caption)}</figcaption>"
    if figure.key not in pictures:
        return f"<figure><p>Nothing is measured for it yet.</p>{caption}</figure>"
    return f"<figure>{image(figure.title, pictures[figure.key])}{caption}</figure>"


def _gain(root: Path) -> list[str]:
    """The section on the gain at which rest matches waking, once `paper.gain` has drawn its figure."""
    drawn = gain.figure_file(root)
    if not drawn.exists():
        return []
    caption = f"<figcaption>{html.escape(GAIN_CAPTION)}</figcaption>"
    return [
        "<h2>Where does rest match waking?</h2>",
        f"<p>Eq. 19 says at c = 2. By rules of their own ({_RULES}), of families of which a network is measured:</p>",
        table_html(gain.verdicts_drawn(str(root))),
        f"<figure>{image('Rest against waking, by the gain of the noise', drawn.read_bytes())}{caption}</figure>",
    ]


def _against(found: Mapping[str, Sequence[Row]]) -> list[str]:
    """The section on how α depends on choices of the analysis, on the metric, and on learning."""
    return [
        "<h2>What could be said against α</h2>",
        "<p>It hangs on choices: the kernel of the waking density (on a circle there is none), the steps over which pairs "
        "are followed, the decoder. Last, the share of the drift that α times the prediction misses (0: none). Means over "
        "networks.</p>",
        table_html(told.sensitivity(found["sensitivity"])),
        "<p>The metric of the manifold has a part in it: the term (1 − 2/c) D d/ds log √det g, fitted as α is. It belongs "
        "to Langevin sampling, and is not taken off.</p>",
        table_html(told.metric(found["metric"])),
        "<p>Networks that have learned nothing may have one: the same networks before training, and with shuffled weights; "
        "of fewer trajectories and steps, each against the density that it reports awake.</p>",
        table_html(told.nulls(found["nulls"])),
    ]
