"""Tuning curves from waking; posteriors and positions that they decode from rates or spike counts.

Axes: T samples, N units, G cells, P dimensions.
"""

from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.epochs import are_counts, each
from reactivation.analysis.recording import Recording
from reactivation.checks import Positive, Rng, Seconds, checked, generator, numbers
from reactivation.machine.errors import BadInput
from reactivation.replay.cells import Cells, require_memory, width_of
from reactivation.replay.inference import Array
from reactivation.replay.pairs import rates_of, with_rates

_DECODER = "tuning curves"  # in the provenance of what they decode
_COUNTABLE = 2.0**53  # up to which double precision holds every whole number
_PRECISION = 1e-9  # least variance of residuals, as a share of that between cells: units may be the same at each visit
_SILENCE = 1e-3  # lowest expected count, as a share of a unit's mean: one stray spike must not rule a place out


@dataclass(frozen=True, eq=False)
class TuningCurves:
    """Hold the mean rates of units in each cell of a space, and decode rates or spike counts with them.

    If all rates are whole numbers, they are spike counts per sample, with a Poisson likelihood, unless all are multiples of
    1/Δt, as counts per second are. Otherwise the likelihood is Gaussian, with one variance per unit. The prior is flat over
    visited cells.
    """

    cells: Cells
    rates: Array  # (G, N) mean; NaN in cells that waking did not visit
    variances: Array | None  # (N) of the residuals; None for spike counts
    dt: float  # Δt of waking [s]

    @classmethod
    @checked
    def of(cls, awake: Recording, width: Positive | None = None) -> "TuningCurves":
        """Estimate tuning curves from a recording with rates, or spike counts.

        Args:
            width: of the cells [unit]; None: half of 0.2 m, or of π/6 on a circle.

        Raises:
            BadInput: the recording has no rates.

        >>> import numpy as np
        >>> bearings = np.random.default_rng(0).uniform(-np.pi, np.pi, (1, 5000))
        >>> tuned = 5 * np.exp(np.cos(bearings[..., None] - np.linspace(-3, 3, 12)))
        >>> counts = np.random.default_rng(1).poisson(tuned)
        >>> awake = ra.Recording(bearings, dt=0.1, space=ra.Circle(), rates=counts)
        >>> decoded = ra.replay.TuningCurves.of(awake).decode(awake)
        >>> bool(np.abs(awake.space.distance(decoded.positions, awake.positions)).mean() < 0.2)
        True
        """
        (blocks,) = rates_of([awake], 10**9, np.random.default_rng(0))
        rates = np.concatenate([block.reshape(-1, block.shape[-1]) for block in blocks])
        positions = np.concatenate([epoch for epoch, _ in zip(awake.epochs, each(blocks), strict=False)])
        cells = Cells(awake.space, width_of(awake.space, width) / (1 if width else 2))
        which = cells.of(positions)
        samples = np.bincount(which, minlength=len(cells)).astype(np.float64)
        sums: Array = np.stack([np.bincount(which, weights=unit, minlength=len(cells)) for unit in rates.T], axis=1)
        means: Array = np.full_like(sums, np.nan)
        np.divide(sums, samples[:, None], out=means, where=samples[:, None] > 0)
        if are_counts(rates, awake.dt):
            return cls(cells, means, None, awake.dt)
        left_over, tuned = ((rates - means[which]) ** 2).mean(0), ((means[which] - rates.mean(0)) ** 2).mean(0)
        variances = np.maximum(left_over, _PRECISION * tuned)
        return cls(cells, means, np.where(variances > 0, variances, np.inf), awake.dt)

    @checked
    def posterior(self, rates: Any, dt: Seconds, *, everywhere: bool = True) -> Array:
        """Return the probability of each cell, (..., N) → (..., G); samples are Δt = `dt` apart [s].

        Args:
            everywhere: False: return only the cells that waking visited (`visited`); the others have 0.

        Raises:
            BadInput: other units, no spike counts though waking had them, or more numbers than memory holds.
        """
        rates = numbers("rates", rates)
        if rates.shape[-1:] != self.rates.shape[1:]:
            raise BadInput(
                f"rates have shape {rates.shape}; (..., {self.rates.shape[1]}) is wanted, of the units that were tuned"
            )
        visited = self.visited
        require_memory(float(math.prod(rates.shape[:-1]) * (len(visited) if everywhere else visited.sum())))
        log = self._log_likelihood(rates, self.rates[visited], dt)
        weights: Array = np.exp(log - log.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        if not everywhere:
            return weights
        shared: Array = np.zeros((*rates.shape[:-1], len(visited)))
        shared[..., visited] = weights
        return shared

    @property
    def visited(self) -> NDArray[np.bool_]:
        """Which cells waking visited, (G)."""
        return np.asarray(np.isfinite(self.rates).all(1))

    def _log_likelihood(self, rates: Array, means: Array, dt: float) -> Array:
        """Log likelihood without terms that do not depend on the cell: (..., N), (G, N) → (..., G)."""
        if self.variances is None:
            if not are_counts(rates, dt):
                raise BadInput("the tuning curves are of spike counts per sample, and these rates are none")
            expected = np.maximum(means, np.maximum(_SILENCE * means.mean(0), 1e-9)) * (dt / self.dt)
            likelihood: Array = rates @ np.log(expected).T - expected.sum(1)
            return likelihood
        weights = 1 / self.variances
        products: Array = rates @ (means * weights).T - (means**2 * weights).sum(1) / 2
        return products

    @checked
    def decode(self, recording: Any, dt: Seconds | None = None) -> Recording:
        """Return a recording of the positions decoded from rates or counts: the most likely cell at each sample.

        Epochs without rates are left out; what else a recording holds stays, and true positions do in the same space. For
        the error of an animal's, whose own positions are true, give both to
        `Recording(decoded.positions, ..., true_positions=awake.positions)` and that to `ra.decoding_error`.

        Args:
            recording: a `Recording` with rates; or rates or counts alone, (T, N), (B, T, N) or a list of (T, N).
            dt: Δt [s] of rates alone.

        Raises:
            BadInput: the recording has no rates; rates alone without dt, or a recording with it; or as for `posterior`.

        >>> import numpy as np
        >>> counts = np.eye(8, dtype=int)  # each of eight units has one spike, at its own bearing
        >>> awake = ra.Recording(np.linspace(-3, 3, 8), dt=0.1, space=ra.Circle(), rates=counts)
        >>> ra.replay.TuningCurves.of(awake).decode(counts[::-1], dt=0.1).positions[0, :3, 0].round(1)
        array([3. , 2.2, 1.2])
        """
        if not isinstance(recording, Recording):
            if dt is None:
                raise BadInput("decode: rates alone need dt=, the time between their samples [s]")
            recording = self._without_places(recording, dt)
        elif dt is not None:
            raise BadInput(f"decode: leave out dt={dt:g}: the recording has a Δt")
        (blocks,) = rates_of([recording], 10**9, np.random.default_rng(0))
        centres = self.cells.centres[self.visited]
        places = [centres[self.posterior(block, recording.dt, everywhere=False).argmax(-1)] for block in blocks]
        decoded = with_rates(recording).replaced(positions=each(places), space=self.cells.space)
        decoded.provenance = {**recording.provenance, "decoder": _DECODER}
        return decoded

    def _without_places(self, rates: Any, dt: float) -> Recording:
        """A recording of rates, at one and the same place."""

        def still(one: Any) -> Array:
            return np.broadcast_to(self.cells.centres[0], (*np.shape(one)[:-1], self.cells.centres.shape[-1]))

        if isinstance(rates, list | tuple):
            if len(rates) and all(np.ndim(one) == 2 for one in rates):
                return Recording([still(one) for one in rates], dt, self.cells.space, rates)
            rates = numbers("rates", rates)
        if np.ndim(rates) not in (2, 3):
            raise BadInput(f"rates have shape {np.shape(rates)}; (T, N), (B, T, N) or a list of (T, N) is wanted")
        return Recording(still(rates), dt, self.cells.space, rates)


@checked
def poisson_spikes(recording: Recording, mean_rate: Positive = 5.0, *, rng: Rng = 0) -> Recording:
    """Draw Poisson spikes from rates: return the same recording with spike counts per sample as its rates.

    Epochs without rates are left out. Negative rates, which tanh units have, become 0. The others are scaled by one factor
    for all units, so that the average over units and time is `mean_rate`.

    Args:
        mean_rate: [spikes/s].

    Raises:
        BadInput: the recording has no rates, or none above 0; or a sample would have more spikes than can be counted.

    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> spikes = ra.replay.poisson_spikes(run.record(ra.rest(steps=50), trajectories=20), rng=0)
    >>> round(float(spikes.rates.mean() / spikes.dt), 2)
    5.0
    """
    (blocks,) = rates_of([recording], 10**9, np.random.default_rng(0))
    positive = [np.maximum(block, 0.0) for block in blocks]
    mean = np.concatenate([block.reshape(-1) for block in positive]).mean()
    if not mean > 0:
        raise BadInput("no rate is above 0: there is nothing to make spikes of")
    factor = mean_rate * recording.dt / mean
    if (most := factor * max(float(block.max()) for block in positive)) > _COUNTABLE:
        raise BadInput(f"mean_rate={mean_rate:g} asks for {most:.2g} spikes in a sample: give a smaller one [spikes/s]")
    draws = generator(rng)
    counts = each([draws.poisson(block * factor).astype(np.float64) for block in positive])
    return with_rates(recording).replaced(rates=counts)
