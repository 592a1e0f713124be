"""Training: batch → rollout → loss → step; resumable to the bit.

Each step draws a fresh batch. Everything the next step depends on (weights, Adam's moments, random states, the step itself)
is in `resume.pt`, so a run that is killed and started again ends where it would have ended.
"""

from contextlib import suppress
from dataclasses import dataclass
import math
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from reactivation import checkpoint
from reactivation import config as configuration
from reactivation.compute import enough_memory, keep_freed_memory, prepare
from reactivation.config import TrainConfig
from reactivation.dynamics import Response, active, respond
from reactivation.errors import BadInput, DamagedData, Interrupted
from reactivation.files import locked, make_folder, sync_folder
from reactivation.metrics import MetricsLog, error_measures, mean_squared_error
from reactivation.network import Network
from reactivation.objective import Objective, objective_of
from reactivation.runs import RunFolder, build, noise_of
from reactivation.signals import Interruption
from reactivation.streams import stream
from reactivation.tasks.base import Task
from reactivation.types import Batch


@dataclass
class Learner:
    """A network in training: all that a step changes or draws from."""

    config: TrainConfig
    task: Task
    network: Network
    optimizer: torch.optim.Optimizer
    trajectories: torch.Generator
    noise: torch.Generator
    objective: Objective
    step: int = 0
    plain: bool = False  # train by the definitions, without fast loops and losses: for comparison (benchmarks/training.py)

    def learn(self, measured: bool = False) -> tuple[Tensor, dict[str, float]]:
        """One gradient step on one fresh batch; its loss before the step and, where asked for, all other measures."""
        batch = self._sample(self.trajectories)
        response = self._respond(batch, self.noise)
        loss = self.objective(self.network, response, batch)
        measures = {}
        if measured:
            with torch.no_grad():
                measures = error_measures(self.task, response.outputs.detach(), batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return loss.detach(), measures

    @torch.no_grad()
    def test(self) -> dict[str, float]:
        """All measures on the test batch, which is the same every time."""
        seed, device = self.config.seed, self.trajectories.device
        batch = self._sample(stream(seed, "test/trajectories", device))
        outputs = self._respond(batch, stream(seed, "test/noise", device)).outputs
        loss = mean_squared_error(outputs, batch.targets)
        return {"loss": float(loss), **error_measures(self.task, outputs, batch)}

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, as tensors and plain Python."""
        return {
            **self.model_state(),
            "device": self.trajectories.device.type,
            "optimizer": self.optimizer.state_dict(),
            "trajectories": self.trajectories.get_state(),
            "noise": self.noise.get_state(),
        }

    def model_state(self) -> dict[str, Any]:
        """What an analysis needs."""
        return {"network": self.network.state_dict(), "task": self.task.state_dict()}

    def restore(self, content: dict[str, Any], file: Path) -> None:
        """Go back to a saved state.

        Raises:
            DamagedData: it does not fit.
        """
        checkpoint.load_into(self.network, content.get("network"), file)
        checkpoint.load_into(self.task, content.get("task"), file)
        try:
            self.optimizer.load_state_dict(content["optimizer"])
            self.trajectories.set_state(content["trajectories"])
            self.noise.set_state(content["noise"])
        except (KeyError, RuntimeError, ValueError, TypeError):
            raise DamagedData(f"{file}: its optimizer or random states are incomplete or of another device") from None
        self.step = content["step"]

    def _sample(self, generator: torch.Generator) -> Batch:
        return self.task.sample(self.config.task.batch_size, self.config.task.sequence_length, generator)

    def _respond(self, batch: Batch, generator: torch.Generator) -> Response:
        drive, start = active(batch, noise_of(self.config)), self.network.initial_state(batch.start)
        return respond(self.network, start, drive, self.config.task.dt, generator, plain=self.plain)


def new_learner(config: TrainConfig, device: torch.device, plain: bool = False) -> Learner:
    """A run before its first step."""
    task, network = build(config, device)
    trainer = config.trainer
    optimizer = torch.optim.Adam(network.parameters(), lr=trainer.lr, weight_decay=trainer.weight_decay)
    trajectories, noise = (stream(config.seed, name, device) for name in ("trajectories", "noise"))
    objective = objective_of(config, task.tuning, plain)
    return Learner(config, task, network, optimizer, trajectories, noise, objective, plain=plain)


def fit(config: TrainConfig, folder: RunFolder) -> None:
    """Train a run to its last step, from wherever its folder stands; a run that is done is left as it is.

    Raises:
        BadInput: the folder holds another run, or the device is not there.
        DamagedData: no checkpoint of the folder is sound, or the loss is not finite.
        StorageError: disk full, no permission, or another process works in the folder.
        Interrupted: SIGINT or SIGTERM came; the step was finished and saved.
    """
    device = prepare(config.device)
    keep_freed_memory()
    folder.check_claim(config)
    last, standing = config.trainer.n_epochs, _standing(folder)
    if standing >= last:
        print(f"{folder.path}: already trained to step {standing}; nothing to do")
        return
    make_folder(folder.path)
    with locked(folder.path), enough_memory(), Interruption() as interruption:
        folder.claim(config)
        learner = new_learner(config, device)
        if not resume(learner, folder):
            _save_state(learner, folder)  # from here on, a folder with models and no state has lost it
        log = MetricsLog(folder, config.logger == "tensorboard", learner.step)
        try:
            _train(learner, folder, log, interruption)
        finally:
            log.close()
    clear = "\x1b[K" if sys.stdout.isatty() else ""  # of what a neighbour's progress bar may have left on the line
    print(f"{folder.path}: trained to step {last}{clear}")


def resume(learner: Learner, folder: RunFolder) -> bool:
    """Go on from the newest sound checkpoint of the folder; says which were passed over. False if the run has not begun.

    Raises:
        BadInput: the run was trained on another kind of device.
        DamagedData: there are checkpoints and none is sound, or models and no checkpoint.
    """
    fingerprint = configuration.science_hash(learner.config)
    problems = []
    for file in folder.resume_files:
        if not file.exists():
            continue
        try:
            content = checkpoint.load(file, fingerprint)
            _require_same_device(learner, content, folder)
            learner.restore(content, file)
        except DamagedData as problem:
            print(f"passed over {problem}", file=sys.stderr)
            problems.append(file.name)
            continue
        if learner.step:
            print(f"{folder.path}: going on from step {learner.step}")
        return True
    if problems or folder.steps():
        lost = ", ".join(problems) or "resume.pt is missing"
        raise DamagedData(f"{folder.path}: no sound checkpoint to go on from ({lost}); delete the folder to start anew")
    return False


def _require_same_device(learner: Learner, content: dict[str, Any], folder: RunFolder) -> None:
    before, now = content.get("device"), learner.trajectories.device.type
    if before != now:
        raise BadInput(
            f"{folder.path}: was trained on {before}, whose random states {now} cannot take up; go on with device={before}"
        )


def _standing(folder: RunFolder) -> int:
    """The step that a run can go on from; 0 where it has not begun or nothing is sound."""
    if not folder.config_file.exists():
        return 0
    fingerprint = configuration.science_hash(folder.config())
    for file in folder.resume_files:
        with suppress(DamagedData):
            return int(checkpoint.load(file, fingerprint)["step"])
    return 0


def _train(learner: Learner, folder: RunFolder, log: MetricsLog, interruption: Interruption) -> None:
    trainer = learner.config.trainer
    if not log.rows:
        log.add(0, "test", learner.test())
    progress = Progress(folder.path.name, learner.step, trainer.n_epochs)
    losses: list[Tensor] = []
    while learner.step < trainer.n_epochs:
        logged = (learner.step + 1) % trainer.log_freq == 0 or learner.step + 1 == trainer.n_epochs
        loss, measures = learner.learn(measured=logged and trainer.compute_all_metrics)
        losses.append(loss)
        step, done = learner.step, learner.step == trainer.n_epochs
        due = {name: step % getattr(trainer, f"{name}_freq") == 0 or done for name in ("test", "save")}
        if logged or any(due.values()) or interruption.signal:
            _require_finite(losses, step, folder)
            losses.clear()
        if logged:
            log.add(step, "train", {"loss": float(loss), **measures, "steps_per_second": progress.speed(step)})
            progress.show(step, float(loss))
        if due["test"]:
            tested = learner.test()
            log.add(step, "test", tested)
            progress.tell(step, tested)
        if due["save"] or interruption.signal:
            _save(learner, folder, log, keep_model=due["save"])
        if interruption.signal and not done:
            name = signal.Signals(interruption.signal).name
            raise Interrupted(
                f"{folder.path}: {name} at step {step}, saved; the same command goes on from there", interruption.signal
            )
    progress.close()


def _save(learner: Learner, folder: RunFolder, log: MetricsLog, keep_model: bool) -> None:
    """The model first, then the tables, then the state to resume from: whatever is lost in between is made again."""
    if keep_model:
        fingerprint = configuration.science_hash(learner.config)
        checkpoint.save(folder.model_file(learner.step), fingerprint, learner.step, learner.model_state())
    log.write_tables()
    _save_state(learner, folder)


def _save_state(learner: Learner, folder: RunFolder) -> None:
    """Write the state to resume from, and keep the one before."""
    newest, previous = folder.resume_files
    if newest.exists():
        os.replace(newest, previous)
        sync_folder(folder.path)
    checkpoint.save(newest, configuration.science_hash(learner.config), learner.step, learner.state())


def _require_finite(losses: list[Tensor], step: int, folder: RunFolder) -> None:
    values = torch.stack(losses).tolist()
    for past, value in enumerate(values, start=step - len(values) + 1):
        if not math.isfinite(value):
            kept = folder.steps()
            good = f"the last good model is of step {kept[-1]}" if kept else "no model was kept yet"
            raise DamagedData(f"{folder.path}: the loss is {value} at step {past}; {good}; try a smaller trainer.lr")


class Progress:
    """A bar with loss and time left on a terminal, plain lines elsewhere."""

    def __init__(self, name: str, step: int, last: int):
        self._bar = tqdm(total=last, initial=step, desc=name, unit="step", disable=None, dynamic_ncols=True)
        self._name = name
        self._last, self._first_step, self._started = last, step, time.perf_counter()
        self._step, self._time = step, self._started

    def speed(self, step: int) -> float:
        """Steps per second since the last call."""
        now = time.perf_counter()
        speed = (step - self._step) / max(now - self._time, 1e-9)
        self._step, self._time = step, now
        return speed

    def show(self, step: int, loss: float) -> None:
        """Move the bar."""
        self._bar.set_postfix(loss=f"{loss:.2e}", refresh=False)
        self._bar.update(step - self._bar.n)

    def tell(self, step: int, measures: dict[str, float]) -> None:
        """A line on the last test, where there is no bar."""
        if self._bar.disable:
            left = (time.perf_counter() - self._started) / (step - self._first_step) * (self._last - step)
            shown = "  ".join(f"{name} {value:.4g}" for name, value in measures.items())
            print(f"{self._name}: step {step}/{self._last}  {shown}  {left / 60:.1f} min left", flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
