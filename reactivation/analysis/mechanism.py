"""Measure the theory's mechanism in one network, or in a control; docs/theory.md derives the expected numbers.

    python output_theory.py run=spatial_navigation/noisy_biased_gru [seed=0] [tag=theory] [key=value ...]
    python output_theory.py run=control:langevin:ring [seed=0]
    python output_theory.py run=head_direction/noisy_drawn_tanh tag=theory checkpoints=[1000,5000,25000]

Writes results/theory/<run>_<seed>[_<tag>][_<out>].json: settings, model, and the numbers of every measure with standard
errors; for drift also how α changes with kernel, window and decoder. With checkpoints it writes ..._training.json: α at each
of these steps of training, against the waking density of the last step. Takes minutes for a network, and below 2 GB.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
import json
import math
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any

from reactivation.analysis.progress import Progress
from reactivation.controls.homes import home_of
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.machine.output import only_telling
from reactivation.settings.declaring import LARGEST, setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import RESULTS, train_config
from reactivation.settings.reading import refuse_idle
from reactivation.storage.files import make_folder, read_json_once, require_place, write_atomically

if TYPE_CHECKING:
    from reactivation.analysis.recording import Recording
    from reactivation.analysis.run import Run

CONTROL = "control"  # as in run=control:langevin:ring
FORMAT = 3
# The measures of a network; `measure` completes files that lack one because it was added later.
MEASURES = (
    "drift", "tempering", "diffusion", "metric", "relaxation", "scale_symmetry", "scores", "nulls", "bound",
)  # fmt: skip
_NOT_SCIENCE = ("path",)
_OF_TRAINED = ("tag", "noise")  # settings that do not apply to a control
_OF_THE_LAST = ("tempering_gains", "trajectories", "steps", "long")  # settings that do not apply to earlier training steps
_NULL_GAINS = (0.0, 4.0)  # c at which networks that have learned nothing are measured: those of the verdicts


@dataclass
class Settings:
    """Settings of `output_theory.py`."""

    run: str = setting("spatial_navigation/noisy_biased_gru", "experiment <task>/<name>, or control:<name>:<density>")
    seed: int = setting(0, "of the network", low=0)
    tag: str | None = setting(None, "of its run", file_name=True)
    noise: float | None = setting(None, "σ²Δt of its training, or put into a noiseless network; null: its own", above=0)
    against: str | None = setting(None, "experiment whose motion α is measured against; null: the network's own")
    checkpoints: list[int] = setting([], "steps of training to measure drift at, and nothing else; none: all of the last")
    gains: list[float] = setting([0.0, 0.5, 2.0, 4.0, 8.0], "c of drift", low=0)
    tempering_gains: list[float] = setting([0.5, 1.0, 2.0, 4.0], "c of tempering", above=0)
    pairs: int = setting(400, "pairs of trajectories of drift, at each c", low=40, high=LARGEST)
    trajectories: int = setting(200, "of tempering, at each c; half as many of relaxation", low=20, high=LARGEST)
    steps: int = setting(4000, "of tempering, the last half of which is measured", low=400, high=LARGEST)
    long: int = setting(20_000, "steps of relaxation", low=2000, high=LARGEST)
    path: str = setting(RESULTS, "root of the results", folder=True)
    out: str | None = setting(None, "end of the file's name, to keep variants apart", file_name=True)


def main(words: list[str]) -> None:
    """Measure, write, print.

    Raises:
        BadInput, DamagedData, StorageError: as everywhere.
    """
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    left_out = _OF_TRAINED if is_control(settings) else _OF_THE_LAST if settings.checkpoints else ()
    taken = [f.name for f in fields(Settings) if f.name not in left_out]
    refuse_idle(words, taken, "a control" if is_control(settings) else "checkpoints=")
    with only_telling():
        _tell(measure(settings), settings)


def _tell(found: Mapping[str, Any], settings: Settings) -> None:
    """Print α and the exponent, and the file with all else."""
    if settings.checkpoints:
        for one in found["training"]:
            shown = ", ".join(map(_alpha_of, one["fits"])) or one["why"]
            print(f"alpha after step {one['step']}: {shown}")
    else:
        for fit in found["drift"]["still"]["fits"]:
            print(f"alpha at c = {fit['gain']:g}: {_alpha_of(fit)}")
        print(f"exponent of {found['tempering']['what']}: {found['tempering']['value']:.2f}")
    print(result_file(settings))


def _alpha_of(fit: Mapping[str, Any]) -> str:
    """α with its standard error; a dash where no pairs could tell it."""
    return "–" if fit["alpha"] is None else f"{fit['alpha']:.2f} ± {fit['standard_error']:.2f}"


def measure(settings: Settings, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Measure one network, and write the file.

    Args:
        known: results of the same settings and weights; only the measures that they lack are computed.

    Raises:
        BadInput: the file exists with other settings, or is published.
        DamagedData: the network is missing, or its activity does not stay finite.
        StorageError: the file cannot be written, which is checked first.
    """
    file = result_file(settings)
    require_place(file.parent)
    if file.exists() and read_json_once(file).get("settings") != science(settings):
        raise BadInput(f"{file} was made with other settings; name these results with out=...")
    run = subject_of(settings)
    began = time.perf_counter()
    model = run.provenance()
    if known is None or known["model"] != model:
        known = {}
    measured = _training(run, settings) if settings.checkpoints else _measures(run, settings, known)
    found = {"settings": science(settings), "format": FORMAT, "model": model, **measured}
    found["seconds"] = round(known.get("seconds", 0.0) + time.perf_counter() - began, 1)
    make_folder(file.parent)
    write_atomically(file, (json.dumps(found, allow_nan=False) + "\n").encode())
    return found


