"""Measure the theory's mechanism in one network, or in a control: docs/theory.md says what each number should be.

    python output_theory.py run=spatial_navigation/noisy_biased_gru [seed=0] [tag=theory] [key=value ...]
    python output_theory.py run=control:langevin:ring [seed=0]

Writes results/theory/<run>_<seed>[_<tag>][_<out>].json: settings, model, and of every measure its numbers with standard
errors; of drift also how α changes with kernel, window and decoder. Minutes for a network on two idle cores, below 2 GB.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any

from reactivation.controls.homes import home_of
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import LARGEST, setting
from reactivation.settings.layers import RESULTS, asked_settings, train_config
from reactivation.storage.files import make_folder, read_json_once, to_json, write_atomically

if TYPE_CHECKING:
    from reactivation.analysis.run import Run

CONTROL = "control"  # as in run=control:langevin:ring
FORMAT = 1
_NOT_SCIENCE = ("path",)


@dataclass
class Settings:
    """Settings of `output_theory.py`."""

    run: str = setting("spatial_navigation/noisy_biased_gru", "experiment <task>/<name>, or control:<name>:<density>")
    seed: int = setting(0, "of the network", low=0)
    tag: str | None = setting(None, "of its run", file_name=True)
    noise: float | None = setting(None, "σ²Δt of its training, or put into a noiseless network; null: its own", above=0)
    gains: list[float] = setting([0.0, 0.5, 2.0, 4.0, 8.0], "c of drift", low=0)
    tempering_gains: list[float] = setting([0.5, 1.0, 2.0, 4.0], "c of tempering", above=0)
    pairs: int = setting(400, "pairs of trajectories of drift, at each c", low=40, high=LARGEST)
    trajectories: int = setting(200, "of tempering and relaxation", low=20, high=LARGEST)
    steps: int = setting(4000, "of tempering, the last half of which is measured", low=400, high=LARGEST)
    path: str = setting(RESULTS, "root of the results")
    out: str | None = setting(None, "end of the file's name, to keep variants apart", file_name=True)


def main(words: list[str]) -> None:
    """Measure, write, print.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    found = measure(settings)
    for fit in found["drift"]["still"]["fits"]:
        print(f"alpha at c = {fit['gain']:g}: {fit['alpha']:.2f} ± {fit['standard_error']:.2f}")
    print(f"exponent of {found['tempering']['what']}: {found['tempering']['value']:.2f}")
    print(result_file(settings))


def measure(settings: Settings) -> dict[str, Any]:
    """Measure one network, and write the file.

    Raises:
        BadInput: the file is there, of other settings.
        DamagedData: the network is not there, or its activity does not stay finite.
    """
    file = result_file(settings)
    if file.exists() and read_json_once(file).get("settings") != science(settings):
        raise BadInput(f"{file} was made with other settings; name these results with out=...")
    run = _run(settings)
    began = time.perf_counter()
    found = {"settings": science(settings), "format": FORMAT, "model": run.provenance(), **_measures(run, settings)}
    found["seconds"] = round(time.perf_counter() - began, 1)
    make_folder(file.parent)
    write_atomically(file, to_json(found))
    return found


def science(settings: Settings) -> dict[str, Any]:
    """Return the settings that results depend on."""
    return {key: value for key, value in asdict(settings).items() if key not in _NOT_SCIENCE}


def result_file(settings: Settings) -> Path:
    """Return results/theory/<run>[_<noise>]_<seed>[_<tag>][_<out>].json, slashes and colons as underscores."""
    noise = None if settings.noise is None else f"{settings.noise:g}"
    ends = [end for end in (noise, str(settings.seed), settings.tag, settings.out) if end]
    return Path(settings.path) / "theory" / f"{'_'.join([settings.run.replace('/', '_').replace(':', '_'), *ends])}.json"


def has(settings: Settings) -> bool:
    """Whether the results of just these settings are there."""
    file = result_file(settings)
    return file.exists() and {"settings": science(settings), "format": FORMAT}.items() <= read_json_once(file).items()


def training_values(settings: Settings) -> dict[str, Any]:
    """Return what trains the network, by the keys of train.py."""
    values: dict[str, Any] = {"config": settings.run, "seed": settings.seed}
    if settings.tag:
        values["tag"] = settings.tag
    config = train_config(values)
    if settings.noise is not None and config.rnn.sigma > 0:
        values["rnn.sigma2_rec"] = settings.noise
    if getattr(config.task, "concentration", None):
        values["task.home"] = home_of(settings.seed)
    return values


def is_control(settings: Settings) -> bool:
    """Whether the run is one whose answers are known."""
    return settings.run.startswith(f"{CONTROL}:")


def _run(settings: Settings) -> "Run":
    # Only now, when the input is known to be good: torch takes seconds to load.
    from reactivation.analysis.run import load_run
    from reactivation.controls.control import control
    from reactivation.machine.device import prepare
    from reactivation.storage.finding import found_run

    if is_control(settings):
        _, name, density = [*settings.run.split(":"), "ring"][:3]
        return control(name, density, settings.seed)
    return load_run(found_run(train_config(training_values(settings)), settings.path), prepare("cpu"))


def _measures(run: "Run", settings: Settings) -> dict[str, Any]:
    from reactivation.network.phases import rest
    from reactivation.settings.declaring import DT
    from reactivation.settings.noise import intensity
    from reactivation.theory.course import course_of
    from reactivation.theory.diffusion import diffusion
    from reactivation.theory.drift import INPUTS, drift
    from reactivation.theory.relaxation import relaxation
    from reactivation.theory.scale import scale_symmetry
    from reactivation.theory.score import score
    from reactivation.theory.tempering import tempering
    from reactivation.world.decoding import TEMPLATE

    sigma = None if run.noise.sigma or settings.noise is None else intensity(settings.noise, DT)
    drifts = {"still": drift(run, settings.gains, pairs=settings.pairs, sigma=sigma)}
    if course_of(run.task.space).is_driven:
        for inputs in INPUTS[1:]:
            drifts[inputs] = drift(run, (1.0,), pairs=settings.pairs, sigma=sigma, inputs=inputs)
        for scale in (0.5, 2.0):
            drifts[f"brownian x {scale:g}"] = drift(
                run, (1.0,), pairs=settings.pairs, sigma=sigma, inputs="brownian", scale=scale
            )
    resting = run.record(rest(1000, 1.0), settings.trajectories // 2, decoder=TEMPLATE)
    found: dict[str, Any] = {
        "drift": {name: {**_plain(one), "is_along": one.is_along} for name, one in drifts.items()},
        "tempering": _plain(
            tempering(run, settings.tempering_gains, trajectories=settings.trajectories, steps=settings.steps, sigma=sigma)
        ),
        "diffusion": _plain(diffusion(run, sigma=sigma)),
        "relaxation": _plain(relaxation(resting)),
        "scale_symmetry": scale_symmetry(run) if run.noise.sigma else None,
        "score": _plain(score(run)) if run.noise.sigma else None,
    }
    return found


def _plain(value: Any) -> Any:
    """A result as plain numbers: NaN as null, which JSON has no number for."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple) or hasattr(value, "tolist"):
        listed = value.tolist() if hasattr(value, "tolist") else value
        return [_plain(one) for one in listed] if isinstance(listed, list | tuple) else _plain(float(listed))
    return None if isinstance(value, float) and value != value else value
