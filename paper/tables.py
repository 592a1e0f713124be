"""The tables of the report and of the documents, made from the study's results: a header, and rows of text.

TABLES has each table once, by its name in the report and in documents.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
import math
from statistics import mean

from paper.benchmark_tables import OF_BENCHMARKS
from paper.claims import CLAIMS
from paper.claims.ablations import Effect, effects
from paper.claims.criteria import FEW, WORDS
from paper.claims.verdicts import (
    FAILS,
    FEWEST_SEEDS,
    HOLDS,
    MOST_SEEDS,
    NOT_ASKED,
    TRAINING,
    UNDECIDED,
    Claim,
    Verdict,
    judge_all,
    seeds_to_decide,
)
from paper.protocols import (
    ALL_PROTOCOLS,
    DOUBLED,
    FURTHER_SEEDS,
    GATED,
    GRU,
    HEAD,
    NETWORKS,
    NOISELESS,
    PROTOCOLS,
    SPATIAL,
    Protocol,
)
from paper.study import Result, Study, at, growth, kl, step_length
from paper.table import Table as Table
from paper.table import three_digits
from reactivation.analysis.results import LEVEL, confidence_interval
from reactivation.machine.errors import DamagedData
from reactivation.storage.finding import command

_ABSENT = "–"
NOT_RUN = "not yet run"
_NONE = "none yet"
_INTERVAL = f"[{100 * LEVEL:.0f} % interval]"


def seeds_table(study: Study) -> Table:
    """Return which networks are trained."""
    wanted = sum(seed not in FURTHER_SEEDS for seed in study.seeds)
    rows = [[task, run, _seeds(study.trained_seeds(task, run), wanted)] for task, runs in NETWORKS.items() for run in runs]
    return Table(["task", "network", "trained at full length"], rows)


def _seeds(seeds: Sequence[int], wanted: int = 0) -> str:
    if not seeds:
        return _NONE
    lacking = "" if len(seeds) >= wanted else f" ({len(seeds)} of {wanted})"
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}{lacking}"


def networks_table(task: str, study: Study) -> Table:
    """Return the measures of a task's networks: means over the seeds that have them."""

    def of(analysis: str, run: str, seed: int) -> Result:
        key = f"{analysis}_head" if task == HEAD else (GATED if run in GRU else DOUBLED).key(analysis)
        return study.result(key, seed)

    def put_in(run: str, seed: int) -> float:
        return step_length(of("distance", run, seed), run, "quiescent_noisy") if run in NOISELESS else math.nan

    columns: dict[str, Callable[[str, int], float]] = {
        f"error [{study.unit(task)}]": lambda run, seed: study.decoding_errors[f"{task}/{run}"][seed],
        "unexplained variance": lambda run, seed: study.at_the_end(task, run, seed)["fraction_unexplained"],
        "KL rest ‖ awake [nats]": lambda run, seed: kl(of("kl", run, seed), run, run),
        "KL random ‖ awake [nats]": lambda run, seed: kl(of("kl", run, seed), "random", run),
        "KL uniform ‖ awake [nats]": lambda run, seed: kl(of("kl", run, seed), "uniform", run),
    }
    if task == SPATIAL:
        columns |= {
            "variance at rest [m²]": lambda run, seed: at(study.result("variance", seed), run),
            "step awake [m]": lambda run, seed: step_length(of("distance", run, seed), run, "active"),
            "step at rest [m]": lambda run, seed: step_length(of("distance", run, seed), run, "quiescent"),
            "step at rest, noise put in [m]": put_in,
        }
    rows = []
    for run in NETWORKS[task]:
        seeds = study.trained_seeds(task, run)
        cells = [_over_seeds(value, run, seeds) for value in columns.values()]
        rows.append([run, str(len(seeds)), *cells])
    return Table(["network", "seeds", *columns], rows)


_ACTIVITY: dict[str, Callable[[Result, str], float]] = {
    f"share in {FEW} components, awake": lambda found, run: at(found, run, "active_share"),
    "at rest": lambda found, run: at(found, run, "quiescent_share"),
    f"at rest, in {FEW} waking ones": lambda found, run: at(found, run, "quiescent_share_of_active"),
    "gap of the curves": lambda found, run: at(found, run, "largest_gap"),
    "KL rest ‖ awake in the plane [nats]": lambda found, run: at(found, run, "kl_plane"),
    "amplitude": lambda found, run: at(found, run, "amplitude"),
    "amplitude over that halfway": growth,
}
_RING: dict[str, Callable[[Result, str], float]] = {
    "ring order": lambda found, run: at(found, run, "quiescent_ring_order"),
    "ring hole": lambda found, run: at(found, run, "quiescent_ring_hole"),
}


