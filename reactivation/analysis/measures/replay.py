"""How replay moves: every measure of `reactivation.replay` that needs only decoded positions or rates.

    python output_replay.py [seed=0] [task=head_direction] [measures=[exponent,dwell]] [key=value ...]

Writes results/<task>/replay_<noise>_<seed>.json (run → measure → value), and beside it replay_<noise>_<seed>_details.json:
settings, and for every measure its standard error, unit, null, curve and further numbers, or the reason why it has no value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

from reactivation.analysis.base import Analysis, AnalysisSettings, NamedStreams, Recorded, Result, both_phases
from reactivation.network.phases import ACTIVE, QUIESCENT
from reactivation.replay.inference import Found
from reactivation.replay.states import States
from reactivation.replay.table import MEASURES, answer_of, checked_names
from reactivation.settings.declaring import setting

_OWN = "kl"  # has an analysis of its own


@dataclass
class Settings(AnalysisSettings):
    """Settings of `output_replay.py`."""

    measures: list[str] = setting([name for name in MEASURES if name != _OWN], "which, of those in docs/replay.md")

    def __post_init__(self) -> None:
        """Refuse unknown measures.

        Raises:
            BadInput: a name is no measure.
        """
        super().__post_init__()
        checked_names(self.measures)


def analyse(recorded: Recorded, settings: Settings, streams: NamedStreams) -> Result:
    """Measure every run's rest, beside its own waking where a measure compares.

    Args:
        streams: random streams of the bootstrap and the nulls; one for each measure of each run.

    Returns:
        table[run][measure], None where a measure has no value; details with standard error, null, curve and further numbers.
    """
    table: dict[str, dict[str, float | None]] = {}
    details: dict[str, dict[str, Any]] = {}
    for run, phases in recorded.items():
        answers = {
            name: answer_of(name, phases[QUIESCENT], phases[ACTIVE], streams(f"{run}/{name}")) for name in settings.measures
        }
        table[run] = {name: None if isinstance(one, str) else _number(one.value) for name, one in answers.items()}
        details[run] = {name: {"reason": one} if isinstance(one, str) else _plain(one) for name, one in answers.items()}
    return Result(table, details, table)


def _plain(found: Found) -> dict[str, Any]:
    """The details of a value, as plain numbers."""
    null = found.null
    return {
        "standard_error": _number(found.standard_error),
        "unit": found.unit,
        "null": null and {"of": null.name, **{end: _number(getattr(null, end)) for end in ("value", "low", "high")}},
        **{name: _number(value) for name, value in found.more.items()},
        "at": found.at.tolist(),
        "curve": [_number(value) for value in found.curve],
        "curve_errors": None if found.curve_errors is None else [_number(value) for value in found.curve_errors],
        **({"shares": found.shares, "usable": found.usable} if isinstance(found, States) else {}),
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def tabulate(run: str, entry: Any, details: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return every measure of a run's rest, with its standard error and the ends of its null."""
    row: dict[str, float | None] = {}
    for name, value in entry.items():
        found = details[run][name]
        null = found.get("null") or {}
        row |= {name: value, f"{name}_standard_error": found.get("standard_error")}
        row |= {f"{name}_null_{end}": null.get(end) for end in ("low", "high")}
    return {QUIESCENT: row}


ANALYSIS = Analysis(Settings, both_phases, analyse, format=2, rates=50, tabulate=tabulate)
