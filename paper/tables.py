"""The tables of the report and of the documents, made from evidence: a header, and rows of text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
import html
import math
from statistics import mean
from typing import NamedTuple

from paper.claims import CLAIMS
from paper.entries import Entry, at, growth, kl, step
from paper.evidence import Evidence
from paper.ledger import Effect, effects
from paper.protocols import ALL_PROTOCOLS, HEAD, NETWORKS, NOISELESS, PROTOCOLS, SPATIAL, VANILLA, Protocol
from paper.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    HOLDS,
    LEVEL,
    TRAINING,
    UNDECIDED,
    Claim,
    Verdict,
    confidence_interval,
    judge_all,
)
from paper.words import FEW, WORDS
from reactivation.analysis.runner import command
from reactivation.machine.errors import DamagedData
from reactivation.settings.reading import to_words

_ABSENT = "–"
NOT_RUN = "not yet run"
_INTERVAL = f"[{100 * LEVEL:.0f} % interval]"


class Table(NamedTuple):
    """Text only; numbers are formatted already."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a table of a Markdown page."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    def text(self) -> str:
        """As aligned columns of a terminal."""
        widths = [max(len(row[column]) for row in (self.header, *self.rows)) for column in range(len(self.header))]
        lines = (
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            for row in (self.header, *self.rows)
        )
        return "\n".join(line.rstrip() for line in lines)

    def html(self) -> str:
        """As a table of a web page."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        rows = ("".join(f'<td class="{_class(cell)}">{html.escape(cell)}</td>' for cell in row) for row in self.rows)
        body = "\n".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def seeds_table(evidence: Evidence) -> Table:
    """Which networks are trained."""
    rows = [
        [task, run, _seeds(evidence.trained_seeds(task, run), len(evidence.seeds))]
        for task, runs in NETWORKS.items()
        for run in runs
    ]
    return Table(["task", "network", "trained at full length"], rows)


def _seeds(seeds: Sequence[int], wanted: int) -> str:
    if not seeds:
        return "none yet"
    lacking = "" if len(seeds) == wanted else f" ({len(seeds)} of {wanted})"
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}{lacking}"


def networks_table(evidence: Evidence, task: str) -> Table:
    """What came out of a task's networks: means over the seeds at hand."""
    unit = evidence.space(task, evidence.seeds[0]).unit
    columns: dict[str, Callable[[str, int], float]] = {
        f"error [{unit}]": lambda run, seed: evidence.decoding_errors[f"{task}/{run}"][seed],
        "unexplained variance": lambda run, seed: evidence.at_the_end(task, run, seed)["fraction_unexplained"],
        "KL rest ‖ awake [nats]": lambda run, seed: kl(run, run)(evidence.result(_divergences(task, run), seed)),
        "KL random ‖ awake [nats]": lambda run, seed: kl("random", run)(evidence.result(_divergences(task, run), seed)),
        "KL uniform ‖ awake [nats]": lambda run, seed: kl("uniform", run)(evidence.result(_divergences(task, run), seed)),
    }
    if task == SPATIAL:
        columns |= {
            "variance at rest [m²]": lambda run, seed: at(run)(evidence.result("variance", seed)),
            "step awake [m]": lambda run, seed: step(run, "active")(evidence.result(_steps(run), seed)),
            "step at rest [m]": lambda run, seed: step(run, "quiescent")(evidence.result(_steps(run), seed)),
            "step at rest, noise put in [m]": lambda run, seed: (
                step(run, "quiescent_noisy")(evidence.result(_steps(run), seed)) if run in NOISELESS else math.nan
            ),
        }
    rows = []
    for run in NETWORKS[task]:
        seeds = evidence.trained_seeds(task, run)
        cells = [_over_seeds(value, run, seeds) for value in columns.values()]
        rows.append([run, str(len(seeds)), *cells])
    return Table(["network", "seeds", *columns], rows)


_ACTIVITY: dict[str, Callable[[str], Entry]] = {
    f"share in {FEW} components, awake": lambda run: at(run, "active_share"),
    "at rest": lambda run: at(run, "quiescent_share"),
    f"at rest, in {FEW} waking ones": lambda run: at(run, "quiescent_share_of_active"),
    "gap of the curves": lambda run: at(run, "largest_gap"),
    "KL rest ‖ awake in the plane [nats]": lambda run: at(run, "kl_plane"),
    "amplitude": lambda run: at(run, "amplitude"),
    "amplitude over that halfway": growth,
}
_RING: dict[str, Callable[[str], Entry]] = {
    "ring order": lambda run: at(run, "quiescent_ring_order"),
    "ring hole": lambda run: at(run, "quiescent_ring_hole"),
}


def activity_table(evidence: Evidence) -> Table:
    """Activity at rest in every protocol that measures it: smallest to largest over seeds, for some grow without end."""
    rows = []
    for name, protocol in PROTOCOLS.items():
        if protocol.analysis == "manifold":
            results = [evidence.result(name, seed) for seed in evidence.seeds_of(name)]
            measures = _ACTIVITY | (_RING if evidence.space(protocol.task, evidence.seeds[0]).circular else {})
            for run in protocol.runs:
                found = {column: _extremes(map(entry(run), results)) for column, entry in measures.items()}
                cells = [found.get(column, _ABSENT) for column in (*_ACTIVITY, *_RING)]
                rows.append([name, run, str(len(results)), *cells])
    return Table(["protocol", "network", "seeds", *_ACTIVITY, *_RING], rows)


