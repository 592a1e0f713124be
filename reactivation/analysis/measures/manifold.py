"""Where activity lies in the space of rates (Fig. 1c, f, g, j, k; Fig. 3c–d): explained variance, and the plane of waking.

Principal components are those of the covariance over all trajectories and steps of a phase. The plane is that of the first
two waking components, centred on mean waking activity; resting activity is projected onto the same plane.

    python output_manifold.py [seed=0] [task=head_direction] [key=value ...]

Writes results/<task>/manifold_<noise>_<seed>.json (run folder → shares of variance and measures in the plane of waking) and
manifold_<noise>_<seed>_details.json: settings, and the curves of explained variance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis.base import (
    Analysis,
    AnalysisSettings,
    Moments,
    NamedStreams,
    Recorded,
    Recording,
    Result,
    both_phases,
)
from reactivation.analysis.densities import DegenerateDensity, GaussianKDE
from reactivation.checks import Count, checked
from reactivation.machine.errors import BadInput
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.settings.declaring import LARGEST, setting

Array = NDArray[np.float64]


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_manifold.py`."""

    components: int = setting(10, "principal components that count as few", low=1)
    n_samples: int = setting(2500, "Monte Carlo samples of the density in the plane", low=2, high=LARGEST)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Return how few components explain waking and resting activity, and whether both need the same components.

    Args:
        recorded: run → waking and rest, with rates and moments. On a circle, it is also measured how far activity lies on a
            ring.

    Returns:
        table[run]: shares of variance in the first `components` components (awake; at rest; at rest in waking components),
        the largest gap between the two cumulative curves, participation ratios, KL(rest ‖ awake) in the plane [nats], the
        differential entropies there of waking, of rest, and of rest stretched to the spread of waking, all with the kernel
        of waking [nats], the amplitude of activity (norm of the rates at the last step of rest over its mean awake),
        and on a circle the order of the ring (resultant length of angle minus bearing) and its hole (5th percentile of the
        radius over its mean).
        Details: the cumulative curves, by number of components, and the norm of the rates, by step. Numbers that are not
        defined are None.
    """
    table, details = {}, {}
    for run, phases in recorded.items():
        waking, resting = phases[ACTIVE], phases[QUIESCENT]
        curves, measures = _shares(_moments(waking), _moments(resting), settings.components)
        plane = Plane(_moments(waking))
        measures |= _densities(plane, waking, resting, settings.n_samples, streams(run))
        norms = {f"{phase}_norm": _norms(recording) for phase, recording in phases.items()}
        awake = float(norms["active_norm"].mean())
        measures["amplitude"] = float(norms["quiescent_norm"][-1]) / awake if awake else None
        measures |= _ring(plane, waking, resting)
        table[run], details[run] = measures, {**curves, **{name: norm.tolist() for name, norm in norms.items()}}
    return Result(table, details, table)


@dataclass(frozen=True, eq=False)
class ExplainedVariance:
    """Hold the share of the variance of rates in a few principal components; curves are by number of components."""

    value: float  # share of the variance in the first `components` components of the basis
    standard_error: float | None  # over epochs; None for a single epoch, or without the rates of all epochs
    components: int
    curve: Array  # (N) cumulative shares of the recording's variance in the components of the basis
    own_curve: Array  # (N) the same in the recording's own components
    basis_curve: Array  # (N) cumulative shares of the basis's variance in its own components
    largest_gap: float  # between own_curve and basis_curve
    dimension: float  # participation ratio
    basis_dimension: float

    def __repr__(self) -> str:
        return f"{self.value:.4f} of the variance in {self.components} components (participation ratio {self.dimension:.2f})"


@checked
def explained_variance(recording: Recording, basis: Recording | None = None, components: Count = 10) -> ExplainedVariance:
    """Measure how much variance of the rates a few principal components explain (Fig. 1c), its own or those of a basis.

    Args:
        recording: with rates.
        basis: with rates of the same units: rest in the components of waking. None: the recording itself.
        components: how many count as few; no more than there are units.

    Returns:
        `.value`, the share of the variance in these components, `.standard_error` over epochs, `.curve` (N), the share in
        the first 1 to N components, `.own_curve` and `.basis_curve`, the same for recording and basis, each in its own
        components, and `.dimension`, the recording's participation ratio.

    Raises:
        BadInput: no rates, other units, or rates that never vary.

    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> awake, rest = run.record(ra.waking(30), 30), run.record(ra.rest(30), 30)
    >>> 0.5 < ra.explained_variance(rest, basis=awake).value < 1
    True
    """
    model = recording if basis is None else basis
    for name, one in (("recording", recording), ("basis", model)):
        if one.moments is None:
            raise BadInput(f"the {name} has no rates: record it with rates=True, or give Recording(..., rates=)")
    own, other = _moments(recording), _moments(model)
    if own.mean.shape != other.mean.shape:
        raise BadInput(
            f"the recording has rates of {len(own.mean)} units, the basis of {len(other.mean)}: give those of one network"
        )
    curves, shares = _shares(other, own, components)
    if shares["quiescent_share_of_active"] is None or shares["active_share"] is None:
        raise BadInput("the rates never vary: there is no variance to explain")
    axes = _principal(other)[1][:, :components]
    return ExplainedVariance(
        shares["quiescent_share_of_active"],
        _error_of_share(recording, own.mean, axes),
        axes.shape[1],
        np.array(curves["quiescent_in_active"], dtype=np.float64),
        np.array(curves["quiescent"], dtype=np.float64),
        np.array(curves["active"], dtype=np.float64),
        *(float(shares[name] or 0.0) for name in ("largest_gap", "quiescent_dimension", "active_dimension")),
    )


def _error_of_share(recording: Recording, mean: Array, axes: Array) -> float | None:
    """The standard error of a share of variance, as a ratio of sums over epochs; only epochs are independent."""
    rates = recording.rates
    if rates is None or len(rates) < max(2, len(recording)):
        return None
    centred = [np.asarray(epoch, dtype=np.float64) - mean for epoch in rates]
    total = np.array([(epoch**2).sum() for epoch in centred])
    within = np.array([((epoch @ axes) ** 2).sum() for epoch in centred])
    residuals = within - within.sum() / total.sum() * total
    return float(np.sqrt((residuals**2).sum() * len(total) / (len(total) - 1)) / total.sum())


def _shares(
    waking: Moments, resting: Moments, components: int
) -> tuple[dict[str, list[float | None]], dict[str, float | None]]:
    """Cumulative shares of variance by number of components, and numbers derived from them; None where nothing varies."""
    active, axes = _principal(waking)
    quiescent, _ = _principal(resting)
    within = np.einsum("nk,nm,mk->k", axes, resting.covariance, axes, optimize=True)
    few = min(components, len(active)) - 1
    with np.errstate(invalid="ignore"):  # 0/0: a share of no variance
        curves = {
            "active": np.cumsum(active) / active.sum(),
            "quiescent": np.cumsum(quiescent) / quiescent.sum(),
            "quiescent_in_active": np.cumsum(within) / within.sum(),
        }
        measures = {
            "active_share": curves["active"][few],
            "quiescent_share": curves["quiescent"][few],
            "quiescent_share_of_active": curves["quiescent_in_active"][few],
            "largest_gap": np.abs(curves["active"] - curves["quiescent"]).max(),
            "active_dimension": active.sum() ** 2 / (active**2).sum(),
            "quiescent_dimension": quiescent.sum() ** 2 / (quiescent**2).sum(),
        }
    shares = {name: [_known(share) for share in curve] for name, curve in curves.items()}
    return shares, {name: _known(value) for name, value in measures.items()}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class Plane:
    """The plane of the first two principal components of a phase, centred on its mean."""

    def __init__(self, moments: Moments):
        self.mean, self.axes = moments.mean, _principal(moments)[1][:, :2]  # (N), and (N, 2) as columns

    def project(self, rates: NDArray[np.float32]) -> Array:
        """(..., N) → (..., 2)."""
        projected: Array = (rates - self.mean) @ self.axes
        return projected


def _principal(moments: Moments) -> tuple[Array, Array]:
    """Variances (N), largest first, and components (N, N) as columns; the largest entry of each is positive."""
    variances, axes = np.linalg.eigh(moments.covariance)
    variances, axes = np.clip(variances[::-1], 0, None), axes[:, ::-1]
    largest = axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    return variances, axes * np.sign(largest)


def _densities(
    plane: Plane, waking: Recording, resting: Recording, samples: int, rng: np.random.Generator
) -> dict[str, float | None]:
    """The divergence and entropies of kernel densities in the plane; None where a density is degenerate."""
    names = ("active_entropy", "quiescent_entropy", "quiescent_entropy_stretched")
    awake, rest = (plane.project(_rates(phase)).reshape(-1, 2) for phase in (waking, resting))
    try:
        p, q = GaussianKDE(awake), GaussianKDE(rest)
    except DegenerateDensity:
        return dict.fromkeys(("kl_plane", *names))
    points = q.sample(samples, rng)
    divergence = float((q.log_density(points) - p.log_density(points)).mean())
    resting_densities = (q, GaussianKDE(_stretched(rest, awake)))
    entropies = [_entropy(density, samples, rng) for density in (p, *(q.with_kernel(p.kernel) for q in resting_densities))]
    return {"kl_plane": divergence, **dict(zip(names, entropies, strict=True))}


def _stretched(points: Array, model: Array) -> Array:
    """Points (n, 2), mapped linearly around their mean so that their covariance is that of a model (m, 2)."""
    own, wanted = (np.linalg.cholesky(np.cov(cloud, rowvar=False)) for cloud in (points, model))
    centre = points.mean(0)
    stretched: Array = centre + (points - centre) @ np.linalg.solve(own.T, wanted.T)
    return stretched


def _entropy(density: GaussianKDE, samples: int, rng: np.random.Generator) -> float:
    return -float(density.log_density(density.sample(samples, rng)).mean())


def _norms(phase: Recording) -> Array:
    """Norm of the rates at each step, averaged over trajectories: (T)."""
    norms: Array = np.linalg.norm(_rates(phase), axis=-1).mean(0, dtype=np.float64)
    return norms


def _ring(plane: Plane, waking: Recording, resting: Recording) -> dict[str, float]:
    """Order and hole of the ring, for bearings alone, with the sense of rotation of waking. Its zero does not matter."""
    if waking.space.bearing(waking.positions) is None:
        return {}
    sense = max((1, -1), key=lambda sign: _order(plane, waking, sign))
    radius = np.linalg.norm(plane.project(_rates(resting)), axis=-1)
    return {
        "active_ring_order": _order(plane, waking, sense),
        "quiescent_ring_order": _order(plane, resting, sense),
        "quiescent_ring_hole": float(np.percentile(radius, 5) / radius.mean()),
    }


def _order(plane: Plane, phase: Recording, sense: int) -> float:
    points, rates = plane.project(_rates(phase)), _rates(phase)
    angle = np.arctan2(points[..., 1], points[..., 0])
    bearing = phase.space.bearing(phase.positions[: len(rates)])
    return float(np.abs(np.exp(1j * (sense * angle - bearing)).mean()))


def _moments(phase: Recording) -> Moments:
    return _there(phase.moments)


def _rates(phase: Recording) -> NDArray[np.float32]:
    return _there(phase.rates)


def _there(value: Any) -> Any:
    if value is None:
        raise ValueError("this analysis needs recordings with rates")
    return value


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the measures of a run's activity awake, at rest, and of both compared."""
    rows: dict[str, dict[str, float | None]] = {ACTIVE: {}, QUIESCENT: {}}
    for name, value in entry.items():
        phase, _, measure = name.partition("_")
        if phase in rows:
            rows[phase][measure.replace("share", "explained_share").replace("entropy", "plane_entropy")] = value
        else:
            rows[QUIESCENT][name] = value
    return rows


ANALYSIS = Analysis(Settings, both_phases, analyse, format=3, rates=200, tabulate=tabulate)
