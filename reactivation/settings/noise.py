"""Conversions between two spellings of a noise: σ [s^-1/2], and its variance per step, σ²Δt.

Both values are kept: names and fingerprints of runs have σ²Δt, and converting it to σ and back changes the last digit.
"""

from collections.abc import Mapping
import math
from typing import Any, Literal

from reactivation.machine.errors import BadInput

NoiseDistribution = Literal["gaussian", "uniform", "pushed"]  # the last: a Gaussian of the uniform noise's mean and variance
OF_CELLS = {"sigma": "sigma2_rec", "sigma_in": "sigma2_in", "sigma_out": "sigma2_out"}  # σ → σ²Δt, keys of `rnn`
OF_ANALYSES = {"sigma": "noise"}


def intensity(step_variance: float, dt: float) -> float:
    """Return σ of the noise whose variance per step, σ²Δt, is given."""
    return math.sqrt(step_variance / dt)


def step_variance(sigma: float, dt: float) -> float:
    """Return σ²Δt."""
    return sigma**2 * dt


def agree(sigma: float, variance: float, dt: float) -> bool:
    """Whether one of the two values is exactly the conversion of the other."""
    return sigma == intensity(variance, dt) or variance == step_variance(sigma, dt)


def without_unsaid(values: Mapping[str, Any], spellings: Mapping[str, str]) -> dict[str, Any]:
    """Return values without noises that are null: a config.yml of version 0.1 has `sigma: null`."""
    keys = {*spellings, *spellings.values()}
    return {key: value for key, value in values.items() if value is not None or key not in keys}


def in_both_spellings(
    values: Mapping[str, Any], spellings: Mapping[str, str], dt: float, where: str, prefix: str = ""
) -> dict[str, Any]:
    """Return a layer's values with each of its noises both as σ and as σ²Δt, converted with the Δt in force [s].

    Raises:
        BadInput: the layer sets both, and they disagree.
    """
    both = dict(values)
    for key, spelling in spellings.items():
        sigma, variance = values.get(key), values.get(spelling)
        if sigma is not None and variance is not None:
            if not agree(sigma, variance, dt):
                raise BadInput(
                    f"{where}: {prefix}{key} and {prefix}{spelling} are one quantity ({spelling} = σ²Δt); give one of them"
                )
        elif variance is not None:
            both[key] = intensity(variance, dt)
        elif sigma is not None:
            both[spelling] = step_variance(sigma, dt)
    return both
