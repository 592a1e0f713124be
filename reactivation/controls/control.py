"""Controls by name, as runs."""

from collections.abc import Callable
import copy
from functools import partial
import math
from typing import NamedTuple

import torch

from reactivation.analysis.loading import load
from reactivation.analysis.run import Run
from reactivation.checks import Natural, checked
from reactivation.controls.densities import Density, Even, Homing, Ring, Round, Sloped
from reactivation.controls.homes import home_of
from reactivation.controls.langevin import Manifold, circular_waves, langevin_network, plane_waves
from reactivation.controls.movements import Movement, Subordinated, moving
from reactivation.controls.walk import SampledWalk
from reactivation.machine.device import cpu_by_default
from reactivation.machine.errors import BadInput, nearest
from reactivation.network.network import Network
from reactivation.settings.declaring import DT
from reactivation.settings.layers import TrainConfig, train_config
from reactivation.settings.noise import intensity
from reactivation.storage.networks import build
from reactivation.streams import of_control, stream
from reactivation.world.spaces import Box, Space
from reactivation.world.tasks.base import Task

LANGEVIN, ATTRACTOR, UNTRAINED, SHUFFLED = "langevin", "attractor", "untrained", "shuffled"
BROWNIAN, ORNSTEIN_UHLENBECK, SPECTRAL = "brownian", "ornstein_uhlenbeck", "spectral"
MOVEMENTS = (BROWNIAN, ORNSTEIN_UHLENBECK, SPECTRAL)
NAMES = (LANGEVIN, ATTRACTOR, UNTRAINED, SHUFFLED, *MOVEMENTS)

_RING = Ring(radius=0.33, width=0.1)  # about that of the biased walk of the paper
_ROUND = Round(width=0.15)
_WALKING = 0.01  # D of the walks that sample them awake [m²/s]: steps of 0.02 m a dimension, about those of the task
_LENGTH = 0.3  # of the waves of the manifold in the box [m]
_PLANE_STRETCH, BEARING_STRETCH = 2.0, 6.0  # |dm/ds| [per m or rad]
_HIGHEST = 2  # largest wave number of the manifold of bearings
_STEPS_A_WIDTH = 10  # tuning width over the standard deviation of a step of the movements: 0.02 m, 0.052 rad
_STARTS = 44  # start positions of the movements along the longest axis
_ALPHA = 0.75  # of the spectral generator: distance grows as t^(2/3)
_LEAST_ALPHA = 0.25  # below it, steps are too long for double precision to say where they end
_HOMEWARD = 0.01  # share of the way to the middle that a step of the Ornstein–Uhlenbeck walk goes
_STILL = 1000  # steps of waking of the movements, with inputs that are 0


class _Kind(NamedTuple):
    """A density to be sampled, and the experiment whose networks are compared with it."""

    prior: Density
    walk: Sloped | None  # density of the walk awake; None: the experiment's own motion
    experiment: str
    waves: Callable[[torch.Generator], torch.Tensor]  # of the manifold
    stretch: float  # of it, |dm/ds| [per m or rad]


