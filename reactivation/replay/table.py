"""All measures of one recording, or of several, in one call."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import math
from typing import Any
import warnings

import numpy as np

from reactivation.analysis.measures.kl import kl
from reactivation.analysis.recording import Recording
from reactivation.checks import Natural, checked, whole
from reactivation.machine.errors import BadInput, nearest
from reactivation.replay.asymmetry import antisymmetric_share, area_rate, entropy_production
from reactivation.replay.compression import compression, ensemble_compression
from reactivation.replay.continuity import continuity
from reactivation.replay.coverage import coverage, time_to_cover_half
from reactivation.replay.diffusion import diffusion, saturation
from reactivation.replay.dwell import dwell, jumps
from reactivation.replay.exponent import exponent, exponent_by_first_step
from reactivation.replay.pairs import pair_correlation
from reactivation.replay.regions import detour, first_entry, visits
from reactivation.replay.sequences import line_fit, transition_similarity, weighted_correlation
from reactivation.replay.states import states
from reactivation.replay.velocity import velocity_autocorrelation
from reactivation.streams import numpy_stream, of_analysis

_Measure = Callable[..., Any]

ALONE: tuple[_Measure, ...] = (  # of one recording
    exponent,
    exponent_by_first_step,
    diffusion,
    saturation,
    velocity_autocorrelation,
    continuity,
    coverage,
    time_to_cover_half,
    dwell,
    jumps,
    first_entry,
    visits,
    detour,
    antisymmetric_share,
    area_rate,
    entropy_production,
    states,
)
BESIDE: tuple[_Measure, ...] = (  # of rest and waking
    kl,
    compression,
    ensemble_compression,
    transition_similarity,
    line_fit,
    weighted_correlation,
    pair_correlation,
)
_NAMED = {measure.__name__: measure for measure in (*ALONE, *BESIDE)}
MEASURES = tuple(_NAMED)


class Failure(str):
    """Why there is no value: an error in the measure, not a lack of data."""


@dataclass(frozen=True, eq=False)
class Table:
    """Hold the result of every measure for every recording.

    When printed, an asterisk marks a value outside all draws of its null, a dash no value, and *failed* an error of a
    measure, which is in `reasons`.
    """

    found: dict[str, dict[str, Any]]  # measure → recording → what it returned
    reasons: dict[str, dict[str, str]]  # measure → recording → why there is no result

    def __repr__(self) -> str:
        known = list(next(iter(self.found.values())))
        names = [str(name) for name in known]
        cells = {measure: [self._cell(measure, name) for name in known] for measure in self.found}
        widths = [max(len(name), *(len(row[i]) for row in cells.values())) for i, name in enumerate(names)]
        first = max(map(len, self.found))
        lines = [[" " * first, *(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))]]
        lines += [
            [f"{measure:<{first}}", *(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))]
            for measure, row in cells.items()
        ]
        return "\n".join("  ".join(line).rstrip() for line in lines)

    def _cell(self, measure: str, name: str) -> str:
        one = self.found[measure][name]
        if isinstance(self.reasons.get(measure, {}).get(name), Failure):
            return "failed"
        if one is None or not math.isfinite(one.value):
            return "–"
        error = "" if one.standard_error is None else f" ± {one.standard_error:.2g}"
        null = getattr(one, "null", None)
        beyond = null is not None and (one.value < null.low or one.value > null.high)
        return f"{one.value:.3g}{error}{'*' if beyond else ' '}"


@checked
def table(
    recordings: Recording | Mapping[str, Recording],
    waking: Recording | Mapping[str, Recording] | None = None,
    *,
    measures: str | Iterable[str] = MEASURES,
    rng: Natural = 0,
) -> Table:
    """Make every measure of `ra.replay` that the recordings allow: some need waking, rates or long epochs.

    Args:
        recordings: a recording, or several by name.
        waking: one recording for all, or one for each by the same names; None: skip the measures that need waking.
        measures: one or several names of `MEASURES`.
        rng: a seed; each measure of each recording draws from a stream of its own.

    Returns:
        the result of each measure, or the reason why there is none (no rates, epochs too short, an error). When printed, an
        asterisk marks a value outside all draws of its null, and a dash no value.

    Raises:
        BadInput: a name of a measure is unknown, `waking` has other names, or there is nothing to measure.

    >>> run = ra.load("head_direction/noisy_unbiased")
    >>> rest, awake = run.record(ra.rest(steps=100), 10), run.record(ra.waking(steps=100), 10)
    >>> ra.replay.table(rest, awake, measures=("exponent", "jumps", "compression"), rng=0)
                        recording
    exponent       0.25... ± 0.02...*
    jumps        ...
    compression             –
    """
    measures, rng = checked_names(measures), whole("rng", rng)
    named = recordings if isinstance(recordings, Mapping) else {"recording": recordings}
    if not named or not measures:
        raise BadInput("a table needs at least one recording and one measure")
    awake = waking if isinstance(waking, Mapping) else dict.fromkeys(named, waking)
    if waking is not None and set(awake) != set(named):
        raise BadInput(f"waking is of {', '.join(awake)}, and the recordings are {', '.join(named)}: give the same names")
    found: dict[str, dict[str, Any]] = {measure: {} for measure in measures}
    reasons: dict[str, dict[str, str]] = {measure: {} for measure in measures}
    for measure in measures:
        for name, recording in named.items():
            draws = numpy_stream(rng, of_analysis("replay", f"{name}/{measure}"))
            answer = answer_of(measure, recording, awake[name], draws)
            if isinstance(answer, str):
                found[measure][name], reasons[measure][name] = None, answer
            else:
                found[measure][name] = answer
    return Table(found, {measure: why for measure, why in reasons.items() if why})


def checked_names(measures: str | Iterable[str]) -> tuple[str, ...]:
    """Return one or several names of measures as a tuple.

    Raises:
        BadInput: a name is unknown.
    """
    names = (measures,) if isinstance(measures, str) else tuple(measures)
    for name in names:
        if name not in _NAMED:
            raise BadInput(f"no such measure: {name}; {nearest(str(name), list(MEASURES))}")
    return names


def answer_of(measure: str, recording: Recording, awake: Recording | None, draws: np.random.Generator) -> Any:
    """Return the result of a measure for a recording, or as text the reason why there is none: `Failure` for an error.

    An error of one measure must not lose the others, which may have taken hours: it becomes a result and a warning.
    """
    function = _NAMED[measure]
    if function not in ALONE and awake is None:
        return f"{measure} compares with waking: give waking="
    given = (recording,) if function in ALONE else (recording, awake)
    try:
        return function(*given, rng=draws)
    except BadInput as problem:
        return str(problem)
    except Exception as error:
        failure = Failure(f"{measure} failed: {type(error).__name__}: {error}")
        warnings.warn(failure, RuntimeWarning, stacklevel=2)
        return failure
