"""Put trained networks through waking and resting, and decode what they report.

Rollouts are decoded as they go, in blocks of steps: nobody asks for the rates of 500 trajectories of 2,000 steps.
Axes: B trajectories, T steps, S state variables, P dimensions.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation.analysis.base import AnalysisSettings
from reactivation.dynamics import active, intensity, quiescent, rollout
from reactivation.runs import Run, noise_of
from reactivation.streams import stream
from reactivation.types import Batch, Drive, Noise

_BLOCK = 10  # steps held at once


@torch.no_grad()
def decode_phase(run: Run, name: str, phase: str, settings: AnalysisSettings) -> NDArray[np.float64]:
    """Decoded states (B, T, P) of one phase of a run.

    Args:
        name: the run's name, part of its random streams' names.
        phase: "active"; "quiescent", with the run's own noise; "quiescent_noisy", with the noise of `settings.noise`.
    """
    device = next(run.network.parameters()).device
    trajectories = f"analysis/{name}/{phase}/trajectories" if settings.trajectory_stream == "analysis" else "cells"
    batch = run.task.sample(settings.batch_size, settings.t_active, stream(settings.seed, trajectories, device))
    generator = stream(settings.seed, f"analysis/{name}/{phase}/noise", device)
    waking = active(batch, _own_noise(run, settings))
    state = run.network.initial_state(batch.start)
    if phase == "active":
        return _decode(run, state, waking, generator)
    state = _resting_start(run, state, waking, settings, generator)
    resting = _resting_drive(run, batch, phase, settings)
    return _decode(run, state, resting, generator)[:, settings.t_shift :]


def _decode(run: Run, state: Tensor, drive: Drive, generator: torch.Generator) -> NDArray[np.float64]:
    batch_size, steps = drive.inputs.shape[:2]
    # Filled in place: small arrays kept from block to block would leave the heap in pieces too small to use again.
    decoded = np.empty((batch_size, steps, run.task.space.dimensions))
    for first, (block, _) in zip(range(0, steps, _BLOCK), _blocks(run, state, drive, generator), strict=True):
        decoded[:, first : first + _BLOCK] = block
    return decoded


def _own_noise(run: Run, settings: AnalysisSettings) -> Noise:
    noise = noise_of(run.config)
    return noise if settings.noise_kind == "run" else noise._replace(kind=settings.noise_kind)  # type: ignore[arg-type]


def _resting_drive(run: Run, batch: Batch, phase: str, settings: AnalysisSettings) -> Drive:
    noise = _own_noise(run, settings)
    if phase == "quiescent_noisy":
        noise = noise._replace(sigma=intensity(settings.noise, run.config.task.dt))
    gain = run.network.cell.quiescent_variance_gain if settings.variance_gain is None else settings.variance_gain
    return quiescent(batch, settings.t_quiescent, noise, gain)


def _resting_start(run: Run, state: Tensor, waking: Drive, settings: AnalysisSettings, generator: torch.Generator) -> Tensor:
    """Where rest begins: (B, S)."""
    if settings.start == "end_of_active":
        *_, (_, state) = _blocks(run, state, waking, generator)
    if settings.start == "random":
        order = torch.rand(state.shape, generator=generator, device=state.device).argsort(0)
        state = state.gather(0, order)  # each unit's rates in an order of its own: its range stays, the pattern goes
    return state


def _blocks(
    run: Run, state: Tensor, drive: Drive, generator: torch.Generator
) -> Iterator[tuple[NDArray[np.float64], Tensor]]:
    """Run a phase block by block: decoded states (B, ≤ _BLOCK, P) and the state after them."""
    for inputs in torch.split(drive.inputs, _BLOCK, dim=-2):
        trajectory = rollout(run.network, state, drive._replace(inputs=inputs), run.config.task.dt, generator)
        state = trajectory.state
        yield run.task.decode(trajectory.outputs).double().cpu().numpy(), state
