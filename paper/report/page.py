"""The page of the report: verdicts first, then figures, claims, networks, and the meaning of the words.

A claim has an address, `#claim-<key>`, and links to its figures; a figure, `#fig-<key>`, lists its claims. Without
JavaScript, only the filter is missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import html
from pathlib import Path
import re

from paper.claims import CLAIMS
from paper.claims.verdicts import FAILS, FEWEST_SEEDS, HOLDS, NOT_ASKED, UNDECIDED, Claim, Verdict, judge_all
from paper.figures import FIGURES, name_of, shows_its_numbers
from paper.pictures import picture
from paper.protocols import NETWORKS
from paper.report.parts import CLASSES, cell, document, folded, image, table_html
from paper.study import Study
from paper.tables import (
    NOT_RUN,
    TABLES,
    any_measured,
    claim_cells,
    networks_table,
    reached,
    released_verdicts,
    seeds_table,
    tally,
    whose,
    with_its_mean,
)
from reactivation.analysis.results import LEVEL
from reactivation.storage.files import make_folder, require_place, to_json, write_together

TITLE = "Offline reactivation in noisy recurrent networks: a reproduction"
_SECTIONS = {
    "verdicts": "Verdicts",
    "figures": "Figures",
    "claims": "Claims",
    "networks": "Networks",
    "meaning": "What words mean",
    "switches": "What switches change",
}
_FIGURE = re.compile(r"(C\.\d|\d)[^,]*")  # "C.5b" and "C.3e", each with its letters
NOT_DRAWN = "Not drawn yet."  # in place of a missing picture
_ONLY_IN_FULL = ("meaning", "switches")

_HOW_TO_READ = (
    f"<p>A seed is the unit of inference. Intervals are {LEVEL:.0%} confidence intervals of the mean over seeds "
    "(Student's t); a single seed has none. A claim <i>holds</i> if its interval lies in the range, <i>does not "
    f"hold</i> if it lies outside, and is <i>undecided</i> otherwise, as always with fewer than {FEWEST_SEEDS} seeds; "
    "<i>so far</i> then says where the mean lies. <i>About n seeds would decide</i> supposes that they have the mean "
    "and the standard deviation of the present ones. Seeds that had been measured before a rule was written do not "
    "count; their numbers were <i>known before</i>. <i>At the upper limit</i> are seeds whose measure could not "
    "have come out larger, though their true numbers may be. A claim that compares two rests <i>cannot be asked</i> "
    "of networks for which both are one rest. <i>Ours</i> are claims that the paper does not make: checks, "
    "conditions of which it shows less, and questions that came up. docs/claims.md tells what was known when the rules "
    "were written, and what to bear in mind.</p>"
)

_MECHANISM = (
    '<h3>The mechanism</h3>\n<p>These claims are about consequences. <a href="report_theory.html">Another page</a> asks '
    "whether networks at rest move along the slope of their waking density at all; "
    "<code>python reproduce.py profile=paper only=theory</code> writes it.</p>"
)
SMALL = "quick"  # the profile of small networks
_OF_SMALL = (
    "<p>Captions count trajectories as of the paper's networks; of these small ones there are fewer where "
    "<code>configs/preset/quick.yml</code> says so.</p>"
)
RELEASED = "released"  # the profile of networks trained as the released code trains them
_SAYS, _TEXT, _CODE = "the paper says", "its text gives", "its code gives"  # columns

Verdicts = Mapping[str, Verdict | None]


@dataclass(frozen=True)
class Report:
    """The contents of the page."""

    study: Study
    profile: str
    figures: Path  # folder with the drawn figures; missing ones are named
    verdicts: Verdicts
    released: Verdicts  # on the same claims about networks of the released code

    @property
    def is_full(self) -> bool:
        """Whether this is the report of the paper's networks; those of other profiles are short."""
        return self.profile == "paper"

    @property
    def has_both(self) -> bool:
        """Whether verdicts about the released code stand beside those about the text."""
        return any_measured(self.released)

    def table(self, name: str) -> str:
        """Return a table of the study as HTML."""
        return table_html(TABLES[name](self.study))


