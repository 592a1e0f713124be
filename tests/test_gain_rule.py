"""The rule of the best gain: what it says of curves with known answers, and of which networks its sweep is made."""

from collections.abc import Callable
import math

from factories import ROOT
import numpy as np
import pytest
from scipy import stats

from paper.claims.gain import AT_TWO, ELSEWHERE, GAINS, NO_CONTROL, NONE, UNDECIDED, Curve, judged, matching, verdict
from reactivation.sweep.grid import grid_of
from reactivation.sweep.plan import plan

KAPPA = 8.0


def tempered(samples: Callable[[float], float], seed: int = 0, floor: float = 0.01, scatter: float = 0.0) -> Curve:
    """The curve of a network that samples p^samples(c) of a von Mises density p, with the floor finite samples leave."""
    noise = np.random.default_rng(seed).normal(0, scatter, len(GAINS))
    grid = np.linspace(-math.pi, math.pi, 4001)
    waking = stats.vonmises(KAPPA).logpdf(grid)
    kl = {}
    for c, eps in zip(GAINS, noise, strict=True):
        resting = stats.vonmises(KAPPA * samples(c)).logpdf(grid)
        kl[c] = (float(np.trapezoid(np.exp(resting) * (resting - waking), grid)) + floor) * math.exp(eps)
    return Curve(kl)


LANGEVIN = tempered(lambda c: 2 / c)
FLAT = [tempered(lambda c: 0.5, seed, scatter=0.05) for seed in range(3)]


def test_tempering_is_best_at_two() -> None:
    assert LANGEVIN.best == pytest.approx(1.0, abs=0.2)
    curves = [tempered(lambda c: 2 / c, seed, scatter=0.1) for seed in range(3)]
    assert verdict(curves, LANGEVIN, FLAT) == AT_TWO
    assert matching(curves) == [2.0]


@pytest.mark.parametrize("best", [1.0, 4.0])
def test_another_best_gain_is_not_taken_for_two(best: float) -> None:
    assert judged([tempered(lambda c: best / c, seed, scatter=0.02) for seed in range(5)]) == ELSEWHERE


def test_what_does_not_depend_on_the_gain_has_no_best_one() -> None:
    assert judged(FLAT) == NONE
    assert judged([tempered(lambda c: 1 / (c + 0.01) if c < 1 else 1.0, seed) for seed in range(3)]) == NONE, (
        "the end is the best"
    )


def test_networks_that_disagree_decide_nothing() -> None:
    curves = [LANGEVIN, FLAT[0], tempered(lambda c: 4 / c)]
    assert judged(curves) == UNDECIDED


def test_nothing_counts_where_a_control_fails() -> None:
    curves = [LANGEVIN] * 3
    assert verdict(curves, FLAT[0], FLAT) == NO_CONTROL
    assert verdict(curves, LANGEVIN, curves) == NO_CONTROL, "ReLU networks must show no best gain"


def test_its_sweep_is_of_these_gains_and_of_no_network_that_was_seen() -> None:
    runs = list(plan(grid_of({}, str(ROOT / "configs/sweep/gain_at_rest.yml"), None)))
    assert len(runs) == 22
    for run, config in runs:
        assert config.tag == "theory"
        assert config.seed > 0 or config.task_name == "head_direction"
        assert {(float(a.values["variance_gain"]), a.values["inputs"]) for a in run.analyses} == {
            (gain, inputs) for gain in GAINS for inputs in ("none", "query")
        }