def science(settings: Settings) -> dict[str, Any]:
    """Return the settings that results depend on."""
    return {key: value for key, value in asdict(settings).items() if key not in _NOT_SCIENCE}


def result_file(settings: Settings) -> Path:
    """Return results/theory/<run>[_<noise>]_<seed>[_<tag>][_training][_<out>].json, slashes and colons as underscores."""
    noise = None if settings.noise is None else f"{settings.noise:g}"
    training = "training" if settings.checkpoints else None
    ends = [end for end in (noise, str(settings.seed), settings.tag, training, settings.out) if end]
    return Path(settings.path) / "theory" / f"{'_'.join([settings.run.replace('/', '_').replace(':', '_'), *ends])}.json"


def has(settings: Settings) -> bool:
    """Whether results of exactly these settings exist."""
    file = result_file(settings)
    return file.exists() and {"settings": science(settings), "format": FORMAT}.items() <= read_json_once(file).items()


def is_whole(found: Mapping[str, Any]) -> bool:
    """Whether results have all measures of today, or are those of training steps."""
    return "training" in found or set(MEASURES) <= set(found)


def training_values(settings: Settings) -> dict[str, Any]:
    """Return the values that train the network, by the keys of train.py."""
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
    """Whether the run is a control, whose answers are known."""
    return settings.run.startswith(f"{CONTROL}:")


def subject_of(settings: Settings, step: int | None = None) -> "Run":
    """Load the network of the settings, after its last step or an earlier one, or make the control.

    Raises:
        BadInput: checkpoints of a control, or an unknown one.
        DamagedData: the network is missing.
    """
    # Imported only after the input is checked: torch takes seconds to load.
    from reactivation.analysis.run import load_run
    from reactivation.controls.control import control
    from reactivation.machine.device import prepare
    from reactivation.storage.finding import found_run

    if is_control(settings):
        if settings.checkpoints:
            raise BadInput(f"run={settings.run}: a control is not trained, and has no checkpoints")
        _, name, *density = settings.run.split(":")
        if len(density) > 1:
            raise BadInput(f"run={settings.run}: a control is control:<name>:<density>, and no more")
        return control(name, density[0] if density else None, settings.seed)
    return load_run(found_run(train_config(training_values(settings)), settings.path), prepare("cpu"), step)


def awake_of(run: "Run", settings: Settings) -> "Run":
    """Return the run whose waking α is measured against: itself, or itself on the walks of another experiment.

    Raises:
        BadInput: the other experiment lives in another space.
    """
    from reactivation.machine.device import prepare
    from reactivation.storage.networks import build
    from reactivation.world.tasks.base import Task

    if settings.against is None:
        return run
    other, _ = build(train_config(training_values(replace(settings, run=settings.against))), prepare("cpu"))
    own = run.task
    if not isinstance(own, Task) or other.space != own.space:
        raise BadInput(f"against={settings.against}: its positions live in another space than those of {settings.run}")
    return replace(run, task=Task(own.space, other.motion, own.tuning, own.mse_name))


def _awake(run: "Run", settings: Settings) -> "Recording":
    from reactivation.theory.landscape import waking_positions

    return waking_positions(awake_of(run, settings))


def sigma_of(run: "Run", settings: Settings) -> float | None:
    """Return the σ put into a network trained without noise; None for a network with noise of its own."""
    from reactivation.settings.declaring import DT
    from reactivation.settings.noise import intensity

    return None if run.noise.sigma or settings.noise is None else intensity(settings.noise, DT)


def _twins(run: "Run", settings: Settings) -> dict[str, "Run"]:
    """The network and two that have learned nothing: itself before training, and with shuffled recurrent weights."""
    from reactivation.controls.control import shuffled
    from reactivation.machine.device import prepare
    from reactivation.storage.networks import build

    if is_control(settings):
        return {"itself": run}
    _, untrained = build(train_config(training_values(settings)), prepare("cpu"))
    return {
        "itself": run,
        "untrained": replace(run, network=untrained.eval()),
        "shuffled": replace(run, network=shuffled(run.network, settings.seed)),
    }


