"""Put trained networks through waking and resting, and record what they report.

Rollouts are recorded as they go, in blocks of steps: nobody asks for the rates of 500 trajectories of 2,000 steps.
Axes: B trajectories, T steps, S state variables, P dimensions.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from reactivation.analysis.base import AnalysisSettings, Moments, Recording
from reactivation.machine.errors import DamagedData
from reactivation.network.dynamics import active, quiescent, rollout
from reactivation.storage.runs import Run, noise_of
from reactivation.streams import stream
from reactivation.types import Batch, Drive, Noise, Trajectory

_BLOCK = 10  # steps held at once


@torch.no_grad()
def record_phase(run: Run, name: str, phase: str, settings: AnalysisSettings, rates: int = 0) -> Recording:
    """What a run does in one phase.

    Args:
        name: the run's name, part of its random streams' names.
        phase: "active"; "quiescent", with the run's own noise; "quiescent_noisy", with the noise of `settings.noise`.
        rates: keep the rates of so many trajectories, and the moments of all; 0 for neither.

    Raises:
        DamagedData: activity does not stay finite.
    """
    device = next(run.network.parameters()).device
    own = f"analysis/{name}/{phase}" if settings.draw == 0 else f"analysis/{settings.draw}/{name}/{phase}"
    trajectories = f"{own}/trajectories" if settings.trajectory_stream == "analysis" else "cells"
    batch = run.task.sample(settings.batch_size, settings.t_active, stream(settings.seed, trajectories, device))
    generator = stream(settings.seed, f"{own}/noise", device)
    drive = active(batch, _own_noise(run, settings))
    state = run.network.initial_state(batch.start)
    dropped = 0
    if phase != "active":
        state = _resting_start(run, state, drive, settings, generator)
        drive, dropped = _resting_drive(run, batch, phase, settings), settings.t_shift
    recorder = _Recorder(run, settings.batch_size, drive.inputs.shape[-2] - dropped, dropped, rates)
    for number, block in enumerate(_blocks(run, state, drive, generator)):
        _require_finite(block, number * _BLOCK, f"{name} {phase}")
        recorder.add(block)
    return recorder.recording()


class _Recorder:
    """Puts blocks together, in place: small arrays kept from block to block would leave the heap in pieces."""

    def __init__(self, run: Run, trajectories: int, steps: int, dropped: int, rates: int):
        units = run.config.rnn.n_rec
        self._task, self._step = run.task, -dropped
        self._states = np.empty((trajectories, steps, run.task.space.dimensions))
        self._rates = np.empty((min(rates, trajectories), steps, units), dtype=np.float32) if rates else None
        self._count, self._shift = 0, torch.zeros(units, dtype=torch.float64)
        self._sum, self._products = torch.zeros(units, dtype=torch.float64), torch.zeros(units, units, dtype=torch.float64)

    def add(self, block: Trajectory) -> None:
        """Take the next steps, but for those before the first to keep."""
        early, self._step = max(0, -self._step), self._step + block.outputs.shape[-2]
        if self._step <= 0:
            return
        outputs, rates = block.outputs[:, early:], block.rates[:, early:]
        steps = slice(self._step - outputs.shape[-2], self._step)
        self._states[:, steps] = self._task.decode(outputs).double().cpu().numpy()
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
        """Everything that was added."""
        if self._rates is None:
            return Recording(self._states)
        mean = self._sum / self._count
        covariance = (self._products - self._count * torch.outer(mean, mean)) / (self._count - 1)
        return Recording(self._states, self._rates, Moments((mean + self._shift).numpy(), covariance.numpy()))


def _require_finite(block: Trajectory, before: int, what: str) -> None:
    """Decoding would make a state of anything.

    Args:
        before: the steps of earlier blocks.

    Raises:
        DamagedData: rates (B, T, N) or outputs (B, T, O) are not finite; names the first step.
    """
    finite = (block.rates.isfinite().all(-1) & block.outputs.isfinite().all(-1)).all(0)
    if not finite.all():
        step = before + int(finite.long().argmin()) + 1
        raise DamagedData(f"{what}: activity is not finite from step {step} on; ask for fewer steps, or leave this run out")


def _own_noise(run: Run, settings: AnalysisSettings) -> Noise:
    noise = noise_of(run.config)
    if settings.noise_kind == "run":
        return noise
    return noise._replace(kind=settings.noise_kind)  # type: ignore[arg-type]  # one of the choices, checked by the settings


def _resting_drive(run: Run, batch: Batch, phase: str, settings: AnalysisSettings) -> Drive:
    noise = _own_noise(run, settings)
    if phase == "quiescent_noisy":
        noise = noise._replace(sigma=settings.sigma)
    gain = run.network.cell.quiescent_variance_gain if settings.variance_gain is None else settings.variance_gain
    return quiescent(batch, settings.t_quiescent, noise, gain)


def _resting_start(run: Run, state: Tensor, waking: Drive, settings: AnalysisSettings, generator: torch.Generator) -> Tensor:
    """Where rest begins: (B, S)."""
    if settings.start == "end_of_active":
        *_, last = _blocks(run, state, waking, generator)
        state = last.state
    if settings.start == "random":
        order = torch.rand(state.shape, generator=generator, device=state.device).argsort(0)
        state = state.gather(0, order)  # each unit's rates in an order of its own: its range stays, the pattern goes
    return state


def _blocks(run: Run, state: Tensor, drive: Drive, generator: torch.Generator) -> Iterator[Trajectory]:
    """Run a phase block by block of at most _BLOCK steps."""
    for inputs in torch.split(drive.inputs, _BLOCK, dim=-2):
        trajectory = rollout(run.network, state, drive._replace(inputs=inputs), run.config.task.dt, generator)
        state = trajectory.state
        yield trajectory
