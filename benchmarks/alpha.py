"""Answer two questions about the pull α of the biased GRU, in tables for docs/theory.md.

    python benchmarks/alpha.py [only=amplitude] [document=docs/theory.md]

*amplitude*: α falls from c = 0 to c = 4, which Langevin sampling does not explain. Noise also makes rates larger, and a
larger state may be pulled less. So α is measured again with the norm of the rates held at one number per network, its mean
norm at c = 0; pairs, starts and noise stay. The rule, written before the first run:

    share = (α_held(4) − α(4)) / (α(0) − α(4)), of each network
    amplitude makes the fall: the 95 % t interval of the mean share over networks lies above 0.5
    it does not: below 0.5; undecided: across it

*substeps*: is Δt small enough for α? α is measured again with two steps of Δt/2 for every step. The rule, written before
the first run:

    ratio = α of two steps of Δt/2 over α of one of Δt, of each network, at c = 0 and at c = 4
    Δt is small enough: the 95 % t interval of the mean ratio lies within 0.8 to 1.25 at both c
    it is not: it lies outside at one of them; undecided: neither

No answer is given if, measured in the same way, a control of docs/theory.md fails: if at either c the mean α of five
Langevin networks lies outside 0.5 to 1.5, or that of five flat attractors outside −0.2 to 0.2. It takes half a minute of a
core for each network, each control and each α.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import NamedTuple

import torch

from reactivation.analysis.results import confidence_interval
from reactivation.analysis.run import Run, load_run
from reactivation.controls.control import ATTRACTOR, LANGEVIN, control
from reactivation.machine.errors import run_command
from reactivation.network.modifiers import FixedAmplitude, modified
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config
from reactivation.storage.finding import found_run
from reactivation.theory.drift import WINDOW, drift
from reactivation.theory.landscape import waking_positions
from reactivation.theory.pairs import WARM_UP
from reactivation.theory.probe import Probe, asking

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.theory import JUDGED, NEAR_ONE, NO, OF_FLAT_CONTROL, UNDECIDED, YES
from paper.documents import print_or_fill, require_places
from paper.tables import Table
from paper.theory import BY_NAME, CONTROL_SEEDS, DENSITY, TAG, control_name

SOURCE = "by benchmarks/alpha.py"
AMPLITUDE, SUBSTEPS = "amplitude", "substeps"
FAMILY = BY_NAME["biased GRU"]
LEAST, MOST = JUDGED
GAINS = (LEAST, 0.5, MOST)  # c; D at the first is taken from the second
HALF = 0.5  # share of the fall
NEARLY_ONE = (0.8, 1.25)  # ratio of two α
_TRAJECTORIES = 200

Alphas = dict[float, float]  # c → α


@dataclass
class Settings:
    """Settings of the script."""

    only: str | None = setting(None, "question; null: both", choices=(AMPLITUDE, SUBSTEPS))
    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


class Asked(NamedTuple):
    """α of one network unchanged and changed, and the mean norm of its rates, by c."""

    own: Alphas
    changed: Alphas
    norms: dict[float, float]


Change = Callable[[Run, dict[float, float]], Alphas]  # run, norms → α of the changed one


def held(run: Run, norms: dict[float, float]) -> Alphas:
    """Return α with the norm of the rates held at that of c = 0, against the waking density of the unchanged network."""
    return _alphas(held_at(run, norms[LEAST]), run)


def held_at(run: Run, norm: float) -> Run:
    """Return the run with the norm of its rates held; random streams stay."""
    return replace(run, network=modified(run.network, [FixedAmplitude(norm)], run.dt))


def halved(run: Run, norms: dict[float, float]) -> Alphas:
    """Return α with two steps of Δt/2 for every step."""
    return _alphas(run, run, substeps=2)


def _alphas(run: Run, awake: Run, substeps: int = 1) -> Alphas:
    found = drift(run, GAINS, awake=waking_positions(awake), substeps=substeps)
    return {fit.gain: fit.alpha for fit in found.fits}


def norm_at(run: Run, gain: float) -> float:
    """Return the mean norm of rates at the end of the window of the drift."""
    probe = Probe(run, AMPLITUDE)
    with asking():
        source = probe.source(f"{gain:g}")
        start = probe.at(probe.course.even(torch.rand(_TRAJECTORIES, 2, generator=source)))
        state = probe.go(probe.go(start, WARM_UP, 1.0, source), WINDOW[1], gain, source)
        return float(probe.network.cell.rates(state).norm(dim=-1).mean())


def share(one: Asked) -> float:
    """Return the share of the fall of α that the change undoes."""
    return (one.changed[MOST] - one.own[MOST]) / (one.own[LEAST] - one.own[MOST])


def is_it_amplitude(networks: Sequence[Asked]) -> str:
    """Return the answer to *amplitude*."""
    shares = [share(one) for one in networks]
    low, high = _interval(shares)
    answer = YES if low > HALF else NO if high < HALF else UNDECIDED
    return f"{answer}: {fmean(shares):.2g} [{low:.2g}, {high:.2g}] of the fall, against {HALF:g}"


def are_steps_small(networks: Sequence[Asked]) -> str:
    """Return the answer to *substeps*."""
    ratios = {gain: [one.changed[gain] / one.own[gain] for one in networks] for gain in JUDGED}
    ends = {gain: _interval(each) for gain, each in ratios.items()}
    least, most = NEARLY_ONE
    within = all(least <= low and high <= most for low, high in ends.values())
    outside = any(high < least or low > most for low, high in ends.values())
    answer = YES if within else NO if outside else UNDECIDED
    told = "; ".join(
        f"{fmean(each):.2g} [{ends[gain][0]:.2g}, {ends[gain][1]:.2g}] at c = {gain:g}" for gain, each in ratios.items()
    )
    return f"{answer}: {told}, against {least:g} to {most:g}"


def _interval(values: Sequence[float]) -> tuple[float, float]:
    return confidence_interval(values) or (-math.inf, math.inf)


class Question(NamedTuple):
    """A question, the change of the network that answers it, and the rule."""

    words: str
    changed: str  # column of α of the changed networks
    change: Change
    judge: Callable[[Sequence[Asked]], str]


QUESTIONS = {
    AMPLITUDE: Question("Is it the amplitude?", "α, norm held", held, is_it_amplitude),
    SUBSTEPS: Question("Is Δt small enough?", "α, Δt/2", halved, are_steps_small),
}


def answer(question: Question, networks: Sequence[Asked], langevin: Sequence[Asked], attractor: Sequence[Asked]) -> str:
    """Return the answer to a question, or which control fails."""
    for gain in JUDGED:
        sampling, flat = (fmean(one.changed[gain] for one in of) for of in (langevin, attractor))
        if not NEAR_ONE[0] <= sampling <= NEAR_ONE[1] or abs(flat) > OF_FLAT_CONTROL:
            return f"nothing is said: α of controls is then {sampling:.2f} (Langevin) and {flat:.2f} (flat) at c = {gain:g}"
    return question.judge(networks)


def ask(run: Run, changes: Sequence[Change]) -> list[Asked]:
    """Measure α of a run as it is, and under each change."""
    norms, own = {gain: norm_at(run, gain) for gain in JUDGED}, _alphas(run, run)
    return [Asked(own, change(run, norms), norms) for change in changes]


def block(question: Question, networks: Sequence[Asked], langevin: Sequence[Asked], attractor: Sequence[Asked]) -> str:
    """Return the table of a question, and its answer."""
    kinds = ("norm", "α", question.changed)
    rows = [_row(f"{FAMILY.name}, seed {seed}", [one]) for seed, one in zip(FAMILY.seeds, networks, strict=True)]
    rows += [_row(control_name(name, FAMILY.task), of) for name, of in ((LANGEVIN, langevin), (ATTRACTOR, attractor))]
    table = Table(["network", *(f"{kind}, c = {gain:g}" for kind in kinds for gain in JUDGED)], rows)
    return f"{table.markdown()}\n\n*{question.words}* {answer(question, networks, langevin, attractor)}."


def _row(name: str, of: Sequence[Asked]) -> list[str]:
    """Means over networks of one kind."""
    kinds = ("norms", "own", "changed")
    return [name, *(f"{fmean(getattr(one, kind)[gain] for one in of):.2f}" for kind in kinds for gain in JUDGED)]


def trained() -> list[Run]:
    """Load the networks of the family.

    Raises:
        DamagedData: one is not there.
    """
    values = [{"config": f"{FAMILY.task}/{FAMILY.experiment}", "seed": seed, "tag": TAG} for seed in FAMILY.seeds]
    return [load_run(found_run(train_config(one)), torch.device("cpu")) for one in values]


def main(words: list[str]) -> None:
    """Measure, and print the tables or write them into a page.

    Raises:
        BadInput: the page has no place for them.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    asked = [settings.only] if settings.only else list(QUESTIONS)
    require_places(settings.document, SOURCE, asked)
    density = DENSITY[FAMILY.task]
    controls = [[control(kind, density, seed) for seed in CONTROL_SEEDS] for kind in (LANGEVIN, ATTRACTOR)]
    kinds: list[Sequence[Run]] = [trained(), *controls]
    changes = [QUESTIONS[name].change for name in asked]
    found = [[ask(run, changes) for run in kind] for kind in kinds]
    blocks = {
        name: block(QUESTIONS[name], *([one[number] for one in kind] for kind in found)) for number, name in enumerate(asked)
    }
    print_or_fill(settings.document, SOURCE, blocks)


if __name__ == "__main__":
    run_command(main)
