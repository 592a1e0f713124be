"""Whatever is passed to a public function, what comes back is a result, or one line that says what is wrong."""

from collections.abc import Callable, Iterator
import functools
import inspect
import itertools
import math
from pathlib import Path
import re
from typing import Any

from factories import SPATIAL
from matplotlib.figure import Figure
import numpy as np
import pytest
import torch

import reactivation as ra

WRONG: tuple[Any, ...] = (None, "x", 3, 1, -1, math.nan, [], np.zeros(3), object())
Arguments = dict[str, Any]

# What measures return, and policies, which rollouts call: nobody else does.
NOT_CALLED = {
    "inputs.none", "inputs.of_task",
    "replay.Found", "replay.Null", "replay.States", "replay.Table", "replay.TuningCurves",
}  # fmt: skip
LONG = {"theory.drift", "theory.tempering", "train"}
METHODS = {
    "Box.around",
    "Network.from_matrices",
    "Network.from_step",
    "Network.from_weights",
    "Recording.__getitem__",
    "Recording.load",
    "Recording.save",
    "Recording.take",
    "Run.of",
    "Run.record",
    "replay.TuningCurves.decode",
    "replay.TuningCurves.of",
    "replay.TuningCurves.posterior",
}
SMALL = {
    "rnn.n_rec": 4, "task.place_cells_num": 8, "task.sequence_length": 3, "task.batch_size": 2,
    "trainer.n_epochs": 1, "trainer.save_freq": 1,
}  # fmt: skip


def public() -> Iterator[str]:
    """Every function and class that `dir` shows at the door and in its modules, but for errors."""
    for name in ra.__all__:
        one = getattr(ra, name)
        if inspect.ismodule(one):
            names = getattr(one, "__all__", None) or [
                inner for inner, what in vars(one).items() if getattr(what, "__module__", "").startswith(one.__name__)
            ]
            inside = (f"{name}.{inner}" for inner in names if callable(getattr(one, inner)) and not inner.startswith("_"))
            yield from (inner for inner in inside if inner not in NOT_CALLED)
        elif not (isinstance(one, type) and issubclass(one, ra.UserError)):
            yield name
    yield from METHODS


@functools.cache
def parts() -> dict[str, Any]:
    run = ra.load(SPATIAL)
    rng = np.random.default_rng(0)
    bearings = ra.Recording(rng.normal(0, 1, (3, 40)), dt=0.1, space=ra.Circle(), rates=rng.poisson(3.0, (3, 40, 5)))
    awake = run.record(ra.waking(30), 6)
    return {
        "run": run,
        "awake": awake,
        "rest": run.record(ra.rest(40), 6),
        "bearings": bearings,
        "tuning": ra.replay.TuningCurves.of(bearings),
        "network": ra.Network.from_matrices(np.eye(2), tau=0.1),
        "known": ra.control("langevin", density="gaussian"),
        "state": run.network.initial_state(torch.zeros(2, run.network.n_starts)),
    }


