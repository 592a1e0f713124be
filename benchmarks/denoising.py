"""Answer whether the measures of docs/theory.md recognise networks that learned to sample, in tables for that page.

    python benchmarks/denoising.py [only=head_direction] [document=docs/theory.md]

The analytic controls are given their drift as a formula. Here the same networks learn it from samples: a layer of tanh units
estimates, from rates with noise, what they were without it, by least squares. With noise of variance v, the best estimate
is r + v d/dr log p(r), p the density of the noisy rates (Tweedie's formula): the drift of Eq. 16 is σ²/v (estimate − r).
*Sampling* networks learn from places as often as waking visits them, *flat* ones from places all over the space. Encoder,
readout and the effect of inputs are those of the analytic network. The rule, written before the first run:

    sampling networks are recognised: five of them meet all conditions of *Langevin along the manifold* (paper.claims.theory)
    flat ones are: five of them meet the conditions of a *flat attractor* but that on the exponent
    they are not recognised: a condition is broken; undecided: one is open; nothing is said if an analytic control fails

The exponent of flat ones is shown and not judged, since that of the analytic ones does not come out within 4,000 steps
either. Before the rule was written, networks of seed 0 had been trained to see whether one layer can learn the estimate. The
first run ended before it measured any α: estimates of ReLU units, as they then were, have no bound, and rest grew without
one; those of tanh units have. It takes about three minutes of a core for each of the 20 networks.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
import math
from pathlib import Path
from statistics import fmean
import sys
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from reactivation.analysis.progress import Progress
from reactivation.controls.control import ATTRACTOR, LANGEVIN, control
from reactivation.controls.langevin import Langevin
from reactivation.machine.errors import BadInput, run_command
from reactivation.network.cells.base import Cell
from reactivation.network.linear import Linear
from reactivation.network.network import Network as Net
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS
from reactivation.streams import of_control, stream
from reactivation.theory.drift import drift
from reactivation.theory.landscape import waking_positions
from reactivation.theory.tempering import tempering

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.mechanism import HOME_AT, controls_of
from paper.claims.theory import (
    JUDGED,
    NO,
    UNDECIDED,
    YES,
    Condition,
    Controls,
    Network,
    flat_conditions,
    langevin_conditions,
    one_mode_at_home,
)
from paper.documents import print_or_fill, require_places
from paper.protocols import HEAD, SPATIAL
from paper.tables import Table
from paper.theory import CONTROL_SEEDS, DENSITY, control_name

SOURCE = "by benchmarks/denoising.py"
TASKS = (SPATIAL, HEAD)
SAMPLING, FLAT = "sampling", "flat"
EXACT = {SAMPLING: LANGEVIN, FLAT: ATTRACTOR}  # control whose drift is learned
GAINS = (JUDGED[0], 0.5, JUDGED[1])  # c; D at the first is taken from the second

HIDDEN = 256  # tanh units: a bounded estimate keeps rest finite
STEPS, BATCH, RATE = 4000, 512, 3e-3  # of Adam, whose rate falls to 0 as a cosine
_TESTED = 20_000  # noisy rates at which what was learned is compared with the formula


@dataclass
class Settings:
    """Settings of the script."""

    only: str | None = setting(None, "task; null: both", choices=TASKS)
    document: str | None = setting(None, "page whose tables are filled; null: they are printed")


class Learned(Cell):
    """A network like an analytic one, whose estimate of rates without noise is learned: σ²/v times (estimate − r)."""

    def __init__(self, exact: Langevin, generator: torch.Generator, hidden: int = HIDDEN):
        super().__init__()
        units = exact.centres.shape[-1]
        self.exact, self.input = exact, exact.input
        self.hidden = Linear(units, hidden, generator, bias=True)
        self.readout = Linear(hidden, units, generator, bias=True)

    def project(self, inputs: Tensor) -> Tensor:
        """The inputs themselves."""
        return inputs

    def estimate(self, noisy: Tensor) -> Tensor:
        """Rates with noise → what they were without it, (..., N) → (..., N)."""
        deviation = math.sqrt(self.exact.variance)
        return deviation * self.readout(torch.tanh(self.hidden(noisy / deviation)))

    def drift(self, state: Tensor, u: Tensor) -> Tensor:
        """The learned drift of Eq. 16, and the effect that inputs have on the analytic network (Eq. 18)."""
        pull = self.exact.sigma**2 / self.exact.variance * (self.estimate(state) - state)
        if not u.any():
            return pull
        return pull + self.exact.drift(state, u) - self.exact.drift(state, torch.zeros_like(u))


def noisy_rates(exact: Langevin, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw rates on the manifold, as often as the network's density has them, (n, N), and the same with noise."""
    weights = torch.softmax(exact.log_weights + (exact.centres**2).sum(-1) / (2 * exact.variance), dim=0)
    rates = exact.centres[torch.multinomial(weights, count, replacement=True, generator=source)]
    return rates, rates + math.sqrt(exact.variance) * torch.randn(rates.shape, generator=source)


