"""Where the results are told: the report, one page that opens from a file, offline; and the numbers in documents.

A document's numbers stand in blocks between two comments, made from the results and never typed by hand:

<!-- made from results: claims -->
...
<!-- end -->
"""

import base64
import html
import math
from pathlib import Path
import re
from typing import Any

from paper.claims import CLAIMS
from paper.claims.verdicts import FEWEST_SEEDS, Verdict, judge_all
from paper.figures import FIGURES, name_of, picture, shows_its_numbers
from paper.protocols import NETWORKS, SEEDS
from paper.study import Study
from paper.tables import TABLES, tally
from reactivation.analysis.results import LEVEL
from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED
from reactivation.storage.files import make_folder, require_place, to_json, write_together

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/claims.md", "docs/differences.md", "docs/performance.md")
_BLOCK = re.compile(r"(?P<begin><!-- made from results: (?P<name>[\w ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
NOT_DRAWN = "Not drawn yet."  # where a picture would be
_TALLY = "tally"  # the one block that is a sentence
_BLOCKS = (*TABLES, _TALLY)
STYLE = """
body { font: 16px/1.5 Arial, Helvetica, "Liberation Sans", sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
       padding: 0 1.5rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem; border-bottom: 1px solid #ddd; }
td.holds { background: #d6e9f8; font-weight: bold; } td.fails { background: #f9d9c3; font-weight: bold; }
td.undecided { background: #eee; }
figure { margin: 2rem 0; } figure img { max-width: 100%; border: 1px solid #eee; }
figcaption { font-size: 0.9rem; color: #444; max-width: 60rem; }
nav a { margin-right: 1rem; }
"""


def write_report(study: Study, profile: str, figures: Path, report: Path, verdicts: Path) -> None:
    """Write the page, and the verdicts as JSON beside it.

    Args:
        figures: folder with the drawn figures; those that are not there are named as missing.
    """
    require_place(report.parent)
    found = judge_all(CLAIMS, study)
    told = to_json({key: verdict and plain_verdict(verdict) for key, verdict in found.items()})
    page = _page(study, profile, figures, found).encode()
    make_folder(report.parent)
    write_together({verdicts: told, report: page})


def plain_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain numbers; what is not finite has no number in JSON, and is null."""

    def plain(value: float) -> float | None:
        return value if math.isfinite(value) else None

    interval = verdict.interval and tuple(map(plain, verdict.interval))
    values, known = (tuple(map(plain, numbers)) for numbers in (verdict.values, verdict.known))
    return verdict._asdict() | {"values": values, "mean": plain(verdict.mean), "interval": interval, "known": known}


def _page(study: Study, profile: str, figures: Path, verdicts: dict[str, Verdict | None]) -> str:
    def table(name: str) -> str:
        return TABLES[name](study).html()

    title = "Offline reactivation in noisy recurrent networks: a reproduction"
    sections = [
        f"<h1>{title}</h1>",
        "<nav>"
        + "".join(f'<a href="#{name}">{name}</a>' for name in ("networks", "claims", "figures", "switches"))
        + "</nav>",
        f"<p>Krishna, Bredenberg, Levenstein, Richards and Lajoie, <i>Sufficient conditions for offline reactivation in "
        f"recurrent neural networks</i> (ICLR 2024). Profile <b>{profile}</b>. {html.escape(tally(verdicts))}</p>",
        f"<p>A seed is the unit of inference. Intervals are {LEVEL:.0%} confidence intervals of the mean over seeds "
        "(Student's t); a single seed has none. docs/claims.md tells what was known when the rules were written, and what "
        "to bear in mind.</p>",
        "<p>A claim <i>holds</i> if its interval lies in the range, <i>does not hold</i> if it lies outside, and is "
        f"<i>undecided</i> otherwise, as always with fewer than {FEWEST_SEEDS} seeds; <i>so far</i> then says where the "
        "mean lies. Seeds that had been measured before a rule was written do not count; their numbers were <i>known "
        "before</i>. <i>Ours</i> are claims that the paper does not make: checks, conditions of which it shows less, and "
        "questions that came up. <i>Rows</i> are those of docs/differences.md.</p>",
        '<h2 id="networks">Networks</h2>',
        table("seeds"),
        *(f"<h3>{html.escape(task)}</h3>{table(f'networks {task}')}" for task in NETWORKS),
        '<h2 id="claims">Claims</h2>',
        table("claims"),
        "<h3>What the words are taken to mean</h3>",
        table("words"),
        "<h3>Activity at rest, wherever it was measured</h3>",
        "<p>Smallest to largest over seeds; docs/claims.md tells what to see in it.</p>",
        table("activity"),
        "<h3>Protocols</h3>",
        table("protocols"),
        '<h2 id="figures">Figures</h2>',
        *(_figure(key, figures) for key in FIGURES),
        '<h2 id="switches">What the switches change</h2>',
        "<p>Claims for the same seeds with one setting different; a setting of training has networks of its own "
        "(docs/differences.md).</p>",
        table("effects"),
    ]
    body = "\n".join(sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _figure(key: str, folder: Path) -> str:
    figure, file = FIGURES[key], picture(folder, key)
    heading = f"Figure {name_of(key)}. {figure.title}."
    caption = f"<figcaption><b>{html.escape(heading)}</b> {html.escape(figure.caption)}</figcaption>"
    if not file.exists():
        return f"<figure><p>{NOT_DRAWN}</p>{caption}</figure>"
    if not shows_its_numbers(folder, key):
        caption = f"<p><b>Drawn from other numbers than those beside it: draw it anew.</b></p>{caption}"
    image = base64.b64encode(file.read_bytes()).decode()
    shown = f'<img alt="{html.escape(figure.title)}" src="data:image/png;base64,{image}">'
    return f'<figure id="fig{key}">{shown}{caption}</figure>'


def committed() -> Study:
    """The results that are in the repository."""
    return Study(SEEDS, path=str(PUBLISHED), device="cpu", fallback=False)


def filled(text: str, study: Study) -> str:
    """A document with its blocks made anew.

    Raises:
        BadInput: a block of unknown name.
    """

    def fill(block: re.Match[str]) -> str:
        name = block["name"]
        if name not in _BLOCKS:
            raise BadInput(f"<!-- made from results: {name} -->: no such block; known: {', '.join(_BLOCKS)}")
        made = tally(judge_all(CLAIMS, study)) if name == _TALLY else TABLES[name](study).markdown()
        return f"{block['begin']}\n{made}\n\n{block['end']}"

    return _BLOCK.sub(fill, text)


def fill_documents(study: Study, root: Path = ROOT) -> None:
    """Bring every document up to date with the results."""
    pages = [root / name for name in PAGES]
    write_together({file: filled(file.read_text(encoding="utf-8"), study).encode() for file in pages})