def activity_table(study: Study) -> Table:
    """Return activity at rest in every protocol that measures it, as the range over seeds, since some grow without bound."""
    rows = []
    for name, protocol in PROTOCOLS.items():
        if protocol.analysis == "manifold":
            results = [study.result(name, seed) for seed in study.seeds_of(name)]
            measures = _ACTIVITY | (_RING if protocol.task == HEAD else {})
            for run in protocol.runs:
                found = {column: _extremes(of(result, run) for result in results) for column, of in measures.items()}
                cells = [found.get(column, _ABSENT) for column in (*_ACTIVITY, *_RING)]
                rows.append([name, run, str(len(results)), *cells])
    return Table(["protocol", "network", "seeds", *_ACTIVITY, *_RING], rows)


def _extremes(values: Iterable[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return _ABSENT
    least, most = three_digits(min(known)), three_digits(max(known))
    return least if least == most else f"{least} to {most}"


def claims_table(study: Study) -> Table:
    """Return every claim with its result and verdict, beside those about networks of the released code, if there are any."""
    verdicts, of_code = judge_all(CLAIMS, study), released_verdicts(study)
    rows = []
    for claim in CLAIMS:
        cells, protocols = claim_cells(claim, verdicts[claim.key]), ", ".join(claim.protocols)
        found = [cells[name] for name in ("range", "mean", "seeds", "verdict")]
        found += [with_its_mean(claim, of_code[claim.key])] if any_measured(of_code) else []
        rows.append([claim.sentence, whose(claim), claim.figure, claim.measure, protocols, *found])
    header = ["claim", "whose", "figure", "measure", "protocol", "range", f"mean {_INTERVAL}", "seeds", "verdict"]
    return Table([*header, *(["released code"] if any_measured(of_code) else [])], rows)


def released_verdicts(study: Study) -> dict[str, Verdict | None]:
    """Judge the same claims about networks trained as the released code trains them.

    No claim of a study that has a preset of its own, such as the quick one, has such a verdict: they are not its networks.
    """
    if study.preset is not None:
        return dict.fromkeys(claim.key for claim in CLAIMS)
    return judge_all(CLAIMS, study.of_released_code)


def released(study: Study) -> str:
    """Return a sentence that says which networks are trained as the released code trains them."""
    if any_measured(released_verdicts(study)):
        rows = seeds_table(study.of_released_code).rows
        trained = [f"{task}/{run}, {seeds}" for task, run, seeds in rows if seeds != _NONE]
        return (
            "The last column has what networks give that are trained as the released code trains them: "
            f"{'; '.join(trained)}. `python reproduce.py profile=released` trains what is missing of five seeds of each."
        )
    return (
        "All of them follow the paper's text: none is trained as its released code trains them, which "
        "`python reproduce.py profile=released` does."
    )


def claim_cells(claim: Claim, verdict: Verdict | None) -> dict[str, str]:
    """Return range, mean, seeds and verdict of a claim, as text."""
    if verdict is None:
        return {"range": claim.rule, "mean": _ABSENT, "seeds": _ABSENT, "verdict": NOT_RUN}
    return {
        "range": claim.rule,
        "mean": _result(verdict),
        "seeds": ", ".join(map(str, verdict.seeds)) or _ABSENT,
        "verdict": verdict.verdict + _beyond(claim, verdict),
    }


def with_its_mean(claim: Claim, verdict: Verdict | None) -> str:
    """Return verdict, mean and number of seeds of a claim, as one text; the verdict alone where there are no numbers."""
    cells = claim_cells(claim, verdict)
    if verdict is None or verdict.verdict == NOT_ASKED:
        return cells["verdict"]
    number = len(verdict.values)
    seeds = f", {number} seed{'' if number == 1 else 's'}" if number else ""
    return f"{cells['verdict']}: {cells['mean']}{seeds}"


def whose(claim: Claim) -> str:
    """Return who makes a claim, in a word."""
    return "ours" if claim.ours else "paper"


def reached(verdict: Verdict | None) -> str:
    """Return the verdict in words, or that there is none."""
    return verdict.verdict if verdict else NOT_RUN


def any_measured(verdicts: Mapping[str, Verdict | None]) -> bool:
    """Return whether any claim has been measured."""
    return any(reached(verdict) not in (NOT_RUN, NOT_ASKED) for verdict in verdicts.values())


def _why_not(claim: Claim) -> str:
    """The words behind "cannot be asked": why, and which claim has the same number."""
    if claim.compared is None:
        return ""
    same = [f"; same number as “{one.sentence.removesuffix('.')}”" for one in CLAIMS if one.key == claim.compared.same_as]
    return f": {claim.compared.why}{''.join(same)}"


def _beyond(claim: Claim, verdict: Verdict) -> str:
    """The words beside a verdict that decides nothing: why, what few seeds suggest, or how many would decide."""
    if verdict.verdict == NOT_ASKED:
        return _why_not(claim)
    if verdict.verdict != UNDECIDED or not verdict.values:
        return ""
    if len(verdict.values) < FEWEST_SEEDS:
        return _so_far(claim, verdict.mean)
    if not all(map(math.isfinite, verdict.values)):
        return " (not every seed has a finite number)"
    if verdict.at_limit:
        return " (how many seeds would decide cannot be told: not all numbers are below the upper limit)"
    needed = seeds_to_decide(claim, verdict)
    return f" ({f'about {needed}' if needed else f'more than {MOST_SEEDS}'} seeds would decide)"


def _result(verdict: Verdict) -> str:
    """The mean over the seeds that count, which of them are at the upper limit, and every number known before."""
    counted = _interval(verdict.values) if verdict.values else _ABSENT
    limit = f" (at the upper limit: {_seeds(verdict.at_limit)})" if verdict.at_limit else ""
    return counted + limit + (f" (known before: {', '.join(map(three_digits, verdict.known))})" if verdict.known else "")


def _so_far(claim: Claim, value: float) -> str:
    if math.isnan(value):
        return " (no number)"
    return f" (so far {'inside' if claim.contains(value) else 'outside'})"


def protocols_table(_: Study) -> Table:
    """Return the protocols behind claims and ablations, each as a command and in words."""
    rows = [
        [name, protocol.meaning, command(f"output_{protocol.analysis}.py", _told(protocol))]
        for name, protocol in ALL_PROTOCOLS.items()
    ]
    return Table(
        ["protocol", "what", "command, for each seed"],
        [[TRAINING, "tests while training, at the last step", "python train.py config=<task>/<network>"], *rows],
    )


def _told(protocol: Protocol) -> dict[str, str]:
    return {key: value for key, value in protocol.arguments(0, None).items() if key != "seed"}


def words_table(_: Study) -> Table:
    """Return the meaning of the words of the claims in numbers."""
    return Table(["word", "meaning"], [list(row) for row in WORDS.items()])


def tally(verdicts: Mapping[str, Verdict | None]) -> str:
    """Return the number of claims with each verdict, the paper's and ours, as a sentence."""
    parts = []
    for whose, ours in (("claims of the paper", False), ("of ours", True)):
        found = [verdicts[claim.key] for claim in CLAIMS if claim.ours == ours]
        words = [reached(verdict) for verdict in found]
        counted = {name: words.count(name) for name in (HOLDS, FAILS, UNDECIDED, NOT_ASKED, NOT_RUN)}
        parts.append(f"{len(found)} {whose}: " + ", ".join(f"{name} {count}" for name, count in counted.items() if count))
    return "; ".join(parts) + "."


def effects_table(study: Study) -> Table:
    """Return the numbers of claims that each switch changes."""
    rows = [
        [
            effect.ablation.row,
            effect.ablation.name,
            effect.claim.sentence.removesuffix("."),
            effect.claim.rule,
            *map(_interval_if_run, (effect.default, effect.changed, effect.differences)),
            _sides(effect),
            str(len(effect.default)),
        ]
        for effect in effects(study)
    ]
    header = ["row", "switch", "claim", "range", "default", "changed", f"difference {_INTERVAL}", "inside", "seeds"]
    return Table(header, rows)


def crossings_table(study: Study) -> Table:
    """Return the claims whose means a switch moves out of their range, or into it."""
    rows = []
    for (row, name), found in groupby(effects(study), lambda effect: (effect.ablation.row, effect.ablation.name)):
        measured = [effect for effect in found if effect.default]
        seeds = sorted({len(effect.default) for effect in measured})
        moved = {way: [effect for effect in measured if _sides(effect) == way] for way in (_LEAVES, _ENTERS)}
        told = [
            "; ".join(effect.claim.sentence.removesuffix(".") for effect in those) or _ABSENT for those in moved.values()
        ]
        rows.append([row, name, str(len(measured)), " or ".join(map(str, seeds)) or _ABSENT, *told])
    return Table(["row", "switch", "claims", "seeds", "out of their range", "into it"], rows)


def _sides(effect: Effect) -> str:
    """Whether the means lie in the claim's range."""
    if not effect.default:
        return _ABSENT
    before, after = ("yes" if effect.claim.contains(mean(found)) else "no" for found in (effect.default, effect.changed))
    return before if before == after else f"{before} → {after}"


_LEAVES, _ENTERS = "yes → no", "no → yes"


def _interval_if_run(values: Sequence[float]) -> str:
    return _interval(values) if values else NOT_RUN


def _interval(values: Sequence[float]) -> str:
    interval = confidence_interval(values)
    bounds = "" if interval is None else f" [{three_digits(interval[0])}, {three_digits(interval[1])}]"
    return three_digits(mean(values)) + bounds


def _over_seeds(value: Callable[[str, int], float], run: str, seeds: Sequence[int]) -> str:
    found = []
    for seed in seeds:
        with suppress(DamagedData, KeyError):  # not analysed yet, or a run that the protocol leaves out
            found.append(value(run, seed))
    known = [one for one in found if not math.isnan(one)]
    fewer = f" (of {len(known)})" if len(known) < len(seeds) else ""
    return f"{_interval(known)}{fewer}" if known else _ABSENT


TABLES: dict[str, Callable[[Study], Table]] = {
    "seeds": seeds_table,
    **{f"networks {task}": partial(networks_table, task) for task in NETWORKS},
    "claims": claims_table,
    "words": words_table,
    "activity": activity_table,
    "protocols": protocols_table,
    "effects": effects_table,
    "crossings": crossings_table,
    **OF_BENCHMARKS,
}
