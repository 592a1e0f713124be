"""Drift along the manifold against the slope of the waking density (Eqs. 16, 19): the decisive test for biased tasks.

Pairs of trajectories of opposite noise start at the same states. Half their sum drifts, half their difference diffuses:

    v   mean displacement of a pair from the beginning of a window to its end, per step
    D   from the growth of ⟨h²⟩ over the window, where h is half the difference of a pair; jitter of the decoder cancels

The drift contracts both within the window. Both are corrected for that as for a drift that is linear in the position, with
rate k over n steps: v by kn / (1 − e^(−kn)), D as in `_diffusion`. Langevin dynamics at c times the noise variance of
waking have, for drift and diffusion along the manifold (docs/theory.md, 5),

    v_r = (2/c) D_r d/dr log p + dD_r/dr + (D_r − D_t)/r         in a plane, along the radius
    v   = (2/c) D d/ds log p + dD/ds                             on a circle

On a circle `drift` takes D for the same everywhere: a drift dD/ds, which grows with c, is a part of its α. `fits_of` can
take it off.
α is the factor of (2/c) D d/ds log p that fits the measured drift: 1 for Langevin sampling of p, 0 for a flat attractor.
Its standard error comes from pairs drawn again, with replacement, to which everything is fitted anew.
Axes: B pairs, P dimensions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.recording import Recording
from reactivation.analysis.run import Run
from reactivation.checks import Count, Strength, checked
from reactivation.machine.errors import BadInput
from reactivation.replay.inference import BOOTSTRAPS, Draws
from reactivation.theory.course import BINS, Course
from reactivation.theory.landscape import waking_positions
from reactivation.theory.pairs import INPUTS, STILL, Reading, Readings, read_pairs, run_pairs
from reactivation.theory.probe import Probe, asking
from reactivation.world.decoding import TEMPLATE, TOP3

Array = NDArray[np.float64]

GAINS = (0.0, 0.5, 2.0, 4.0, 8.0)  # c
WINDOW = (50, 200)  # first and last step of the window, from when pairs part
_MIDDLE = 0.1587, 0.8413  # shares of a normal distribution below its mean less, and plus, one standard deviation
_APART = 0.3  # share of the spread of starts that must be left when the window begins
KERNEL = 0.02  # standard deviation of the kernels of the waking density [m]


class Fit(NamedTuple):
    """α at one c, and the values of each bin that it was fitted to."""

    gain: float  # c
    alpha: float
    standard_error: float  # over pairs
    place: Array  # radius [m], or bearing from home [rad]
    velocity: Array  # v [unit per step]
    velocity_error: Array
    predicted: Array  # (2/c) D times the slope of log p
    spread_drift: Array  # dD_r/dr + (D_r − D_t)/r, or dD/ds; 0 where D is taken for the same everywhere
    diffusion: float  # D_r, or D [unit² per step], mean over the pairs of the fit
    diffusion_across: float  # D_t; D on a circle
    spread: float  # standard deviation of places at the beginning of the window, over that of the starts


@dataclass(frozen=True, eq=False)
class Drift:
    """Hold α at each c, and how it changes with choices of the analysis."""

    fits: tuple[Fit, ...]
    sensitivity: dict[str, dict[str, float]]  # choice → c → α

    @property
    def value(self) -> float:
        """α over every c at which pairs could tell it, weighted by 1/se²; NaN if there is none."""
        known = [fit for fit in self.fits if math.isfinite(fit.alpha) and 0 < fit.standard_error < math.inf]
        weights = [fit.standard_error**-2 for fit in known]
        return float(np.average([fit.alpha for fit in known], weights=weights)) if known else math.nan

    @property
    def is_along(self) -> bool:
        """Whether radii or bearings vary along the manifold: at the least c, they are still spread when the window begins.

        Where they are not, as on a ring attractor that draws every radius to its own, α says nothing.
        """
        return min(self.fits, key=lambda fit: fit.gain).spread > _APART

    def __repr__(self) -> str:
        shown = ", ".join(f"{fit.alpha:.2f} ± {fit.standard_error:.2f} at c = {fit.gain:g}" for fit in self.fits)
        return f"drift over that of Langevin sampling: {shown}"


@checked
def drift(
    run: Run,
    gains: Sequence[Strength] = GAINS,
    *,
    pairs: Count = 400,
    inputs: str = STILL,
    scale: float = 1.0,
    sigma: Strength | None = None,
    awake: Recording | None = None,
    others: Mapping[str, Recording] | None = None,
    substeps: Count = 1,
) -> Drift:
    """Measure the drift along the manifold at rest, as a multiple α of that of Langevin sampling (Eq. 19).

    Args:
        gains: c, noise variance over that of waking; one above 0 is needed, since D at c = 0 follows from the least of them.
        pairs: number of pairs of trajectories, at each c.
        inputs: still (none), brownian (of the task's spread, independent of the position), or own (the task's; their effect
            on pairs is subtracted, with a fitted gain).
        scale: factor of these inputs.
        sigma: σ of c = 1 [s^-1/2]; None for the network's own. A noiseless network needs one.
        awake: recording whose density is p; None: waking of 100 steps, the length of training.
        others: further recordings by name, whose density is taken for p in turn: α with them is in `sensitivity`.
        substeps: number of substeps of Δt / `substeps` per step, to see whether Δt is small enough; waking keeps Δt.

    Raises:
        BadInput: gains without noise, a gain given twice, unknown inputs, or too little memory.
        DamagedData: activity does not stay finite, or too few pairs are where drift is fitted.
    """
    if inputs not in INPUTS:
        raise BadInput(f"inputs={inputs}: give one of {', '.join(INPUTS)}")
    if len(set(gains)) < len(gains):
        raise BadInput(f"gains={tuple(gains)}: give each once")
    noisy = [gain for gain in gains if gain > 0]
    probe = Probe(run, "drift", sigma, substeps)
    if not noisy or not probe.noise.sigma:
        raise BadInput("drift needs a c above 0, and a network with noise or sigma=")
    probe.require_memory(2 * pairs, "numbers of pairs or substeps")
    awake = awake or waking_positions(run)
    with asking():
        seen = {gain: run_pairs(probe, gain, pairs, inputs, scale) for gain in sorted({*gains, min(noisy)}, reverse=True)}
        # Inputs spread pairs, too, so D is measured at rest without them.
        resting = None if inputs == STILL else {gain: run_pairs(probe, gain, pairs, STILL, 1.0) for gain in noisy}
    course = probe.course
    own = course.landscape(awake, KERNEL)
    variants = {
        "as chosen": (own, WINDOW, TEMPLATE),
        "kernel / 2": (course.landscape(awake, KERNEL / 2), WINDOW, TEMPLATE),
        "kernel x 2": (course.landscape(awake, KERNEL * 2), WINDOW, TEMPLATE),
        "steps 50 to 150": (own, (50, 150), TEMPLATE),
        "steps 100 to 200": (own, (100, 200), TEMPLATE),
        "decoder top3": (own, WINDOW, TOP3),
    }
    variants |= {name: (course.landscape(one, KERNEL), WINDOW, TEMPLATE) for name, one in (others or {}).items()}
    readings = {name: read_pairs(seen, resting, course, *variant) for name, variant in variants.items()}
    found = {name: fits_of(one, gains, course) for name, one in readings.items()}
    sensitivity = {name: {f"{fit.gain:g}": fit.alpha for fit in fits} for name, fits in found.items()}
    errors = _errors(readings["as chosen"], gains, course, probe.draws(f"{inputs}/{scale:g}/again"))
    fits = (fit._replace(standard_error=error) for fit, error in zip(found["as chosen"], errors, strict=True))
    return Drift(tuple(fits), sensitivity)


def _errors(readings: Readings, gains: Sequence[float], course: Course, draws: Draws) -> list[float]:
    """Standard error of α at each c, over pairs."""
    again = [fits_of(readings.again(draws), gains, course) for _ in range(BOOTSTRAPS)]
    return [_error([fit.alpha for fit in fits]) for fits in zip(*again, strict=True)]


def _error(alphas: Sequence[float]) -> float:
    """Half the width of the middle of α over draws, which for a normal distribution is its standard deviation.

    The few draws that leave in a bin only pairs that move alike rule the standard deviation itself, and a jackknife: they
    give that bin far too large a weight.
    """
    known = [alpha for alpha in alphas if math.isfinite(alpha)]
    if not known:
        return math.nan
    low, high = np.quantile(known, _MIDDLE)
    return float(high - low) / 2


class _Binned(NamedTuple):
    place: Array
    velocity: Array
    velocity_error: Array
    slope: Array  # of log p along the course
    spread_drift: Array
    diffusion: float  # along the course, mean over the pairs of the fit
    diffusion_across: float
    spread: float  # of places, over that of the starts
    is_fitted: NDArray[np.bool_]  # of bins


def fits_of(readings: Readings, gains: Sequence[float], course: Course, uneven: bool = False) -> tuple[Fit, ...]:
    """Return α at each c without standard errors, with D of pairs at rest; at c = 0, D/c is that of the least c above 0.

    Args:
        readings: of pairs at each of the gains.
        uneven: on a circle, whether D₀ + D₁ cos(s − h) + D₂ sin(s − h), h being home, takes the place of one D, and its
            slope is taken off the drift; only without inputs, since these spread pairs as well.
    """
    binned = {gain: _binned(reading, course, readings.steps, uneven) for gain, reading in readings.seen.items()}
    still = binned
    if readings.resting is not None:
        still = {gain: _binned(reading, course, readings.steps) for gain, reading in readings.resting.items()}
    least = min(gain for gain in still if gain > 0)
    return tuple(_fit(gain, binned[gain], gain or least, still[gain or least]) for gain in gains)


def _fit(gain: float, own: _Binned, noisy: float, diffusing: _Binned) -> Fit:
    """α of the bins of one c, without a standard error; D/c is taken from `diffusing`, measured at c = `noisy`."""
    predicted = 2 / noisy * diffusing.diffusion * own.slope
    spread = own.spread_drift if gain > 0 else np.zeros(BINS)
    chosen = own.is_fitted
    alpha = alpha_of(predicted[chosen], (own.velocity - spread)[chosen], own.velocity_error[chosen])
    return Fit(
        gain, alpha, math.nan, own.place, own.velocity, own.velocity_error, predicted, spread, own.diffusion,
        own.diffusion_across, own.spread,
    )  # fmt: skip


def alpha_of(predicted: Array, velocity: Array, error: Array) -> float:
    """Return the factor of the predicted drift that fits the drift of bins (BINS), of some standard error."""
    chosen = error > 0  # bins of two pairs at least, which a discrete decoder tells apart
    weights, x, y = error[chosen] ** -2.0, predicted[chosen], velocity[chosen]
    square = float((weights * x**2).sum()) or math.nan
    return float((weights * x * y).sum() / square)


def _binned(reading: Reading, course: Course, steps: int, uneven: bool = False) -> _Binned:
    """Drift and diffusion of pairs, in bins of where they are at the beginning of the window."""
    place, near = reading.seen.place, reading.seen.is_near
    velocity, contraction = _velocity(reading, steps)
    diffusion = _diffusion(reading.apart, reading.seen.along, contraction, steps)[near]
    members = [np.digitize(place, course.edges) - 1 == number for number in range(BINS)]
    where, speed, steep, scatter = (
        np.array([how(values[one]) if one.any() else math.nan for one in members])
        for values, how in ((place, np.mean), (velocity, np.mean), (reading.slope, np.mean), (velocity, _error_of_mean))
    )
    level, spread = diffusion.mean(), np.zeros(BINS)
    level_across = level
    if reading.seen.across is not None:
        turned = _rate((velocity / place)[near].mean(), steps)
        level_across = _diffusion(reading.apart, reading.seen.across, turned, steps)[near].mean()
        spread = np.polyfit(place[near], diffusion, 1)[0] + (level - level_across) / where  # dD_r/dr + (D_r − D_t)/r
    elif uneven:
        waves = np.stack((np.ones(near.sum()), np.cos(place[near]), np.sin(place[near])), axis=-1)
        _, of_cosine, of_sine = np.linalg.lstsq(waves, diffusion)[0]
        spread = of_sine * np.cos(where) - of_cosine * np.sin(where)  # dD/ds
    left = float(place.std()) / course.spread_of_starts
    return _Binned(where, speed, scatter, steep, spread, level, level_across, left, course.is_fitted(where))


def _velocity(reading: Reading, steps: int) -> tuple[Array, float]:
    """v of each pair (B), and the rate per step at which the drift contracts.

    At rest, v is the drift at the beginning of the window: a drift −ks moves by −ks (1 − e^(−kn)) / k in n steps. Under
    inputs, v is the mean over the window, less the displacement by the inputs.
    """
    velocity, near = reading.moved, reading.seen.is_near
    if reading.pushed is not None:
        velocity = velocity - _gain(reading.pushed[near], reading.slope[near], velocity[near]) * reading.pushed
    contraction = _rate(np.polyfit(reading.seen.place[near], velocity[near], 1)[0], steps)
    if reading.pushed is None:
        velocity = velocity * contraction * steps / -math.expm1(-contraction * steps)
    return velocity, contraction


def _gain(pushed: Array, slope: Array, velocity: Array) -> float:
    """The displacement of pairs by inputs over the sum of these, by least squares beside the slope; 0 without inputs."""
    return float(np.linalg.lstsq(np.stack((pushed, slope), axis=1), velocity)[0][0])


def _rate(slope: float, steps: int) -> float:
    """The rate per step at which a drift contracts, from the slope of its displacement per step over some steps; never 0."""
    rate = -math.log(max(1 + steps * slope, 0.01)) / steps
    return rate if abs(rate) > 1e-9 else 1e-9


def _diffusion(apart: Iterable[Array], to: Array, contraction: float, steps: int) -> Array:
    """D of each pair (B), from the growth of h² in a direction (B, P) where the drift contracts at a rate per step.

    Under a drift −ks, ⟨h²⟩ = V e^(−2kn) + D (1 − e^(−2kn)) / k, n steps after it was V. This is solved for D.
    """
    before, after = (((half * to).sum(-1)) ** 2 for half in apart)
    kept = math.exp(-2 * contraction * steps)
    grown: Array = (after - kept * before) * contraction / (1 - kept)
    return grown


def _error_of_mean(values: Array) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
