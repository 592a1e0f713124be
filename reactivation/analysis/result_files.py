"""The two files of an analysis: its table, and details with settings, networks and further numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from reactivation import registry
from reactivation.analysis.base import Analysis, AnalysisSettings, Result
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.settings.describing import differences
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import TrainConfig, to_dict
from reactivation.settings.reading import flatten, to_words
from reactivation.storage.files import digest, make_folder, read_json_once, sha256, to_json, write_together
from reactivation.world.decoding import TOP3

# Settings that may differ between two commands that compute the same result.
_NOT_SCIENCE = ("path", "preset", "device", "allow_missing", "sigma")  # sigma is noise in another unit
_WHOSE = ("runs", "seed", "noise", "out")  # settings that tell the runs of a result, or name it


def declared(name: str) -> Analysis[Any]:
    """Return the declaration of an analysis, `ANALYSIS` of its module.

    Raises:
        BadInput: no such analysis.
    """
    analysis: Analysis[Any] = registry.load("analysis", name).ANALYSIS
    return analysis


def result_file(name: str, settings: AnalysisSettings, part: str = "") -> Path:
    """results/<task>/<analysis>_<noise>_<seed>[_<decoder but top3>][_<change of rest>...][_<tag>][_<out>]<part>.json."""
    changes = [word.replace("[", "").replace("]", "") for word in to_words(settings.changes())]
    decoder = settings.decoder if settings.decoder != TOP3 else None
    ends = [end for end in (decoder, *changes, settings.tag, settings.out) if end]
    stem = "_".join([name, f"{settings.noise:g}", str(settings.seed), *ends])
    return Path(settings.path) / settings.task / f"{stem}{part}.json"


def holds(name: str, settings: AnalysisSettings, models: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether complete results of exactly these settings and `models` exist, in the current format."""
    table_file, details_file = result_file(name, settings), result_file(name, settings, "_details")
    if not (table_file.exists() and details_file.exists()):
        return False
    record = _record_of(details_file)
    if record is None or _changed(record.settings, settings):
        return False
    if (record.format, record.table) != (declared(name).format, digest(table_file)):
        return False
    return all(_is_same(record.models.get(run), wanted) for run, wanted in models.items())


def model(config: TrainConfig, step: int, weights: str | None) -> dict[str, Any]:
    """The entry of details on a measured network; `weights` is the SHA-256 of its file without the seal."""
    return {"step": step, "fingerprint": science_hash(config), "weights": weights}


def _is_same(measured: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether two models are the same; weights are compared only if both are known, as results may outlive the network."""
    if not isinstance(measured, dict) or any(measured.get(key) != wanted[key] for key in ("step", "fingerprint")):
        return False
    return len({measured.get("weights"), wanted["weights"]} - {None}) < 2


def _science(settings: AnalysisSettings) -> dict[str, Any]:
    """The settings that results depend on."""
    return {key: value for key, value in flatten(to_dict(settings)).items() if key not in _NOT_SCIENCE}


def analysis_digest(settings: AnalysisSettings) -> str:
    """Return a digest of the settings that results depend on, whatever the runs."""
    defaults, told = _science(type(settings)()), _science(settings)
    return sha256(to_json({key: told[key] for key in told if key not in _WHOSE and told[key] != defaults[key]}))


def _changed(made_with: dict[str, Any], settings: AnalysisSettings) -> str:
    """How a file's settings differ from these; settings added after the file was written count as at their defaults."""
    return differences({**_science(type(settings)()), **made_with}, _science(settings))


class _Record(NamedTuple):
    """The part of a file of details that says how it was made."""

    settings: dict[str, Any]
    format: int  # of the files; the module of each analysis has the current one
    table: str | None  # SHA-256 of the table that was written with it
    models: dict[str, Any]


def _record_of(details_file: Path) -> _Record | None:
    """Read that part; None if the file names no settings or models."""
    details = read_json_once(details_file)
    if not all(isinstance(details.get(part), dict) for part in ("settings", "models")):
        return None
    return _Record(details["settings"], details.get("format", 1), details.get("table_sha256"), details["models"])


def refuse_other_settings(name: str, settings: AnalysisSettings) -> None:
    """Raise BadInput where the files hold results of other settings, and DamagedData where they lack their settings."""
    table_file, details_file = result_file(name, settings), result_file(name, settings, "_details")
    if details_file.exists():
        record = _record_of(details_file)
        if record is None:
            raise DamagedData(f"{details_file}: names no settings or models; delete it, or name these results with out=...")
        changed = _changed(record.settings, settings)
        if changed:
            raise BadInput(f"{details_file} was made with other settings ({changed}); name these results with out=...")
    elif table_file.exists():
        raise BadInput(f"{table_file} is there without a record of its settings; name these results with out=...")


def write_result(name: str, settings: AnalysisSettings, result: Result, made_from: Mapping[str, Any]) -> None:
    """Write table and details, or leave both as they are.

    A kill between the two leaves a table that does not match the digest in the details: `holds` is then False, and the same
    command writes both again.

    Args:
        made_from: the "models" of its runs, and the "missing" runs.

    Raises:
        StorageError: the folder cannot be written.
    """
    table_file, details_file = result_file(name, settings), result_file(name, settings, "_details")
    table = to_json(result.table)
    about = {"settings": _science(settings), "format": declared(name).format, "table_sha256": sha256(table)}
    make_folder(table_file.parent)
    write_together({details_file: to_json({**about, **made_from, **result.details}), table_file: table})