def write_report(study: Study, profile: str, figures: Path, page: Path, verdicts: Path) -> None:
    """Write the page, and the verdicts as JSON beside it.

    Raises:
        StorageError: the files cannot be written.
    """
    require_place(page.parent)
    found = judge_all(CLAIMS, study)
    told = to_json({key: verdict and verdict.plain() for key, verdict in found.items()})
    text = html_of(Report(study, profile, figures, found, released_verdicts(study))).encode()
    make_folder(page.parent)
    write_together({verdicts: told, page: text})


def html_of(report: Report) -> str:
    """Return the whole page."""
    parts = {
        "verdicts": _verdicts,
        "figures": _figures,
        "claims": _claims,
        "networks": _networks,
        "meaning": _meaning,
        "switches": _switches,
    }
    shown = [name for name in _SECTIONS if report.is_full or name not in _ONLY_IN_FULL]
    links = " ".join(f'<a href="#{name}">{_SECTIONS[name]}</a>' for name in shown)
    body = "\n".join(
        f'<section id="{name}">\n<h2>{_SECTIONS[name]}</h2>\n{parts[name](report)}\n</section>' for name in shown
    )
    contents = (
        f'<a class="skip" href="#verdicts">Skip to the verdicts</a>\n{_opening(report)}\n'
        f'<nav aria-label="Contents">{links}</nav>\n<main>\n{body}\n</main>'
    )
    return document(TITLE, contents, script=True)


def figures_of(claim: Claim) -> tuple[str, ...]:
    """Return the keys of the figures that a claim is about: ("C3", "C4") for "C.3e, C.4a", none for a dash."""
    return tuple(dict.fromkeys(found.replace(".", "") for found in _FIGURE.findall(claim.figure)))


def _opening(report: Report) -> str:
    return (
        f"<header><h1>{TITLE}</h1>\n<p>Krishna, Bredenberg, Levenstein, Richards and Lajoie, <i>Sufficient conditions for "
        "offline reactivation in recurrent neural networks</i> (ICLR 2024). "
        f"Profile <b>{report.profile}</b>. {html.escape(tally(report.verdicts))}</p></header>"
    )


def _verdicts(report: Report) -> str:
    def listed(wanted: str, ours: bool | None = None) -> str:
        return _listed(_with(report.verdicts, wanted, ours), report.verdicts)

    return "\n".join(
        (
            _counts(report.verdicts),
            f"<h3>What does not hold of the paper</h3>\n{listed(FAILS, ours=False)}",
            *([_both(report), _MECHANISM] if report.is_full else []),
            folded("What does not hold of ours", listed(FAILS, ours=True)),
            folded("What is undecided, and how many seeds would decide it", listed(UNDECIDED)),
            _HOW_TO_READ,
        )
    )


