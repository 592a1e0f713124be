"""Answer whether standard errors of α say how it repeats, in a table for docs/theory.md.

    python benchmarks/repeats.py [document=docs/theory.md]

Standard errors of α are over pairs of trajectories. Here α of each biased GRU is measured again with other draws of starts
and of noise; weights and waking density stay. The rule, written before the first run:

    ratio = root of (variance of α over draws, mean over networks) / (squared standard error, mean over networks and draws)
    errors are too small: the 95 % interval of the ratio (χ², with the draws less one of each network) lies above 1
    no sign of it: it does not

The same is measured of analytic Langevin networks. It takes half a minute of a core for each network and draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean, variance
import sys
from typing import NamedTuple

from alpha import FAMILY, GAINS, trained
from scipy import stats

from reactivation.analysis.results import LEVEL
from reactivation.analysis.run import Run
from reactivation.controls.control import LANGEVIN, control
from reactivation.machine.errors import run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.theory.drift import drift
from reactivation.theory.landscape import waking_positions

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.theory import JUDGED
from paper.documents import print_or_fill, require_places
from paper.tables import Table
from paper.theory import DENSITY, control_name

SOURCE = "by benchmarks/repeats.py"
REPEATS = "repeats"
DRAWS = (100, 101, 102, 103, 104)  # seeds of the random streams
CONTROLS = (0, 1, 2)  # seeds of the Langevin networks


@dataclass
class Settings:
    """Settings of the script."""

    document: str | None = setting(None, "page whose table is filled; null: it is printed")


class Repeated(NamedTuple):
    """α of one network at one c, and its standard error, draw by draw."""

    alphas: Sequence[float]
    errors: Sequence[float]


def repeated(run: Run) -> dict[float, Repeated]:
    """Measure α of a run with each draw: c → α."""
    awake = waking_positions(run)
    found = [{fit.gain: fit for fit in drift(replace(run, seed=seed), GAINS, awake=awake).fits} for seed in DRAWS]
    return {c: Repeated([one[c].alpha for one in found], [one[c].standard_error for one in found]) for c in JUDGED}


def scatter_and_error(networks: Sequence[Repeated]) -> tuple[float, float]:
    """Return the standard deviation of α over draws and its standard error, root mean squares over networks."""
    scatter = fmean(variance(one.alphas) for one in networks)
    told = fmean(error**2 for one in networks for error in one.errors)
    return math.sqrt(scatter), math.sqrt(told)


def ratio(networks: Sequence[Repeated]) -> tuple[float, float, float]:
    """Return the scatter of α over draws, over its standard error, with the ends of its interval."""
    scatter, told = scatter_and_error(networks)
    freedom = sum(len(one.alphas) - 1 for one in networks)
    high, low = (freedom / float(stats.chi2.ppf(end, freedom)) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return scatter / told, math.sqrt(low) * scatter / told, math.sqrt(high) * scatter / told


def answer(networks: Sequence[Repeated]) -> str:
    """Return the answer at one c."""
    found, low, high = ratio(networks)
    words = "errors are too small" if low > 1 else "no sign that errors are too small"
    return f"{words}: {found:.2g} [{low:.2g}, {high:.2g}]"


def block(networks: dict[str, dict[float, Repeated]], controls: Sequence[dict[float, Repeated]]) -> str:
    """Return the table, and the answers."""
    rows = [[name, *(text for c in JUDGED for text in _row([of[c]]))] for name, of in networks.items()]
    exact = (text for c in JUDGED for text in _row([one[c] for one in controls]))
    rows.append([control_name(LANGEVIN, FAMILY.task), *exact])
    kinds = ("mean α", "SD of α over draws", "standard error of α over pairs")
    table = Table(["network", *(f"{kind}, c = {c:g}" for c in JUDGED for kind in kinds)], rows)
    answers = "; ".join(f"at c = {c:g} {answer([of[c] for of in networks.values()])}" for c in JUDGED)
    known = "; ".join(f"{answer([one[c] for one in controls])} at c = {c:g}" for c in JUDGED)
    return f"{table.markdown()}\n\n*Does α repeat as its standard errors say?* Biased GRUs: {answers}. Controls: {known}."


def _row(networks: Sequence[Repeated]) -> list[str]:
    alpha = fmean(value for one in networks for value in one.alphas)
    return [f"{number:.2f}" for number in (alpha, *scatter_and_error(networks))]


def main(words: list[str]) -> None:
    """Measure, and print the table or write it into a page.

    Raises:
        BadInput: the page has no place for it.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    require_places(settings.document, SOURCE, [REPEATS])
    networks = {f"{FAMILY.name}, seed {run.seed}": repeated(run) for run in trained()}
    controls = [repeated(control(LANGEVIN, DENSITY[FAMILY.task], seed)) for seed in CONTROLS]
    print_or_fill(settings.document, SOURCE, {REPEATS: block(networks, controls)})


if __name__ == "__main__":
    run_command(main)