@checked
@cpu_by_default()
def control(
    name: str,
    density: str | None = None,
    seed: Natural = 0,
    *,
    alpha: float | None = None,
    space: Space | None = None,
) -> Run:
    """Make a control, a network or movement for which values of measures are known, as a run that every measure takes.

    Args:
        name: langevin, attractor, untrained, shuffled, brownian, ornstein_uhlenbeck or spectral (`reactivation.controls`).
        density: density awake: ring or gaussian in a box of 2.2 m, or bearings drawn to 2π seed/5; None: ring. For
            shuffled, ring or bearings; movements take no density.
        seed: of all random numbers of the control, and of the run.
        alpha: of spectral, ¼ to 1: distance grows as time to the power of 1/(2α), as of Brownian motion at 1; None: ¾.
        space: of brownian and spectral: a box or the circle; None: a box of 2.2 m.

    Raises:
        BadInput: unknown control or density; density, alpha or space that the control does not take; alpha out of range.
        DamagedData: the network to be shuffled is missing.

    >>> run = ra.control("langevin", density="ring")
    >>> run.record(ra.rest(steps=50, variance_gain=2), trajectories=3, decoder="template").positions.shape
    (3, 50, 2)
    """
    if name not in NAMES:
        raise BadInput(f"{name} is no control; {nearest(name, list(NAMES))}")
    _refuse_others(name, density=density, alpha=alpha, space=space)
    if name in MOVEMENTS:
        return _movement(name, Box(2.2, 2.2) if space is None else space, _ALPHA if alpha is None else alpha, seed)
    density = "ring" if density is None else density
    kind = _kind(density, seed)
    if name == SHUFFLED:
        if density == "gaussian":
            raise BadInput("density=gaussian: no network was trained on it that could be shuffled; take ring or bearings")
        trained = load(kind.experiment, seed)
        network = shuffled(trained.network, seed)
        return Run.of(network, dt=trained.dt, sigma=trained.noise.sigma, task=trained.task, seed=seed, name=name)
    config = _config(kind, density, seed)
    task, network = build(config, torch.device("cpu"), of_control)
    if kind.walk is not None:
        walk = SampledWalk(task.space, kind.walk, config.task.dt, _WALKING)
        task = Task(task.space, walk, task.tuning, task.mse_name)
    if name in (LANGEVIN, ATTRACTOR):
        prior = kind.prior if name == LANGEVIN else Even()
        manifold = Manifold(kind.waves(stream(seed, of_control("manifold"))), kind.stretch)
        network = langevin_network(task, manifold, prior, config.rnn.sigma, config.task.dt)
    return Run.of(network, dt=config.task.dt, sigma=config.rnn.sigma, task=task, seed=seed, name=f"{name}_{density}")


def _refuse_others(name: str, **given: object) -> None:
    """Raise BadInput for an argument that a control does not take."""
    offered = {SPECTRAL: ("alpha", "space"), BROWNIAN: ("space",), ORNSTEIN_UHLENBECK: ()}.get(name, ("density",))
    for choice, value in given.items():
        if value is not None and choice not in offered:
            raise BadInput(f"{choice}={value}: {name} has none to choose; leave it out")


def _kind(density: str, seed: int) -> _Kind:
    in_box = ("spatial_navigation/noisy_biased", partial(plane_waves, _LENGTH), _PLANE_STRETCH)
    on_circle = ("head_direction/noisy_drawn_tanh_no_pauses", partial(circular_waves, _HIGHEST), BEARING_STRETCH)
    kinds = {
        "ring": _Kind(_RING, _RING, *in_box),
        "gaussian": _Kind(_ROUND, _ROUND, *in_box),
        "bearings": _Kind(Homing(8.0, home_of(seed)), None, *on_circle),
    }
    if density not in kinds:
        raise BadInput(f"density={density}; {nearest(density, list(kinds))}")
    return kinds[density]


def _config(kind: _Kind, density: str, seed: int) -> TrainConfig:
    own = {"task.concentration": 8, "task.home": home_of(seed)} if density == "bearings" else {}
    return train_config({"config": kind.experiment, "seed": seed, **own})


def shuffled(network: Network, seed: int) -> Network:
    """A copy of a network with the entries of each recurrent matrix in random order."""
    copied = copy.deepcopy(network)
    source = stream(seed, of_control("shuffled"))
    for name, weights in copied.cell.named_parameters():
        if not name.startswith("input"):
            order = torch.randperm(weights.numel(), generator=source)
            weights.data = weights.data.flatten()[order].reshape(weights.shape)
    return copied


def _movement(name: str, space: Space, alpha: float, seed: int) -> Run:
    """A movement without a network, as a run."""
    moves = space.tuning_width / _STEPS_A_WIDTH
    cell, points = Movement(space, DT), torch.as_tensor(space.grid(_STARTS).points, dtype=torch.float32)
    if name == ORNSTEIN_UHLENBECK:
        cell = Movement(space, DT, _HOMEWARD)
        spread = moves / math.sqrt(1 - (1 - _HOMEWARD) ** 2)
        points = spread * torch.randn(points.shape, generator=stream(seed, of_control(name)), dtype=points.dtype)
    elif name == SPECTRAL:
        if not _LEAST_ALPHA <= alpha <= 1:
            raise BadInput(f"alpha={alpha:g} must be at least {_LEAST_ALPHA:g} and at most 1")
        cell, points, name = Subordinated(space, DT, alpha), points.double(), f"{name}_{alpha:g}"
    still = torch.zeros(len(points), _STILL, 1)
    return Run.of(
        moving(cell),
        space,
        dt=DT,
        sigma=intensity(moves**2, DT),
        start=points,
        inputs=still,
        decode=space.reflected,
        seed=seed,
        name=name,
    )