def _training(run: "Run", settings: Settings) -> dict[str, Any]:
    """α at each checkpoint, against the waking density of the last step."""
    from reactivation.theory.drift import drift

    awake, sigma = _awake(run, settings), sigma_of(run, settings)
    found: list[dict[str, Any]] = []
    with closing(Progress(run.name, len(settings.checkpoints), "checkpoint")) as progress:
        for step in settings.checkpoints:
            progress.at(f"step {step}")
            young, one = subject_of(settings, step), {"step": step, "fits": [], "is_along": None, "why": ""}
            try:
                measured = drift(young, settings.gains, pairs=settings.pairs, sigma=sigma, awake=awake)
            except DamagedData as problem:  # it reports no positions yet
                one["why"] = str(problem)
            else:
                one |= {"fits": _plain(measured.fits), "is_along": measured.is_along}
            found.append(one)
            progress.move()
    return {"training": found}


def _measures(run: "Run", settings: Settings, known: Mapping[str, Any]) -> dict[str, Any]:
    """The results of all measures; known ones are not computed again."""
    from reactivation.theory.bound import bound
    from reactivation.theory.diffusion import diffusion
    from reactivation.theory.metric import metric
    from reactivation.theory.relaxation import relaxation
    from reactivation.theory.scale import scale_symmetry
    from reactivation.theory.score import score
    from reactivation.theory.tempering import tempering

    awake, sigma, count = _awake(run, settings), sigma_of(run, settings), settings.trajectories
    twins = _twins(run, settings)
    each: dict[str, Callable[[], Any]] = {
        "drift": lambda: _drifts(run, settings, sigma, awake),
        "tempering": lambda: tempering(
            run, settings.tempering_gains, trajectories=count, steps=settings.steps, sigma=sigma, awake=awake
        ),
        "diffusion": lambda: diffusion(run, sigma=sigma),
        "metric": lambda: _where_positions_are(lambda: metric(run, sigma=sigma, awake=awake)),
        "relaxation": lambda: relaxation(run, steps=settings.long, trajectories=count // 2, sigma=sigma),
        "scale_symmetry": lambda: scale_symmetry(run) if run.noise.sigma else None,
        "scores": lambda: {name: score(twin) for name, twin in twins.items() if run.noise.sigma},
        "nulls": lambda: {name: _null(twin, settings, sigma) for name, twin in twins.items() if twin is not run},
        "bound": lambda: bound(run),
    }
    found = {}
    with closing(Progress(run.name, len(MEASURES), "measure")) as progress:
        for name in MEASURES:
            progress.at(name)
            found[name] = known[name] if name in known else _plain(each[name]())
            progress.move()
    return found


def _drifts(run: "Run", settings: Settings, sigma: float | None, awake: "Recording") -> dict[str, Any]:
    """Drift without inputs, and under inputs for courses that need them."""
    from reactivation.theory.course import course_of
    from reactivation.theory.drift import drift
    from reactivation.theory.pairs import INPUTS

    pairs = settings.pairs
    drifts = {"still": drift(run, settings.gains, pairs=pairs, sigma=sigma, awake=awake)}
    if course_of(run.task.space).is_driven:
        asked = [(inputs, 1.0) for inputs in INPUTS[1:]] + [("brownian", scale) for scale in (0.5, 2.0)]
        for inputs, scale in asked:
            name = inputs if scale == 1 else f"{inputs} x {scale:g}"
            drifts[name] = drift(run, (1.0,), pairs=pairs, sigma=sigma, inputs=inputs, scale=scale, awake=awake)
    return {name: {**_plain(one), "is_along": one.is_along} for name, one in drifts.items()}


def _null(twin: "Run", settings: Settings, sigma: float | None) -> dict[str, Any]:
    """α, against its own waking, and the exponent of a network that has learned nothing; fewer trajectories and steps."""
    from reactivation.theory.drift import drift
    from reactivation.theory.tempering import tempering

    gains = settings.tempering_gains
    pairs, count = max(40, settings.pairs // 4), max(20, settings.trajectories // 4)

    def asked() -> dict[str, Any]:
        awake = _awake(twin, settings)
        moved = drift(twin, _NULL_GAINS, pairs=pairs, sigma=sigma, awake=awake)
        tempered = tempering(
            twin, (gains[0], gains[-1]), trajectories=count, steps=settings.steps // 2, sigma=sigma, awake=awake
        )
        fits = [{"gain": fit.gain, "alpha": fit.alpha, "standard_error": fit.standard_error} for fit in moved.fits]
        return {"fits": fits, "is_along": moved.is_along, "exponent": tempered.value, "error": tempered.standard_error}

    return _where_positions_are(asked)


def _where_positions_are(asked: Callable[[], Any]) -> Any:
    """The result of a measure; the reason instead where the network reports no positions."""
    try:
        return asked()
    except DamagedData as problem:
        return {"why": str(problem)}


def _plain(value: Any) -> Any:
    """A result as plain numbers of six digits: NaN as null, which JSON has no number for."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _rounded(value) if isinstance(value, float) else value


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