def right(name: str, folder: Path) -> tuple[Callable[..., Any], Arguments]:
    """A public function, and arguments for it that work and take little time."""
    part = parts()
    run, awake, rest = part["run"], part["awake"], part["rest"]
    box, xy = ra.Box(9, 9), np.cumsum(np.random.default_rng(0).normal(0, 0.1, (3, 30, 2)), 1)
    file, moves = folder / "recording.npz", folder / "moves.npz"
    np.savez(moves, inputs=np.zeros((5, 2)))
    weights = {"encoder.weight": (4, 3), "w_in.weight": (4, 2), "w_rec.weight": (4, 4), "w_out.weight": (3, 4)}
    known: dict[str, Arguments] = {
        "Adaptation": {"gain": 0.1, "tau": 0.1},
        "Box": {"width": 1, "height": 1, "centre": (0, 0), "hard_walls": False},
        "Box.around": {"positions": xy},
        "Network.from_matrices": {"W_rec": np.eye(2), "tau": 0.1},
        "Network.from_step": {"step": lambda state, u: state, "units": 2, "dt": 0.02},
        "Network.from_weights": {"weights": {key: torch.zeros(shape) for key, shape in weights.items()}, "tau": 0.1},
        "Network": {"encoder": run.network.encoder, "cell": run.network.cell, "readout": run.network.decoder},
        "Noise": {},
        "Phase": {"name": "rest", "steps": 5},
        "Recording": {
            "positions": xy, "dt": 0.02, "space": box, "rates": np.ones((3, 30, 4)), "true_positions": xy,
        },
        "Recording.__getitem__": {"which": slice(3)},
        "Recording.load": {"file": rest.save(file)},
        "Recording.save": {"file": file},
        "Recording.take": {"which": 0},
        "Run": {"network": run.network, "task": run.task, "noise": run.noise, "dt": run.dt, "seed": 0, "name": "own"},
        "Run.of": {"network": part["network"], "space": box, "dt": 0.02},
        "Run.record": {"phase": ra.rest(5), "trajectories": 2},
        "control": {"name": "brownian"},
        "decoding_error": {"recording": awake},
        "explained_variance": {"recording": rest},
        "inputs.Another": {},
        "inputs.Constant": {"velocity": (0.1, 0)},
        "inputs.Own": {},
        "inputs.Query": {},
        "inputs.Replayed": {"inputs": np.zeros((5, 2))},
        "inputs.replayed": {"file": moves},
        "kl": {"rest": xy, "awake": xy + 0.1, "space": box, "samples": 5},
        "load": {"experiment": SPATIAL},
        "over_seeds": {"measure": ra.variance, "recordings": [rest, awake]},
        "plot.density": {"ax": Figure().add_subplot(), "recording": rest},
        "plot.film": {"awake": awake[:2].take([0]), "rest": rest[:2].take([0])},
        "plot.trajectories": {"ax": Figure().add_subplot(), "recording": rest},
        "replay.TuningCurves.decode": {"recording": part["bearings"]},
        "replay.TuningCurves.of": {"awake": part["bearings"]},
        "replay.TuningCurves.posterior": {"rates": np.zeros((2, 5)), "dt": 0.1},
        "replay.pieces": {"recording": rest, "samples": 5},
        "replay.poisson_spikes": {"recording": rest},
        "replay.reactivation": {"before": rest, "awake": awake, "after": rest},
        "replay.table": {"recordings": rest, "waking": awake, "measures": ("exponent",)},
        "rollout": {
            "network": run.network, "state": part["state"], "inputs": torch.zeros(2, 3, 2),
            "noise": run.noise._replace(sigma=0.0), "dt": 0.02,
        },
        "runs_table": {"root": folder},
        "step_length": {"recording": xy, "space": box},
        "stream": {"seed": 0, "name": "x"},
        "theory.bound": {"run": part["known"], "trajectories": 4},
        "theory.diffusion": {"run": part["known"], "states": 20},
        "theory.drift": {"run": part["known"], "gains": (0.0, 2.0), "pairs": 30},
        "theory.metric": {"run": part["known"], "points": 60},
        "theory.optimal_alpha": {"pull": 0.1, "steps": 100},
        "theory.relaxation": {"run": part["known"], "steps": 200, "trajectories": 4},
        "theory.scale_symmetry": {"run": run, "steps": 5, "trajectories": 2},
        "theory.score": {"run": run, "trajectories": 40},
        "theory.tempering": {"run": part["known"], "trajectories": 20, "steps": 200, "gains": (1.0, 2.0)},
        "train": {"experiment": SPATIAL, "settings": SMALL, "path": folder},
        "transitions": {"recording": part["bearings"]},
        "variance": {"recording": xy, "space": box},
    }  # fmt: skip
    owner: dict[str, Any] = {
        "Recording.__getitem__": rest, "Recording.take": rest, "Recording.save": rest, "Run.record": run,
        "replay.TuningCurves.decode": part["tuning"], "replay.TuningCurves.posterior": part["tuning"],
    }  # fmt: skip
    if name == "over_seeds":
        return lambda measure, recordings: ra.over_seeds(measure, recordings), known[name]
    found: Any = functools.reduce(getattr, name.split("."), ra)
    call: Callable[..., Any] = getattr(owner[name], name.split(".")[-1]) if name in owner else found
    arguments = known.get(name)
    if arguments is None and name.startswith("replay."):
        beside = "awake" in inspect.signature(call).parameters
        arguments = {"rest": rest, "awake": awake} if beside else {"recording": rest}
    return call, arguments or {}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tried(call: Callable[..., Any], arguments: Arguments) -> ra.UserError | None:
    """Call, and return what is refused: any other error is the test's."""
    try:
        call(**arguments)
    except ra.UserError as refused:
        return refused
    return None


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in sorted(public())]
)
def test_a_wrong_argument_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    call, arguments = right(name, tmp_path)
    assert tried(call, arguments) is None
    for argument, value in itertools.product(inspect.signature(call).parameters, WRONG):
        refused = tried(call, {**arguments, argument: value})
        assert refused is not None or type(value) is not object, f"{name}({argument}=object()) is taken"
        assert "\n" not in str(refused), (argument, value)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("Network.from_step", "units"),
        ("Run.record", "trajectories"),
        ("kl", "samples"),
        ("theory.bound", "trajectories"),
        ("theory.diffusion", "states"),
        ("theory.drift", "pairs"),
        ("theory.drift", "substeps"),
        ("theory.metric", "points"),
        ("theory.relaxation", "steps"),
        ("theory.relaxation", "trajectories"),
        ("theory.scale_symmetry", "trajectories"),
        ("theory.score", "trajectories"),
        ("theory.tempering", "steps"),
        ("theory.tempering", "trajectories"),
    ],
)
def test_a_count_beyond_the_memory_is_refused_in_one_line(name: str, argument: str, tmp_path: Path) -> None:
    call, arguments = right(name, tmp_path)
    refused = tried(call, {**arguments, argument: 10**12})
    assert re.search(rf"^not enough memory for these sizes: .* use smaller .*{argument}", str(refused))
    assert "\n" not in str(refused)


def test_a_count_that_memory_does_not_limit_is_refused_too() -> None:
    refused = tried(ra.theory.scale_symmetry, {"run": parts()["run"], "steps": 10**12})
    assert str(refused) == "steps=1000000000000 must be at most 10000000"


def test_what_a_phase_draws_from_its_task_counts_as_what_is_kept() -> None:
    run = parts()["run"]
    long = (ra.waking(10**12), ra.rest(10**12), ra.rest(5, task_steps=10**12))
    for phase in long:
        refused = tried(run.record, {"phase": phase, "trajectories": 2})
        assert re.search(r"^not enough memory for these sizes: at least .* use smaller", str(refused)), phase
