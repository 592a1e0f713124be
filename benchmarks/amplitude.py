"""Is it the amplitude of activity that makes the pull of the biased GRU weaken with the noise? (docs/theory.md)

    python benchmarks/amplitude.py [document=docs/theory.md]

α of the biased GRUs falls from c = 0 to c = 4, which sampling has no reason for. Noise also makes rates larger, and a larger
state may be drawn less. Here α is measured again with the norm of the rates held at one number per network, the mean norm
that it has at c = 0; pairs, starts and noise are those of the free network. The rule, written before the first run:

    share = (α_held(4) − α(4)) / (α(0) − α(4)), of each network
    amplitude makes the fall: the 95 % t interval of the mean share over networks lies above 0.5
    it does not: below 0.5; undecided: across it

Nothing is said where, held at their own norm, the mean α of five Langevin networks leaves 0.5 to 1.5, or that of five flat
attractors −0.2 to 0.2, at either c: the controls of docs/theory.md. Half a minute of a core for each network and control.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import NamedTuple

import torch

from reactivation.analysis.results import confidence_interval
from reactivation.analysis.run import Run, load_run
from reactivation.controls.control import control
from reactivation.machine.errors import run_command
from reactivation.network.modifiers import FixedAmplitude, modified
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import train_config
from reactivation.storage.finding import found_run
from reactivation.theory.drift import WARM_UP, WINDOW, drift
from reactivation.theory.landscape import waking_positions
from reactivation.theory.probe import Probe, asking

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.theory import JUDGED, NEAR_ONE, NO, OF_FLAT_CONTROL, UNDECIDED, YES
from paper.documents import print_or_fill, read_page
from paper.tables import Table
from paper.theory import BY_NAME, CONTROL_SEEDS, TAG

SOURCE, BLOCK = "by benchmarks/amplitude.py", "amplitude"
FAMILY = BY_NAME["biased GRU"]
LEAST, MOST = JUDGED
GAINS = (LEAST, 0.5, MOST)  # c; D of the second serves the first
HALF = 0.5  # share of the fall
_TRAJECTORIES = 200


@dataclass
class Settings:
    """Settings of the script."""

    document: str | None = setting(None, "page whose table is filled; null: it is printed")


class Asked(NamedTuple):
    """α of one network, free and held, by c; and the mean norm of its rates, by c."""

    free: dict[float, float]
    held: dict[float, float]
    norms: dict[float, float]

    @property
    def share(self) -> float:
        """How much of the fall of α holding the norm undoes."""
        return (self.held[MOST] - self.free[MOST]) / (self.free[LEAST] - self.free[MOST])


def ask(run: Run) -> Asked:
    """Measure α twice, against the waking density of the free network."""
    norms, awake = {gain: norm_at(run, gain) for gain in (LEAST, MOST)}, waking_positions(run)
    both = run, held_at(run, norms[LEAST])
    free, held = ({fit.gain: fit.alpha for fit in drift(one, GAINS, awake=awake).fits} for one in both)
    return Asked(free, held, norms)


def held_at(run: Run, norm: float) -> Run:
    """The run with the norm of its rates held; random streams stay."""
    return replace(run, network=modified(run.network, [FixedAmplitude(norm)], run.dt))


def norm_at(run: Run, gain: float) -> float:
    """The mean norm of rates at the end of the window that drift is measured in."""
    probe = Probe(run, "amplitude")
    with asking():
        source = probe.source(f"{gain:g}")
        start = probe.at(probe.course.even(torch.rand(_TRAJECTORIES, 2, generator=source)))
        state = probe.go(probe.go(start, WARM_UP, 1.0, source), WINDOW[1], gain, source)
        return float(probe.network.cell.rates(state).norm(dim=-1).mean())


def verdict(networks: Sequence[Asked], langevin: Sequence[Asked], attractor: Sequence[Asked]) -> str:
    """The answer, by the rule above."""
    for gain in (LEAST, MOST):
        sampling, flat = (fmean(one.held[gain] for one in of) for of in (langevin, attractor))
        if not NEAR_ONE[0] <= sampling <= NEAR_ONE[1] or abs(flat) > OF_FLAT_CONTROL:
            return (
                f"nothing is said: held, controls have α of {sampling:.2f} (Langevin) and {flat:.2f} (flat) at c = {gain:g}"
            )
    shares = [one.share for one in networks]
    low, high = confidence_interval(shares) or (-math.inf, math.inf)
    answer = YES if low > HALF else NO if high < HALF else UNDECIDED
    return f"{answer}: {fmean(shares):.2g} [{low:.2g}, {high:.2g}] of the fall, against {HALF:g}"


def row(name: str, of: Sequence[Asked], share: str = "–") -> list[str]:
    """Means over networks of one kind."""
    numbers = [
        f"{fmean(getattr(one, what)[gain] for one in of):.2f}"
        for what in ("norms", "free", "held")
        for gain in (LEAST, MOST)
    ]
    return [name, *numbers, share]


def main(words: list[str]) -> None:
    """Measure, and print the table or write it into a page.

    Raises:
        BadInput: the page has no place for it.
        DamagedData: a network is not there.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if settings.document is not None:
        read_page(settings.document, SOURCE, [BLOCK])
    configs = [
        train_config({"config": f"{FAMILY.task}/{FAMILY.experiment}", "seed": seed, "tag": TAG}) for seed in FAMILY.seeds
    ]
    networks = [ask(load_run(found_run(config), torch.device("cpu"))) for config in configs]
    langevin, attractor = ([ask(control(kind, "ring", n)) for n in CONTROL_SEEDS] for kind in ("langevin", "attractor"))
    rows = [
        row(f"{FAMILY.name}, seed {n}", [one], f"{one.share:.2f}") for n, one in zip(FAMILY.seeds, networks, strict=True)
    ]
    rows += [row("control: Langevin sampling, ring", langevin), row("control: flat attractor, ring", attractor)]
    header = ["network", *(f"{what}, c = {c:g}" for what in ("norm", "α, free", "α, held") for c in (LEAST, MOST)), "share"]
    answer = f"*Is it the amplitude?* {verdict(networks, langevin, attractor)}."
    print_or_fill(settings.document, SOURCE, {BLOCK: f"{Table(header, rows).markdown()}\n\n{answer}"})


if __name__ == "__main__":
    run_command(main)