def _counts(verdicts: Verdicts) -> str:
    """Return how many claims have each verdict; a click on a count shows its claims."""
    shown = {verdict: name for verdict, name in CLASSES.items() if _with(verdicts, verdict)}
    head = "".join(f'<th scope="col">{verdict}</th>' for verdict in shown)
    rows = []
    for word, words in (("paper", "of the paper"), ("ours", "ours")):
        cells = [f'<th scope="row">{words}</th>']
        for verdict, name in shown.items():
            link = f'<a href="#claims" data-verdict="{name}" data-whose="{word}">'
            cells.append(f'<td class="{name}">{link}{len(_with(verdicts, verdict, word == "ours"))}</a></td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<table class="counts"><thead><tr><th scope="col">claims</th>{head}</tr></thead>\n'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _both(report: Report) -> str:
    """The paper's claims, beside the verdicts on networks of its text and of its released code."""
    if not report.has_both:
        return (
            "<p>All this is of networks that follow the paper's text. None is trained as its released code trains them: "
            f"<code>python reproduce.py profile={RELEASED}</code> does so.</p>"
        )
    rows = "\n".join(
        f"<tr>{cell(_SAYS, '', _link(claim))}{cell(_TEXT, with_its_mean(claim, report.verdicts[claim.key]))}"
        f"{_of_code(claim, report)}</tr>"
        for claim in _in_order(report)
        if not claim.ours
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in (_SAYS, _TEXT, _CODE))
    decided = [claim for claim in _in_order(report) if _verdicts_of_both(claim, report) <= {HOLDS, FAILS}]
    differing = [claim for claim in decided if _differ(claim, report)]
    return "\n".join(
        (
            "<h3>What the paper says, what its text gives, what its code gives</h3>",
            "<p>The last column is of networks that are trained and rest as the released code has it: under uniform noise "
            "with a mean, which pushes, and with its other differences from the text. Fewer than three seeds decide "
            "nothing; <i>so far</i> says on which side of a claim's range their mean lies. Each row leads to its claim, "
            f"with the range.</p>\n<p>Networks of the released code: {html.escape(tally(report.released))} Of "
            f"{len(decided)} claims that are decided for both, text and code differ on {len(differing)}"
            f"{': ' if differing else '.'}{'; '.join(map(_link, differing))}</p>",
            f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>',
        )
    )


def _of_code(claim: Claim, report: Report) -> str:
    return cell(_CODE, with_its_mean(claim, report.released[claim.key]))


def _differ(claim: Claim, report: Report) -> bool:
    """Whether both verdicts, about text and code, are decided, and differ."""
    return _verdicts_of_both(claim, report) == {HOLDS, FAILS}


def _verdicts_of_both(claim: Claim, report: Report) -> set[str]:
    """The verdicts about text and code: one where they agree."""
    return {reached(report.verdicts[claim.key]), reached(report.released[claim.key])}


def _with(verdicts: Verdicts, wanted: str, ours: bool | None = None) -> list[Claim]:
    return [claim for claim in CLAIMS if ours in (None, claim.ours) and reached(verdicts[claim.key]) == wanted]


def _listed(claims: Iterable[Claim], verdicts: Verdicts) -> str:
    lines = [f"<li>{_told(claim, verdicts[claim.key])}</li>" for claim in claims]
    return f'<ul class="told">{"".join(lines)}</ul>' if lines else "<p>None.</p>"


def _told(claim: Claim, verdict: Verdict | None) -> str:
    """A claim with its verdict and number, linked to its row."""
    cells = claim_cells(claim, verdict)
    mark = f'<span class="{CLASSES[reached(verdict)]}">{html.escape(cells["verdict"])}</span>'
    return f"{mark} {_link(claim)}: {html.escape(cells['mean'])}, against {html.escape(cells['range'])}"


def _link(claim: Claim) -> str:
    return f'<a href="#claim-{claim.key}">{html.escape(claim.sentence.removesuffix("."))}</a>'


def _figures(report: Report) -> str:
    before = [_OF_SMALL] if report.profile == SMALL else []
    return "\n".join([*before, *(_figure(key, report) for key in FIGURES)])


def _figure(key: str, report: Report) -> str:
    figure, file = FIGURES[key], picture(report.figures, key)
    heading = html.escape(f"Figure {name_of(key)}. {figure.title}.")
    told = [f"<figcaption><b>{heading}</b> {html.escape(figure.caption)}</figcaption>", *_claims_of(key, report.verdicts)]
    if not file.exists():
        return f'<figure id="fig-{key}"><p>{NOT_DRAWN}</p>{"".join(told)}</figure>'
    if not shows_its_numbers(report.figures, key):
        told.insert(0, "<p><b>Drawn from other numbers than those beside it: draw it anew.</b></p>")
    return f'<figure id="fig-{key}">{image(figure.title, file.read_bytes())}{"".join(told)}</figure>'


def _claims_of(key: str, verdicts: Verdicts) -> Iterator[str]:
    claims = [claim for claim in CLAIMS if key in figures_of(claim)]
    if claims:
        counted = [sum(reached(verdicts[claim.key]) == verdict for claim in claims) for verdict in CLASSES]
        told = ", ".join(f"{verdict} {n}" for verdict, n in zip(CLASSES, counted, strict=True) if n)
        yield folded(f"Claims about this figure: {told}", _listed(claims, verdicts))


def _claims(report: Report) -> str:
    rows = "\n".join(_claim(claim, report) for claim in _in_order(report))
    names = ("verdict", "claim", "figure", "range", "mean", "seeds", *([_CODE] if report.has_both else []))
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    choices = "".join(f'<option value="{name}">{verdict}</option>' for verdict, name in CLASSES.items())
    return (
        '<form class="filter" hidden role="search" aria-label="Filter the claims">'
        f'<label>verdict <select name="verdict"><option value="">all</option>{choices}</select></label> '
        '<label>whose <select name="whose"><option value="">all</option><option>paper</option><option>ours</option></select>'
        '</label> <label>words <input name="words" type="search"></label> <button type="button">all</button> '
        '<output aria-live="polite"></output></form>\n'
        f'<table class="claims"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    )


def _in_order(report: Report) -> list[Claim]:
    """Claims that fail, then those on which text and code differ, then the undecided, then the rest; the paper's first."""
    order = (FAILS, UNDECIDED, HOLDS, NOT_ASKED, NOT_RUN)

    def place(claim: Claim) -> tuple[bool, bool, int, bool]:
        found = reached(report.verdicts[claim.key])
        return found != FAILS, not _differ(claim, report), order.index(found), claim.ours

    return sorted(CLAIMS, key=place)


def _claim(claim: Claim, report: Report) -> str:
    verdict = report.verdicts[claim.key]
    cells, address = claim_cells(claim, verdict), f"claim-{claim.key}"
    how = f"{claim.measure}; from {', '.join(claim.protocols)}; {whose(claim)}"
    sentence = (
        f'{html.escape(claim.sentence)} <a class="address" href="#{address}" aria-label="Address of this claim">#</a>'
        f"{folded('how it is measured', html.escape(how))}"
    )
    where = _FIGURE.sub(lambda found: f'<a href="#fig-{found[1].replace(".", "")}">{found[0]}</a>', claim.figure)
    marks = f'id="{address}" data-verdict="{CLASSES[reached(verdict)]}" data-whose="{whose(claim)}"'
    return (
        f"<tr {marks}>{cell('verdict', cells['verdict'])}{cell('claim', '', sentence)}{cell('figure', '', where)}"
        f"{cell('range', cells['range'])}{cell('mean', cells['mean'])}{cell('seeds', cells['seeds'])}"
        f"{_of_code(claim, report) if report.has_both else ''}</tr>"
    )


def _networks(report: Report) -> str:
    return "\n".join(
        [
            *(f"<h3>{html.escape(task)}</h3>\n{report.table(f'networks {task}')}" for task in NETWORKS),
            folded("Which are trained", report.table("seeds")),
            *([_networks_of_code(report)] if report.has_both else []),
        ]
    )


def _networks_of_code(report: Report) -> str:
    released = report.study.of_released_code
    trained = [task for task, runs in NETWORKS.items() if any(released.trained_seeds(task, run) for run in runs)]
    tables = [f"<h4>{html.escape(task)}</h4>\n{table_html(networks_table(task, released))}" for task in trained]
    return folded("Networks of the released code", "\n".join([*tables, table_html(seeds_table(released))]))


def _meaning(report: Report) -> str:
    return "\n".join(
        (
            folded("What the words of claims are taken to mean", report.table("words")),
            folded(
                "Activity at rest, wherever it was measured",
                "<p>Smallest to largest over seeds; docs/claims.md tells what to see in it.</p>\n"
                + report.table("activity"),
            ),
            folded("Protocols", report.table("protocols")),
        )
    )


def _switches(report: Report) -> str:
    return (
        "<p>Claims for the same seeds with one setting different; a setting of training has networks of its own. Rows are "
        "those of docs/differences.md. Which means they move out of their claims' ranges, or into them:</p>\n"
        + report.table("crossings")
        + folded("All numbers", report.table("effects"))
    )
