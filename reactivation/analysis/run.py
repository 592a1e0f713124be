"""A network in its world, to be put through phases: trained here, or brought from elsewhere."""

from contextlib import closing
import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn

from reactivation.analysis.progress import Progress
from reactivation.analysis.recording import Recording
from reactivation.analysis.recordings import Subject, record
from reactivation.checks import Count, Natural, Seconds, Strength, checked, in_precision
from reactivation.machine.device import arithmetic, cpu_by_default, enough_memory
from reactivation.machine.errors import BadInput
from reactivation.network.linear import Linear
from reactivation.network.network import Network
from reactivation.network.phases import Phase
from reactivation.settings.layers import TrainConfig
from reactivation.storage.files import sha256
from reactivation.storage.folder import RunFolder
from reactivation.storage.networks import noise_of, stored
from reactivation.storage.seal import weights_digest
from reactivation.types import Noise
from reactivation.world.own import Decode, OwnWorld
from reactivation.world.spaces import Space
from reactivation.world.tasks.base import Task


@checked
@dataclass(frozen=True)
class Run(Subject):
    """Hold a network together with its world, ready to be put through phases and recorded.

    `reactivation.load` returns a network that was trained here (`TrainedRun`), `Run.of` makes a run of any other network.
    `dataclasses.replace(run, network=...)` makes a run with another part, which must fit the others.

    Raises:
        BadInput: network and task do not fit together, or `dt` is not the time step by which the task moves.

    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> run.record(ra.rest(steps=50), trajectories=3).positions.shape
    (3, 50, 2)
    """

    such_as: ClassVar[str] = 'as ra.load("spatial_navigation/noisy_unbiased")'

    def __post_init__(self) -> None:
        if isinstance(self.task, OwnWorld):
            self.task.require_fitting(self.network)
        else:
            _require_fitting(self.task, self.network, self.dt)

    @classmethod
    @checked
    @cpu_by_default()
    def of(
        cls,
        network: Network,
        space: Space | None = None,
        *,
        dt: Seconds,
        sigma: Strength = 0.0,
        start: Any = None,
        inputs: Any = None,
        positions: Any = None,
        decode: Decode | None = None,
        task: Task | None = None,
        seed: Natural = 0,
        name: str = "own",
    ) -> "Run":
        """Make a run of a network from elsewhere, which then rests and is recorded like any other.

        Args:
            network: `Network.from_matrices`, `Network.from_step` or `Network.from_weights`.
            space: where its positions live; left out where a `task` is given, which has one.
            dt: its time step Δt [s].
            sigma: σ of the noise on its rates [s^-1/2]: a step adds noise of variance σ²Δt.
            start: (M, E) inputs of its encoder, or (M, N) states where it has no encoder; None for the state 0.
            inputs: (M, T, I) of waking; inputs[i] goes with start[i]. None: the run can rest only.
            positions: (M, T, P) true positions of waking, those after each step of `inputs` [unit of the space], with which
                `decoding_error` compares; None: not known.
            decode: outputs (..., O) → positions (..., P), as tensors; None where outputs are positions.
            task: take starts, inputs and decoding from a task of the library, say that of a loaded run (`loaded.task`);
                leave out `start`, `inputs`, `positions` and `decode`. A network of another precision is copied into the
                task's.
            seed: of all draws.
            name: of its random streams.

        Raises:
            BadInput: arguments that do not fit together; the message names them.

        >>> import numpy as np
        >>> network = ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1)
        >>> run = ra.Run.of(network, ra.Box(2, 2), dt=0.02, sigma=0.1)
        >>> run.record(ra.rest(steps=50), trajectories=3).positions.shape
        (3, 50, 2)
        """
        if (space is None) == (task is None):
            raise BadInput("give Run.of a space, or a task, which has one")
        world: Task | OwnWorld
        if task is not None:
            own = {"start": start, "inputs": inputs, "positions": positions, "decode": decode}
            given = [name for name, one in own.items() if one is not None]
            if given:
                raise BadInput(f"a task has starts, inputs and decoding of its own: leave {' and '.join(given)} out")
            world, network = task, _as_precise_as(task, network)
        else:
            assert space is not None
            begins = torch.zeros(1, network.n_starts) if start is None else start
            world = OwnWorld(space, begins, inputs, network.n_inputs, decode, positions)
        return cls(network.eval(), world, Noise(sigma), dt, seed, name)

    def __repr__(self) -> str:
        return f"Run({self.name}, {self.network.n_units} units in {self.task.space}, dt={self.dt:g})"

    @checked
    def record(
        self,
        phase: Phase,
        trajectories: Count = 200,
        seed: Natural | None = None,
        dt: Seconds | None = None,
        device: str = "auto",
        rates: bool | Natural = True,
        decoder: str = "top3",
    ) -> Recording:
        """Put the network through a phase, and return what it reports.

        The same call gives the same numbers, whatever else the process does: each phase draws from its own streams.
        `output_kl.py` measures `run.record(ra.rest(1000), 200)`. A long recording tells stderr where it is: by a bar on a
        terminal, elsewhere, as in a notebook, by a line a minute.

        Args:
            phase: `waking(...)`, `rest(...)` or a `Phase`.
            trajectories: B.
            seed: of all draws; None for the run's own.
            dt: Δt of the phase [s]; None for the run's own. σ stays: the noise of a step has variance σ²Δt with this Δt.
            device: "cpu", "cuda", or "auto", which takes a GPU where there is one.
            rates: keep the rates of all trajectories (True; 4 bytes a trajectory, step and unit), of this number of
                trajectories, or of none (False).
            decoder: "top3", the mean of the three most active cells; or "template", the position whose activities are most
                like the outputs, which does not jump (`world.decoding`).

        Returns:
            A `Recording` with positions (B, T, P), and rates (B, T, N).

        Raises:
            BadInput: another Δt under inputs of the task, a Δt beyond τ, sizes beyond the memory, a modifier that the cell
                has no place for, or templates in a world without output cells.
            DamagedData: activity does not stay finite.

        >>> run = ra.load("spatial_navigation/noisy_unbiased")
        >>> run.record(ra.waking(steps=100), trajectories=5, rates=False)
        Recording of 5 epochs, 500 samples every 0.02 s in Box(width=2.2, height=2.2, centre=(0.0, 0.0), hard_walls=False)
        """
        kept = trajectories if rates is True else int(rates)
        with (
            arithmetic(device) as place,
            enough_memory(),
            closing(Progress(self.name, phase.all_steps, call=phase.name)) as progress,
        ):
            return record(self._on(place), phase, trajectories, seed, dt, kept, decoder=decoder, moved=progress.move)

    def _on(self, device: torch.device) -> Self:
        """The same run on a device; this one stays where it is."""
        if self.network.decoder.weight.device.type == device.type:
            return self
        return replace(self, network=copy.deepcopy(self.network).to(device), task=copy.deepcopy(self.task).to(device))


