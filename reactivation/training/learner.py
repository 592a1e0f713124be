"""Networks in training: the gradient step, and all the states that it changes or draws from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reactivation.machine.errors import DamagedData
from reactivation.network.dynamics import Response, respond
from reactivation.network.network import Network
from reactivation.settings.declaring import TrainerSettings
from reactivation.settings.layers import TrainConfig
from reactivation.storage import networks
from reactivation.storage.networks import build, noise_of
from reactivation.streams import NOISE, TEST_NOISE, TEST_TRAJECTORIES, TRAJECTORIES, Streams, stream, streams_of
from reactivation.training.cuda_graph import Step, captured
from reactivation.training.metrics import error_measures, mean_squared_error
from reactivation.training.objective import Objective, objective_of
from reactivation.types import Batch, Measures
from reactivation.world.tasks.base import Task


@dataclass(kw_only=True)
class Trainee(ABC):
    """Base of what is trained: one network, or a stack of networks with a leading axis."""

    config: TrainConfig
    network: Network
    optimizer: torch.optim.Optimizer
    trajectories: Streams
    noise: Streams
    objective: Objective
    step: int = 0
    plain: bool = False  # train without fast loops and losses, for comparison (benchmarks/training.py)

    @abstractmethod
    def sample(self, streams: Any) -> Batch:
        """Draw a batch from streams like `trajectories`."""

    @abstractmethod
    def measure(self, outputs: Tensor, batch: Batch) -> list[Measures]:
        """Return the error measures of each network."""

    def learn(self, measured: bool = False) -> tuple[Tensor, list[Measures]]:
        """Make one gradient step on a new batch.

        Returns:
            The loss before the step, () or one per network (S,), and if `measured` the other measures of each network.
        """
        self._take_rate()
        learned = self._steps[measured]()
        self.step += 1
        return learned

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Return every optimizer whose settings are saved or used."""
        return [self.optimizer]

    def _take_rate(self) -> None:
        """Set the learning rate of the next step. A captured step contains its rate, so a new rate needs a new capture."""
        rate = self.config.trainer.rate(self.step)
        groups = [group for optimizer in self.optimizers() for group in optimizer.param_groups]
        if all(group["lr"] == rate for group in groups):
            return
        for group in groups:
            group["lr"] = rate
        vars(self).pop("_steps", None)  # made anew when next asked for

    @cached_property
    def _steps(self) -> dict[bool, Step]:
        """The step without and with measures, each captured on a GPU."""
        streams = [*streams_of(self.trajectories), *streams_of(self.noise)]
        return {measured: captured(partial(self.descend, measured), streams) for measured in (False, True)}

    def descend(self, measured: bool) -> tuple[Tensor, list[Measures]]:
        """Make the step itself; it copies nothing between host and device, so that it can be captured on a GPU."""
        batch = self.sample(self.trajectories)
        response = self.respond(batch, self.noise)
        loss = self.objective(self.network, response, batch)
        measures = self._measure(response, batch) if measured else []
        # A sum over networks: gradients are near Adam's eps, so that smaller ones, of a mean, would train less.
        loss.sum().backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)  # after the step, since a capture must start without gradients
        return loss.detach(), measures

    def respond(self, batch: Batch, noise: Streams) -> Response:
        """Run the network awake, under the run's own noise."""
        own, start = noise_of(self.config), self.network.initial_state(batch.start)
        return respond(self.network, start, batch.inputs, own, self.config.task.dt, noise, plain=self.plain)

    @torch.no_grad()
    def _measure(self, response: Response, batch: Batch) -> list[Measures]:
        return self.measure(response.outputs.detach(), batch)


@dataclass(kw_only=True)
class Learner(Trainee):
    """One network, and how to save and restore it."""

    task: Task
    trajectories: torch.Generator
    noise: torch.Generator
    stack: list[str] = field(default_factory=list)  # fingerprints of all networks of its stack, including its own

    def sample(self, streams: torch.Generator) -> Batch:
        return self.task.sample(self.config.task.batch_size, self.config.task.sequence_length, streams)

    def measure(self, outputs: Tensor, batch: Batch) -> list[Measures]:
        return [error_measures(self.task, outputs, batch.targets, batch.positions)]

    @torch.no_grad()
    def test(self) -> dict[str, float]:
        """Return all measures on the test batch, which is always the same."""
        seed, device = self.config.seed, self.trajectories.device
        batch = self.sample(stream(seed, TEST_TRAJECTORIES, device))
        outputs = self.respond(batch, stream(seed, TEST_NOISE, device)).outputs
        loss = mean_squared_error(outputs, batch.targets)
        return read({"loss": loss, **self.measure(outputs, batch)[0]})

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, as tensors and plain Python."""
        return {
            **self.model_state(),
            "device": self.trajectories.device.type,
            "optimizer": self.optimizer.state_dict(),
            "trajectories": self.trajectories.get_state(),
            "noise": self.noise.get_state(),
        }

    def model_state(self) -> dict[str, Any]:
        """Return what analyses need of the network and its task."""
        return networks.content(self.task, self.network)

    def restore(self, content: dict[str, Any], file: Path) -> None:
        """Restore a saved state.

        Raises:
            BadInput: the network was trained on other recorded paths.
            DamagedData: the state does not fit this network.
        """
        networks.restore(self.task, self.network, content, file)
        try:
            self._require_own_moments(content["optimizer"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.trajectories.set_state(content["trajectories"])
            self.noise.set_state(content["noise"])
        except (KeyError, IndexError, AttributeError, RuntimeError, ValueError, TypeError):
            raise DamagedData(f"{file}: its optimizer or random states are incomplete or of another device") from None
        self.step = content["step"]

    def _require_own_moments(self, saved: dict[str, Any]) -> None:
        """Raise ValueError unless Adam's moments have the shapes of the parameters, which torch does not check."""
        parameters = [parameter.shape for group in self.optimizer.param_groups for parameter in group["params"]]
        for index, moments in saved["state"].items():
            for name in ("exp_avg", "exp_avg_sq"):
                if moments[name].shape != parameters[index] or not moments[name].is_floating_point():
                    raise ValueError(f"{name} of parameter {index}")


def read(measures: Measures) -> dict[str, float]:
    """Return measures as plain numbers; waits for the device."""
    return {name: float(value) for name, value in measures.items()}


def new_learner(config: TrainConfig, device: torch.device, plain: bool = False) -> Learner:
    """Make a run before its first step."""
    task, network = build(config, device)
    trajectories, noise = (stream(config.seed, name, device) for name in (TRAJECTORIES, NOISE))
    return Learner(
        config=config,
        task=task,
        network=network,
        optimizer=new_optimizer(network, config.trainer),
        trajectories=trajectories,
        noise=noise,
        objective=objective_of(config, task.tuning, plain),
        plain=plain,
    )


def new_optimizer(network: Network, trainer: TrainerSettings) -> torch.optim.Optimizer:
    """Make Adam as in the paper; on a GPU as one kernel that counts steps on the device, as captured steps need it."""
    parameters = list(network.parameters())
    on_gpu = parameters[0].is_cuda
    return torch.optim.Adam(
        parameters, lr=trainer.lr, weight_decay=trainer.weight_decay, fused=on_gpu or None, capturable=on_gpu
    )
