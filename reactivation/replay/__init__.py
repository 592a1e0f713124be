"""Measures of replay: how decoded trajectories move, each with a standard error and a null.

Every measure takes recordings of networks or of animals, on any space, with epochs of any length, and never goes across a
gap. It returns a `Found`: `.value`, `.standard_error` (a bootstrap over epochs), `.null` (the measure of data from which one
property was removed, such as the order in time), and, for some measures, a curve over lags.

How far with time   exponent, exponent_by_first_step, diffusion, saturation, velocity_autocorrelation, continuity
Where               coverage, time_to_cover_half, dwell, jumps, first_entry, visits, detour
Direction in time   antisymmetric_share, area_rate, entropy_production
Beside waking       compression, ensemble_compression, transition_similarity, line_fit, weighted_correlation
Units               pair_correlation, reactivation
Kinds of motion     states
All at once         table
Means               pieces, TuningCurves, poisson_spikes, MEASURES

One network or one animal is one draw. For several: `ra.over_seeds(ra.replay.exponent, recordings)`. docs/replay.md has the
definition, source and known answers of each.
"""

from reactivation.replay.asymmetry import antisymmetric_share, area_rate, entropy_production
from reactivation.replay.compression import compression, ensemble_compression
from reactivation.replay.continuity import continuity
from reactivation.replay.coverage import coverage, time_to_cover_half
from reactivation.replay.decoding import TuningCurves, poisson_spikes
from reactivation.replay.diffusion import diffusion, saturation
from reactivation.replay.dwell import dwell, jumps
from reactivation.replay.exponent import exponent, exponent_by_first_step
from reactivation.replay.inference import Found, Null
from reactivation.replay.lags import pieces
from reactivation.replay.pairs import pair_correlation, reactivation
from reactivation.replay.regions import detour, first_entry, visits
from reactivation.replay.sequences import line_fit, transition_similarity, weighted_correlation
from reactivation.replay.states import States, states
from reactivation.replay.table import MEASURES, Table, table
from reactivation.replay.velocity import velocity_autocorrelation

__all__ = [
    "MEASURES",
    "Found",
    "Null",
    "States",
    "Table",
    "TuningCurves",
    "antisymmetric_share",
    "area_rate",
    "compression",
    "continuity",
    "coverage",
    "detour",
    "diffusion",
    "dwell",
    "ensemble_compression",
    "entropy_production",
    "exponent",
    "exponent_by_first_step",
    "first_entry",
    "jumps",
    "line_fit",
    "pair_correlation",
    "pieces",
    "poisson_spikes",
    "reactivation",
    "saturation",
    "states",
    "table",
    "time_to_cover_half",
    "transition_similarity",
    "velocity_autocorrelation",
    "visits",
    "weighted_correlation",
]