def learn(exact: Langevin, seed: int, steps: int = STEPS, hidden: int = HIDDEN) -> Learned:
    """Train the estimate of a cell by least squares."""
    source = stream(seed, of_control("learned"))
    cell = Learned(exact, source, hidden)
    optimiser = torch.optim.Adam([*cell.hidden.parameters(), *cell.readout.parameters()], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rates, noisy = noisy_rates(exact, BATCH, source)
        optimiser.zero_grad()
        loss = mse_loss(cell.estimate(noisy), rates) / exact.variance
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        optimiser.step()
        schedule.step()
    return cell.requires_grad_(False)


def error_of(cell: Learned, seed: int) -> float:
    """Return the root mean square of learned less exact drift over that of exact drift, at noisy rates."""
    _, noisy = noisy_rates(cell.exact, _TESTED, stream(seed, of_control("learned/test")))
    still = torch.zeros(len(noisy), cell.n_inputs)
    learned, exact = cell.drift(noisy, still), cell.exact.drift(noisy, still)
    return float((learned - exact).norm() / exact.norm())


class Measured(NamedTuple):
    """The numbers of a network that learned."""

    error: float  # of its drift, `error_of`
    network: Network


def measured(task: str, kind: str, seed: int) -> Measured:
    """Train and measure one network."""
    analytic = control(EXACT[kind], DENSITY[task], seed)
    exact = analytic.network.cell
    assert isinstance(exact, Langevin)
    cell = learn(exact, seed)
    network = Net(analytic.network.encoder, cell, analytic.network.decoder).eval()
    run = replace(analytic, network=network, name=f"learned_{kind}_{DENSITY[task]}")
    awake = waking_positions(run)
    moved, tempered = drift(run, GAINS, awake=awake), tempering(run, awake=awake)
    home = dict(zip(tempered.gains, tempered.homes, strict=True))[HOME_AT]
    of_rules = Network(
        seed,
        {fit.gain: fit.alpha for fit in moved.fits if fit.gain in JUDGED},
        tempered.value,
        tempered.of_starts[0] - tempered.of_starts[1],
        max(tempered.remembered),
        moved.is_along,
        one_mode_at_home(task, *home),
    )
    return Measured(error_of(cell, seed), of_rules)


def conditions(task: str, kind: str, networks: Sequence[Network], controls: Controls) -> list[Condition]:
    """Return what networks of a kind have to meet to be recognised."""
    if kind == SAMPLING:
        return langevin_conditions(task, networks, controls)
    return [one for one in flat_conditions(networks, 0.0) if "exponent" not in one.words]


def answer(of: Sequence[Condition], problem: str) -> str:
    """Return whether networks are recognised, and which conditions they do not meet; or which control fails (`problem`)."""
    if problem:
        return f"nothing is said, since {problem} is wrong"
    broken, still_open = ([one.words for one in of if one.met is met] for met in (False, None))
    if broken:
        return f"{NO}: {'; '.join(broken)}"
    return f"{UNDECIDED}: {'; '.join(still_open)}" if still_open else YES


def block(task: str, found: Mapping[str, Sequence[Measured]], controls: Controls) -> str:
    """Return the table of a task, and the answers."""
    analytic = {SAMPLING: controls.langevin, FLAT: controls.attractor}
    rows = []
    for kind, each in found.items():
        rows += [_row(f"{kind}, seed {one.network.seed}", f"{one.error:.3f}", [one.network]) for one in each]
        rows.append(_row(f"{control_name(EXACT[kind], task)}, mean", "0", analytic[kind]))
    heads = ["network", "error of the drift", *(f"α, c = {c:g}" for c in JUDGED), "exponent", "most left of the start"]
    problem, told = controls.problem(task), []
    for kind, each in found.items():
        of = conditions(task, kind, [one.network for one in each], controls)
        told.append(f"*Are {kind} networks recognised?* {answer(of, problem)}.")
    return "\n\n".join([Table(heads, rows).markdown(), *told])


def _row(name: str, error: str, of: Sequence[Network]) -> list[str]:
    means = [fmean(one.alpha[c] for one in of) for c in JUDGED]
    means += [fmean(one.exponent for one in of), fmean(one.remembered for one in of)]
    return [name, error, *(f"{mean:.2f}" for mean in means)]


def main(words: list[str]) -> None:
    """Train, measure, and print the tables or write them into a page.

    Raises:
        BadInput: the page has no place for them, or the analytic controls are not measured.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    asked = [settings.only] if settings.only else list(TASKS)
    require_places(settings.document, SOURCE, asked)
    blocks = {}
    for task in asked:
        controls = controls_of(RESULTS, task)
        if not (controls.langevin and controls.attractor):
            raise BadInput(
                f"the analytic controls of {task} are not measured: python reproduce.py profile=paper only=theory"
            )
        found: dict[str, list[Measured]] = {kind: [] for kind in EXACT}
        with closing(Progress(task, len(EXACT) * len(CONTROL_SEEDS), "network")) as progress:
            for kind, each in found.items():
                for seed in CONTROL_SEEDS:
                    each.append(measured(task, kind, seed))
                    progress.move()
        blocks[task] = block(task, found, controls)
    print_or_fill(settings.document, SOURCE, blocks)


if __name__ == "__main__":
    run_command(main)