def _require_fitting(task: Task, network: Network, dt: float) -> None:
    """Raise BadInput unless a network takes and reports what a task gives and asks, at the task's time step [s]."""
    if (task.n_inputs, task.n_outputs) != (network.n_inputs, network.n_outputs):
        raise BadInput(
            f"the task has {task.n_inputs} inputs and {task.n_outputs} outputs, the network {network.n_inputs} and "
            f"{network.n_outputs}"
        )
    if isinstance(network.encoder, nn.Identity | Linear) and network.n_starts != task.n_outputs:
        raise BadInput(
            f"the task starts trajectories with activities of {task.n_outputs} cells, and this network begins from "
            f"{network.n_starts} numbers: give it an encoder of shape ({network.n_units}, {task.n_outputs})"
        )
    moves = getattr(task.motion, "dt", dt)  # a motion of one's own need not say it
    if moves != dt:
        raise BadInput(
            f"dt={dt:g} s, and the task's inputs are changes per {moves:g} s: give that as dt; a rest takes another by "
            "record(..., dt=...)"
        )


def _as_precise_as(task: Task, network: Network) -> Network:
    """The network in the precision of the task: itself, or a copy.

    Raises:
        BadInput: a weight is too large for it.
    """
    wanted = next((values.dtype for values in task.state_dict().values() if values.is_floating_point()), torch.float32)
    if network.precision == wanted:
        return network
    for name, values in network.state_dict().items():
        in_precision(name, values, wanted if values.is_floating_point() else values.dtype)
    return copy.deepcopy(network).to(wanted)


def _digest(network: Network, task: Task) -> str:
    """SHA-256 of a network's weights and of a task's cells, in memory."""
    held = [*network.state_dict().values(), *task.state_dict().values()]
    return sha256(b"".join(values.cpu().numpy().tobytes() for values in held))


@checked
@dataclass(frozen=True)
class TrainedRun(Run):
    """Hold a network as it was after some step of its training, with its task."""

    task: Task
    config: TrainConfig
    step: int
    weights: str | None = None  # `weights_digest` of its file; None for a network without a file
    file: Path | None = None
    loaded: str | None = None  # digest of the weights and cells that the file held, by which a change to them is seen

    @classmethod
    def of_config(
        cls, config: TrainConfig, task: Task, network: Network, step: int, file: Path | None = None
    ) -> "TrainedRun":
        """Make a run of a configuration with its task and network; `file` is that of the network, if it has one."""
        weights, loaded = (None, None) if file is None else (weights_digest(file), _digest(network, task))
        noise, dt = noise_of(config), config.task.dt
        return cls(network.eval(), task, noise, dt, config.seed, config.experiment, config, step, weights, file, loaded)

    def provenance(self) -> dict[str, Any]:
        """Return experiment, seed, step and digest of the weights; None where weights or cells are not those of the file."""
        weights = self.weights if self.loaded and _digest(self.network, self.task) == self.loaded else None
        return {"run": self.config.config, "training_seed": self.config.seed, "step": self.step, "weights": weights}

    def __repr__(self) -> str:
        where = f", {self.file}" if self.file else ""
        return f"TrainedRun({self.config.config}, seed={self.seed}, step={self.step}{where})"


def load_run(folder: RunFolder, device: torch.device, step: int | None = None) -> TrainedRun:
    """Load a run from its folder.

    Args:
        step: which model; None for the last step of the run's training.

    Raises:
        BadInput: the recorded paths that it learned from have changed.
        DamagedData: the run is missing, unfinished where its last step is asked for, or damaged.
    """
    return TrainedRun.of_config(*stored(folder, device, step))
