"""Print the numbers of docs/theory.md that need no networks: python benchmarks/theory.py

It also prints how often families of made-up networks get the right verdict, and how many verdicts of all tables would be
wrong by chance. Measurements of networks are in results/theory and on the page report_theory.html.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.claims.chance import chances, sign_is_wrong
from paper.claims.mechanism import judge_mechanism
from paper.claims.theory import FLAT, GATED, LANGEVIN, SURE, UNEVEN, Controls, Network, verdict
from paper.protocols import HEAD, SPATIAL
from paper.theory import SEEDS
from reactivation.analysis.results import half_width
from reactivation.machine.errors import run_command
from reactivation.settings.describing import asked_settings
from reactivation.theory.optimum import optimal_alpha

_DT, _TURN, _CONCENTRATION = 0.02, 3.0, 8.0  # of the drawn bearings
_FAMILIES = 300  # of made-up networks, for each kind and spread
_SPREADS = (0.1, 0.2, 0.4)  # standard deviation of α from network to network
_EXPONENT = {SPATIAL: (0.48, 0.03), HEAD: (-1.0, 0.1)}  # mean and SD over networks for Langevin sampling

Truth = Callable[[np.random.Generator, float], Network]


@dataclass
class Settings:
    """This command has no settings."""


def main(words: list[str]) -> None:
    """Print line after line, each with the section of docs/theory.md to which it belongs."""
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    leaks = ", ".join(f"{1 / (2 - _DT / tau):.3f} for τ = {tau:g} s" for tau in (0.1, 0.04))
    print(f"2. slope of drift on score, a leak alone: {leaks}")
    pull = _CONCENTRATION * (_TURN * _DT) ** 2 / 2
    for steps in (100, 200):
        print(f"8. best α for bearings drawn home by {pull:.4f} a step, {steps} steps: {optimal_alpha(pull, steps):.2f}")
    print(f"rules. places of 200 trajectories correlate by ±{1 / math.sqrt(200):.2f} by chance")
    print(f"rules. a harmonic of {UNEVEN}: best over worst place {(1 + 2 * UNEVEN) / (1 - 2 * UNEVEN):.1f}")
    for task, seeds in SEEDS.items():
        _print_sight(task, len(seeds))
    _print_chance()


def _print_sight(task: str, n: int) -> None:
    """Print which effects n networks can show."""
    half, side = half_width(1.0, n), sign_is_wrong(task)
    print(f"{task}, n = {n}: intervals reach {half:.2f} SD either way")
    print(f"{task}, n = {n}: a sign by {SURE:g} standard errors is wrong in {side:.0%}")
    truths: dict[str, Truth] = {LANGEVIN: _langevin(task), FLAT: _flat}
    if task == HEAD:
        truths[GATED] = _gated
    rng = np.random.default_rng(0)
    for name, truth in truths.items():
        for spread in _SPREADS:
            found = [_called(task, n, truth, spread, rng) for _ in range(_FAMILIES)]
            shares = {called: found.count(called) / _FAMILIES for called in sorted(set(found))}
            told = ", ".join(f"{called} {share:.0%}" for called, share in shares.items())
            print(f"{task}, n = {n}: {name}, α scatters by {spread}: called {told}")


def _called(task: str, n: int, truth: Truth, spread: float, rng: np.random.Generator) -> str:
    control = Network(0, {0.0: 1.0, 4.0: 1.0}, _EXPONENT[task][0], brownian=1.0)
    flat = Network(0, {0.0: 0.0, 4.0: 0.0}, 0.0, brownian=0.0)
    null = list(spread * rng.standard_normal(n))
    return verdict(task, [truth(rng, spread) for _ in range(n)], n, null, Controls([control], [flat])).verdict


def _langevin(task: str) -> Truth:
    def draw(rng: np.random.Generator, spread: float) -> Network:
        alphas = 1 + spread * rng.standard_normal(3)
        middle, scatter = _EXPONENT[task]
        return Network(
            0, dict(zip((0.0, 4.0), alphas, strict=False)), middle + scatter * rng.standard_normal(), brownian=alphas[2]
        )

    return draw


def _flat(rng: np.random.Generator, spread: float) -> Network:
    alphas = spread * rng.standard_normal(3)
    return Network(0, {0.0: alphas[0], 4.0: alphas[1]}, 0.1 * rng.standard_normal(), brownian=alphas[2])


def _gated(rng: np.random.Generator, spread: float) -> Network:
    """A network with a pull of Langevin's size under inputs, and half of that away from home without inputs."""
    alphas = np.array([-0.5, -0.5, 1.0]) + spread * rng.standard_normal(3)
    return Network(0, {0.0: alphas[0], 4.0: alphas[1]}, -0.3 + 0.1 * rng.standard_normal(), brownian=alphas[2])


def _print_chance() -> None:
    """Print how many verdicts are wrong by chance, at most."""
    with TemporaryDirectory() as nothing:
        for what, verdicts, wrong in chances(judge_mechanism(nothing)):
            print(f"chance. {verdicts} {what}: at most {wrong:.1f}")


if __name__ == "__main__":
    run_command(main)
