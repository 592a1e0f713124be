"""The slope of the log waking density at positions, with which drift is compared.

In a plane, the density is a kernel density of decoded waking positions, per unit area. On a circle, it is the von Mises
density with their mean direction and concentration. Axes: n positions, P dimensions.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import i0e, i1e

from reactivation.analysis.recording import Recording
from reactivation.analysis.run import Run
from reactivation.network.phases import waking
from reactivation.world.decoding import TEMPLATE

Array = NDArray[np.float64]

_AT_ONCE = 100  # positions whose kernels are held at once
_MOST = 20_000  # waking positions used, about
_AWAKE, _LONG = 400, 100  # trajectories, and steps of each, which is the length of training


def waking_positions(run: Run, steps: int = _LONG) -> Recording:
    """Return the waking positions of a run over some steps, decoded with `TEMPLATE`, which is continuous."""
    return run.record(waking(steps), _AWAKE, rates=False, decoder=TEMPLATE)


class Landscape(Protocol):
    """The waking density p of a recording."""

    home: float  # where bearings are drawn [rad]; 0 in a plane

    def slope(self, positions: Array) -> Array:
        """Gradient of log p, (n, P) → (n, P) [1/unit]."""
        ...


class Bearings:
    """The von Mises density with the mean direction and concentration of waking."""

    def __init__(self, awake: Recording):
        direction = np.exp(1j * awake.flat[:, 0]).mean()
        self.home, self.concentration = float(np.angle(direction)), concentration_of(float(abs(direction)))

    def slope(self, positions: Array) -> Array:
        """(n, 1) → (n, 1) [1/rad]."""
        return -self.concentration * np.sin(positions - self.home)


class Plane:
    """A kernel density of waking."""

    home = 0.0

    def __init__(self, awake: Recording, kernel: float):
        """With a kernel of standard deviation `kernel` [m]."""
        self.kernel = kernel
        self._points = awake.flat[:: max(1, len(awake.flat) // _MOST)]

    def slope(self, positions: Array) -> Array:
        """(n, 2) → (n, 2) [1/m]."""
        slopes = [self._of_kernels(block) for block in np.split(positions, range(_AT_ONCE, len(positions), _AT_ONCE))]
        return np.concatenate(slopes)

    def _of_kernels(self, positions: Array) -> Array:
        away = self._points - positions[:, None]  # (n, m, 2)
        log_kernels = -(away**2).sum(-1) / (2 * self.kernel**2)
        weights = np.exp(log_kernels - log_kernels.max(-1, keepdims=True))
        slopes: Array = (weights[..., None] * away).sum(1) / weights.sum(-1, keepdims=True) / self.kernel**2
        return slopes


def concentration_of(resultant: float) -> float:
    """Return κ of the von Mises density whose mean vector has this length: I₁(κ)/I₀(κ) = R."""
    if resultant < 1e-6:
        return 0.0
    if resultant > 1 - 1e-9:
        return float("inf")
    return float(brentq(lambda kappa: i1e(kappa) / i0e(kappa) - resultant, 0.0, 1e9))