def _extremes(values: Iterable[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return _ABSENT
    least, most = number(min(known)), number(max(known))
    return least if least == most else f"{least} to {most}"


def claims_table(evidence: Evidence) -> Table:
    """Every claim with its result and verdict."""
    verdicts = judge_all(CLAIMS, evidence)
    rows = []
    for claim in CLAIMS:
        verdict = verdicts[claim.key]
        found = [_ABSENT, _ABSENT, NOT_RUN]
        if verdict is not None:
            found = [_result(verdict), ", ".join(map(str, verdict.seeds)) or _ABSENT, verdict.verdict]
            if 0 < len(verdict.values) < FEWEST_SEEDS:
                found[2] += _so_far(claim, verdict.mean)
        protocols = ", ".join(claim.protocols)
        whose = "ours" if claim.ours else "paper"
        rows.append([claim.sentence, whose, claim.figure, claim.measure, protocols, claim.rule, *found])
    header = ["claim", "whose", "figure", "measure", "protocol", "range", f"mean {_INTERVAL}", "seeds", "verdict"]
    return Table(header, rows)


def _result(verdict: Verdict) -> str:
    """The mean over the seeds that count, and every number that was known beforehand."""
    counted = _interval(verdict.values) if verdict.values else _ABSENT
    return counted + (f" (known before: {', '.join(map(number, verdict.known))})" if verdict.known else "")


def _so_far(claim: Claim, value: float) -> str:
    if math.isnan(value):
        return " (no number)"
    return f" (so far {'inside' if claim.contains(value) else 'outside'})"


def protocols_table() -> Table:
    """What claims and ledger rest on: each protocol as a command and in words."""
    rows = [
        [name, protocol.meaning, command(f"output_{protocol.analysis}.py", to_words(_told(protocol)))]
        for name, protocol in ALL_PROTOCOLS.items()
    ]
    return Table(
        ["protocol", "what", "command, for each seed"],
        [[TRAINING, "tests while training, at the last step", "python train.py config=<task>/<network>"], *rows],
    )


def _told(protocol: Protocol) -> dict[str, str]:
    return {key: value for key, value in protocol.arguments(0, None).items() if key != "seed"}


def words_table() -> Table:
    """What the words of the claims are taken to mean."""
    return Table(["word", "meaning"], [list(row) for row in WORDS.items()])


def tally(verdicts: Mapping[str, Verdict | None]) -> str:
    """How many claims of the paper and of ours have which verdict, as a sentence."""
    parts = []
    for whose, ours in (("claims of the paper", False), ("of ours", True)):
        found = [verdicts[claim.key] for claim in CLAIMS if claim.ours == ours]
        reached = [verdict.verdict if verdict else NOT_RUN for verdict in found]
        counted = {name: reached.count(name) for name in (HOLDS, FAILS, UNDECIDED, NOT_RUN)}
        parts.append(f"{len(found)} {whose}: " + ", ".join(f"{name} {count}" for name, count in counted.items() if count))
    return "; ".join(parts) + "."


def effects_table(evidence: Evidence) -> Table:
    """What each switch changes."""
    rows = [
        [
            effect.row,
            effect.switch,
            effect.claim.sentence.removesuffix("."),
            effect.claim.rule,
            *map(_interval_if_run, (effect.default, effect.changed, effect.differences)),
            _sides(effect),
            str(len(effect.default)),
        ]
        for effect in effects(evidence)
    ]
    header = ["row", "switch", "claim", "range", "default", "changed", f"difference {_INTERVAL}", "inside", "seeds"]
    return Table(header, rows)


def _sides(effect: Effect) -> str:
    """Whether the means lie in the claim's range."""
    if not effect.default:
        return _ABSENT
    before, after = ("yes" if effect.claim.contains(mean(found)) else "no" for found in (effect.default, effect.changed))
    return before if before == after else f"{before} → {after}"


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}"


def _interval_if_run(values: Sequence[float]) -> str:
    return _interval(values) if values else NOT_RUN


def _interval(values: Sequence[float]) -> str:
    interval = confidence_interval(values)
    bounds = "" if interval is None else f" [{number(interval[0])}, {number(interval[1])}]"
    return number(mean(values)) + bounds


def _over_seeds(value: Callable[[str, int], float], run: str, seeds: Sequence[int]) -> str:
    found = []
    for seed in seeds:
        with suppress(DamagedData, KeyError):  # not analysed yet, or a run that the protocol leaves out
            found.append(value(run, seed))
    known = [one for one in found if not math.isnan(one)]
    fewer = f" (of {len(known)})" if len(known) < len(seeds) else ""
    return f"{_interval(known)}{fewer}" if known else _ABSENT


def _steps(run: str) -> str:
    return "distance" if run in VANILLA else "distance_gru"


def _divergences(task: str, run: str) -> str:
    if task == HEAD:
        return "kl_head"
    return "kl" if run in VANILLA else "kl_gru"


def _class(cell: str) -> str:
    """Style of a cell of the web page: verdicts have colours."""
    for verdict, name in ((HOLDS, "holds"), (FAILS, "fails"), (UNDECIDED, "undecided")):
        if cell.startswith(verdict):
            return name
    return "text"
