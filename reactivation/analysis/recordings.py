"""Put trained networks through phases, and record what they report.

Rollouts are recorded as they go, in blocks of steps, so that the rates of all steps are never in memory together: those of
500 trajectories of 2,000 steps would be 2 GB.
Axes: B trajectories, T steps, N units, S state variables, P dimensions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reactivation import __version__, streams
from reactivation.analysis.epochs import Moments
from reactivation.analysis.recording import Recording
from reactivation.checks import Natural, Seconds
from reactivation.machine import memory
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.network.dynamics import rollout
from reactivation.network.inputs import Replayed, of_task
from reactivation.network.modifiers import modified
from reactivation.network.network import Network
from reactivation.network.phases import Phase
from reactivation.streams import stream
from reactivation.types import Batch, Noise, Trajectory
from reactivation.world import decoding
from reactivation.world.decoding import TOP3
from reactivation.world.own import Decode, OwnWorld
from reactivation.world.tasks.base import Task

Moved = Callable[[int], object]  # is told how many more steps are done

_BLOCK = 10  # steps held at once


@dataclass(frozen=True)
class Subject:
    """Hold what is recorded: a network, with its world."""

    network: Network
    task: Task | OwnWorld
    noise: Noise  # its own, in three places
    dt: Seconds  # its time step Δt
    seed: Natural
    name: str  # part of the names of its random streams

    def provenance(self) -> dict[str, Any]:
        """Return where the network comes from, as plain values."""
        return {"run": self.name}


@torch.no_grad()
def record(
    subject: Subject,
    phase: Phase,
    trajectories: int = 200,
    seed: int | None = None,
    dt: float | None = None,
    rates: int = 0,
    experiment: str | None = None,
    draw: int = 0,
    trajectory_stream: str | None = None,
    decoder: str = TOP3,
    moved: Moved | None = None,
) -> Recording:
    """Put a trained network through a phase and return what it reports.

    Args:
        seed: of all draws; None for the run's own.
        dt: Δt of the phase [s]; None for the run's own. σ stays, so the noise of a step has variance σ²Δt with this Δt.
        rates: number of trajectories whose rates are kept, with the moments of all; 0 keeps neither.
        experiment: part of the names of the random streams; None for the run's own.
        draw: which of many independent draws of trajectories and noise.
        trajectory_stream: stream of the task's trajectories; None for the phase's own stream.
        decoder: name of the decoder in `world.decoding` that turns outputs into positions.
        moved: called after each block of steps with their number, those of earlier phases included; None: no call.

    Raises:
        BadInput: a network in neither single nor double precision; another Δt under inputs of the task or replayed ones,
            which are changes per step; a Δt beyond τ, or beyond what one step of the network lasts; a modifier that the cell
            has no place for; a decoder that this world does not have; a start of another shape; or too little memory.
        DamagedData: activity does not stay finite, or rates that are kept do not stay within single precision.
    """
    weights, precision = subject.network.decoder.weight, subject.network.precision
    device = weights.device
    decode = decoding.decoder(decoder, subject.task, weights)
    knows_truth = phase.follows_task and subject.task.knows_positions
    _require_memory(subject, phase, trajectories, min(rates, trajectories), knows_truth, device)
    seed, experiment = subject.seed if seed is None else seed, experiment or subject.name
    step = subject.dt if dt is None else dt
    for one in phase.all_phases:  # so that none is refused after others were run
        own = step if one is phase else subject.dt
        subject.network.require_step(own)
        modified(subject.network, one.modify, own)
    if step != subject.dt and (of_task(phase.inputs) or isinstance(phase.inputs, Replayed)):
        whose = "of the task" if of_task(phase.inputs) else "to replay"
        raise BadInput(
            f"phase {phase.name} takes inputs {whose}, which are changes per Δt={subject.dt} s: leave dt as it is"
        )
    trajectory_stream = trajectory_stream or streams.of_phase(experiment, phase.name, streams.TRAJECTORIES, draw)
    drawn = phase.task_steps or phase.steps
    if any(of_task(one.inputs) for one in phase.all_phases) and isinstance(subject.task, OwnWorld):
        subject.task.check_waking(drawn)
    batch = subject.task.sample(trajectories, drawn, stream(seed, trajectory_stream, device)).in_precision(precision)
    names = (streams.of_phase(experiment, phase.name, name, draw) for name in (streams.NOISE, streams.INPUTS, streams.DRIVE))
    draws = _Draws(*(stream(seed, name, device) for name in names))
    state = _start(subject, phase, batch, draws, moved)
    provenance = _provenance(subject, phase, seed, draw, decoder)
    truth = batch.positions if knows_truth else None
    recorder = _Recorder(subject, phase, step, trajectories, rates, decode, truth, provenance)
    for number, block in enumerate(_blocks(subject, phase, batch, state, step, draws, moved)):
        _require_finite(block, number * _BLOCK, f"{experiment} {phase.name}")
        _require_single(block.rates[:rates], number * _BLOCK, f"{experiment} {phase.name}")
        recorder.add(block)
    return recorder.recording()


def _require_memory(
    subject: Subject, phase: Phase, trajectories: int, with_rates: int, knows_truth: bool, device: torch.device
) -> None:
    """Raise BadInput if memory is too small for what a recording keeps, or for what is computed at once.

    Args:
        with_rates: number of trajectories whose rates are kept.
    """
    units, kept, dimensions = subject.network.n_units, phase.steps - phase.dropped, subject.task.space.dimensions
    points = 2 * (2 if knows_truth else 1) * dimensions  # numbers in double precision, of two floats each
    recorded = kept * (trajectories * points + with_rates * units)
    drawn = (phase.task_steps or phase.steps) * (subject.network.n_inputs + dimensions)
    at_once = trajectories * (drawn + _BLOCK * (units + subject.network.n_outputs))
    what = "numbers of trajectories or steps, or keep fewer rates"
    if device.type == "cpu":
        memory.require(recorded + at_once, device, what)
    else:  # recordings lie in the memory of the machine, whatever device computes them
        memory.require(recorded, torch.device("cpu"), what)
        memory.require(at_once, device, what)


class _Recorder:
    """Puts blocks together in arrays made beforehand: many small arrays kept between blocks would fragment the heap."""

    def __init__(
        self,
        subject: Subject,
        phase: Phase,
        dt: float,
        trajectories: int,
        rates: int,
        decode: Decode,
        truth: Tensor | None,
        provenance: dict[str, Any],
    ):
        units, steps = subject.network.n_units, phase.steps - phase.dropped
        self._space, self._decode, self._dt, self._step = subject.task.space, decode, dt, -phase.dropped
        self._truth = None if truth is None else truth[:, phase.dropped : phase.steps].double().cpu().numpy()
        self._provenance = provenance
        self._positions = np.empty((trajectories, steps, self._space.dimensions))
        self._rates = np.empty((min(rates, trajectories), steps, units), dtype=np.float32) if rates else None
        self._count, self._shift = 0, torch.zeros(units, dtype=torch.float64)
        self._sum, self._products = torch.zeros(units, dtype=torch.float64), torch.zeros(units, units, dtype=torch.float64)

    def add(self, block: Trajectory) -> None:
        """Take the next steps, except those before the first to keep.

        Raises:
            BadInput: a task of one's own does not decode them into finite positions.
        """
        early, self._step = max(0, -self._step), self._step + block.outputs.shape[-2]
        if self._step <= 0:
            return
        outputs, rates = block.outputs[:, early:], block.rates[:, early:]
        steps = slice(self._step - outputs.shape[-2], self._step)
        positions = self._decode(outputs)
        if not positions.isfinite().all():
            raise BadInput("the task decodes finite outputs into positions that are not finite: mend its decode")
        self._positions[:, steps] = positions.double().cpu().numpy()
        if self._rates is not None:
            self._rates[:, steps] = rates[: len(self._rates)].cpu().numpy()
            self._add_moments(rates.flatten(0, 1).double().cpu())

    def _add_moments(self, rates: Tensor) -> None:
        """Sums over (n, N), around the mean of the first block: a covariance from raw squares would cancel."""
        if not self._count:
            self._shift = rates.mean(0)
        centred = rates - self._shift
        self._count += len(centred)
        self._sum += centred.sum(0)
        self._products.addmm_(centred.mT, centred)

    def recording(self) -> Recording:
        """The recording of all steps that were added."""
        if self._rates is None or self._count < 2:
            return self._made()
        mean = self._sum / self._count
        covariance = (self._products - self._count * torch.outer(mean, mean)) / (self._count - 1)
        moments = Moments((mean + self._shift).numpy(), covariance.numpy())
        return self._made(moments)

    def _made(self, moments: Moments | None = None) -> Recording:
        """The recording, without a check of a margin: networks may report positions far outside their space."""
        return Recording(
            self._positions,
            self._dt,
            self._space,
            self._rates,
            moments,
            true_positions=self._truth,
            margin=math.inf,
            provenance=self._provenance,
        )


def _require_finite(block: Trajectory, before: int, what: str) -> None:
    """Refuse values that are not finite, which decoding would turn into positions like any others.

    Args:
        before: the steps of earlier blocks.

    Raises:
        DamagedData: rates (B, T, N) or outputs (B, T, O) are not finite; names the first step.
    """
    finite = (block.rates.isfinite().all(-1) & block.outputs.isfinite().all(-1)).all(0)
    if not finite.all():
        step = before + int(finite.long().argmin()) + 1
        raise DamagedData(f"{what}: activity is not finite from step {step} on; ask for fewer steps, or leave this run out")


def _require_single(rates: Tensor, before: int, what: str) -> None:
    """Refuse rates (B, T, N) beyond single precision, in which recordings keep them.

    Args:
        before: the steps of earlier blocks.

    Raises:
        DamagedData: names the first such step.
    """
    end = torch.finfo(torch.float32).max
    fits = (rates.abs() <= end).all(-1).all(0)
    if not fits.all():
        step = before + int(fits.long().argmin()) + 1
        raise DamagedData(
            f"{what}: rates grow beyond {end:.2g} from step {step} on, where the single precision ends that they are kept "
            "in; ask for fewer steps, or rates=False"
        )


def _provenance(subject: Subject, phase: Phase, seed: int, draw: int, decoder: str) -> dict[str, Any]:
    """Where a recording comes from, as plain values."""
    about = {"phase": _plain(phase), "decoder": decoder, "seed": seed, "draw": draw, "version": __version__}
    return {**subject.provenance(), **about}


def _plain(value: Any) -> Any:
    """A phase with its parts as plain values; functions by their names."""
    if is_dataclass(value):
        return {"kind": type(value).__name__, **{f.name: _plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | None) else getattr(value, "__qualname__", type(value).__name__)


class _Draws(NamedTuple):
    """The random streams of a phase, and of the phases before it."""

    noise: torch.Generator
    inputs: torch.Generator
    drive: torch.Generator


def _start(subject: Subject, phase: Phase, batch: Batch, draws: _Draws, moved: Moved | None) -> Tensor:
    """Return the states in which a phase begins, (B, S), of the cell without modifiers."""
    state = subject.network.initial_state(batch.start)
    if phase.after:
        begun = _start(subject, phase.after, batch, draws, moved)
        *_, last = _blocks(subject, phase.after, batch, begun, subject.dt, draws, moved)
        state = modified(subject.network, phase.after.modify, subject.dt).cell.reduced(last.state)
    started = phase.start(state, draws.noise)
    if isinstance(started, Tensor) and started.shape != state.shape:
        raise BadInput(f"phase {phase.name}: its start returns {tuple(started.shape)} for states {tuple(state.shape)}")
    return started


def _blocks(
    subject: Subject, phase: Phase, batch: Batch, state: Tensor, dt: float, draws: _Draws, moved: Moved | None
) -> Iterator[Trajectory]:
    """Run a phase block by block of at most _BLOCK steps, from a state of the cell without modifiers."""
    network = modified(subject.network, phase.modify, dt, draws.drive)
    state, noise = network.cell.extended(state), phase.noise_of(subject.noise, subject.network.cell)
    given = phase.inputs_of(batch, dt, draws.inputs)
    if dt != subject.dt:  # inputs and their noise are currents, which the network takes for changes in its own Δt
        given, noise = given * (subject.dt / dt), noise._replace(sigma_in=noise.sigma_in * (subject.dt / dt))
    for first in range(0, phase.steps, _BLOCK):
        inputs = given[..., first : first + _BLOCK, :]
        trajectory = rollout(network, state, inputs, noise, dt, draws.noise)
        state = trajectory.state
        yield trajectory
        if moved is not None:
            moved(inputs.shape[-2])
