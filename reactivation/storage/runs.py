"""The run folder: the only link between training and analysis. A run can be rebuilt from its folder alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
import os
from pathlib import Path
import platform
import subprocess
import sys
from typing import Any

import torch

from reactivation import __version__, registry
from reactivation.machine.device import onednn_in_use
from reactivation.machine.errors import BadInput, DamagedData, storing
from reactivation.machine.places import PRETRAINED
from reactivation.network.network import Network, build_network
from reactivation.settings import layers as configuration
from reactivation.settings.layers import RESULTS, TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.files import damaged, read_json, to_json, write_atomically
from reactivation.storage.seal import weights_digest
from reactivation.streams import CELLS, WEIGHTS, stream
from reactivation.types import Noise
from reactivation.world.tasks.base import Task


def run_name(config: TrainConfig) -> str:
    """<experiment>[_<σ²Δt>]_<seed>[_<tag>]: "noisy_unbiased_0.0001_0"."""
    noise = [f"{config.rnn.sigma2_rec:g}"] if config.rnn.sigma2_rec > 0 else []
    tag = [config.tag] if config.tag else []
    return "_".join([config.experiment, *noise, str(config.seed), *tag])


def run_path(config: TrainConfig, results: str = RESULTS) -> Path:
    """Where a run lives, unless its `path` says otherwise."""
    return Path(config.path) if config.path else Path(results) / config.task_name / run_name(config)


def trained_run(config: TrainConfig, results: str = RESULTS, step: int | None = None) -> "RunFolder":
    """Where to load a run from: its folder, or, while that holds no model, the one that comes with the project.

    Args:
        step: which model is wanted; None for the last.
    """
    own = RunFolder(run_path(config, results))
    shipped = RunFolder(run_path(replace(config, path=None), str(PRETRAINED)))
    if own.steps() or (step or config.trainer.n_epochs) not in shipped.steps():
        return own
    return shipped if configuration.science_hash(shipped.config()) == configuration.science_hash(config) else own


def found_run(config: TrainConfig, results: str = RESULTS, step: int | None = None) -> "RunFolder":
    """As `trained_run`; says on stderr, once, where a network that comes with the project stands in."""
    own, found = run_path(config, results), trained_run(config, results, step)
    if found.path != own:
        _say_stand_in(own, found.path)
    return found


@cache
def _say_stand_in(own: Path, shipped: Path) -> None:
    print(f"{own} holds no model; taking the pretrained {shipped}", file=sys.stderr)


_OLD_NAMES = {"position_error_m": "position_error", "bearing_error_rad": "bearing_error"}


def renamed(measures: dict[str, Any]) -> dict[str, Any]:
    """Give measures the names of today: older files have the unit in some."""
    return {_OLD_NAMES.get(name, name): value for name, value in measures.items()}


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def config_file(self) -> Path:
        return self.path / "config.yml"

    @property
    def environment_file(self) -> Path:
        return self.path / "environment.json"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    def table_file(self, split: str) -> Path:
        """train_metrics.json and test_metrics.json, keyed by step."""
        return self.path / f"{split}_metrics.json"

    def model_file(self, step: int) -> Path:
        """The network after `step` gradient steps."""
        return self.path / f"model_{step}.pt"

    @property
    def resume_files(self) -> list[Path]:
        """Where training goes on from, newest first."""
        return [self.path / "resume.pt", self.path / "resume_previous.pt"]

    def steps(self) -> list[int]:
        """The steps that a model is kept of, in order."""
        stems = (file.stem.removeprefix("model_") for file in self.path.glob("model_*.pt"))
        return sorted(int(stem) for stem in stems if stem.isdigit())

    def config(self) -> TrainConfig:
        """The configuration that the run was made with.

        Raises:
            DamagedData: missing or unreadable.
        """
        if not self.config_file.exists():
            raise DamagedData(f"{self.path}: no run here (config.yml is missing)")
        try:
            return configuration.from_yaml(self.config_file)
        except BadInput as error:
            raise DamagedData(f"{error}") from None

    def table(self, split: str) -> dict[int, dict[str, Any]]:
        """Step → measures; empty where there is no table.

        Raises:
            DamagedData: it is no such table.
        """
        file = self.table_file(split)
        table = read_json(file) if file.exists() else {}
        if not all(step.isdecimal() and isinstance(measures, dict) for step, measures in table.items()):
            raise damaged(file)
        return {int(step): renamed(measures) for step, measures in table.items()}

    def reached(self, step: int) -> bool:
        """Whether the measures of a test at that step are there; the network need not be."""
        return step in self.table("test")

    def last_tested(self) -> int:
        """The last step of which the measures of a test are there; 0 where there are none."""
        return max(self.table("test"), default=0)

    def kept(self, step: int) -> bool:
        """Whether a model of that step is there, and its measures."""
        return step in self.steps() and self.reached(step)

    def is_of(self, config: TrainConfig) -> bool:
        """Whether the network that lives here is the one of this configuration."""
        try:
            return configuration.science_hash(self.config()) == configuration.science_hash(config)
        except DamagedData:
            return False

    def lost_its_network(self) -> bool:
        """Whether the run was trained and nothing but its measures was kept, as in a checkout of results."""
        return self.last_tested() > 0 and not self.steps() and not any(file.exists() for file in self.resume_files)

    def claim(self, config: TrainConfig) -> None:
        """Make the folder this run's; whoever calls holds its lock.

        Raises:
            BadInput: another run lives here.
            StorageError: it cannot be written.
        """
        self.check_claim(config)
        write_atomically(self.config_file, configuration.to_yaml(config).encode())
        write_atomically(self.environment_file, to_json(self._environments()))

    def check_claim(self, config: TrainConfig) -> None:
        """Look into the folder, which need not be there yet.

        Raises:
            BadInput: a run of another network lives here, or files of one whose config.yml is not there.
            StorageError: the folder may not be read.
        """
        with storing(self.path):
            begun = self.config_file.exists()
        if not begun:
            strangers = [*self.path.glob("*.pt"), *self.path.glob("*metrics.json*")]
            if strangers:
                raise BadInput(
                    f"{self.path} holds {strangers[0].name} but no config.yml; name this run with tag=... or path=..."
                )
        else:
            changed = configuration.differences(configuration.science(self.config()), configuration.science(config))
            if changed:
                raise BadInput(
                    f"{self.path} holds another run (there → here: {changed}); name this one with tag=... or path=..."
                )

    def _environments(self) -> list[dict[str, Any]]:
        """One entry per machine state that worked on the run, oldest first."""
        known = read_json(self.environment_file, list) if self.environment_file.exists() else []
        return known if known and known[-1] == environment() else [*known, environment()]


def environment() -> dict[str, Any]:
    """Versions, commit and machine, for the record."""
    return {
        "reactivation": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "onednn_products": onednn_in_use(),
        "cuda_device": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _commit() -> str | None:
    """The commit of the checkout the package runs from; None outside a checkout, "+" if files were changed."""

    def git(*words: str) -> str:
        folder, environment = Path(__file__).parent, {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        commit, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit


def build(config: TrainConfig, device: torch.device, stream_name: Callable[[str], str] = str) -> tuple[Task, Network]:
    """The task and the untrained network of a configuration.

    Drawn on the CPU from the streams CELLS and WEIGHTS of the seed, so they are the same on every device.

    Args:
        stream_name: what to call these streams for a network apart from the seed's own.
    """
    module = registry.load("tasks", config.task_name)
    task = module.build(config.task, stream(config.seed, stream_name(CELLS)))
    network = build_network(config.rnn, task.n_inputs, task.n_outputs, stream(config.seed, stream_name(WEIGHTS)))
    return task.to(device), network.to(device)


def noise_of(config: TrainConfig) -> Noise:
    """The run's own noise, in its three places."""
    rnn = config.rnn
    return Noise(rnn.sigma, rnn.sigma_in, rnn.sigma_out, rnn.noise)  # type: ignore[arg-type]  # one of its choices, checked


@dataclass(frozen=True)
class Run:
    """A network as it was after some step of its training, with its task."""

    config: TrainConfig
    task: Task
    network: Network
    step: int
    weights: str | None = None  # `weights_digest` of its file; None for a network that is in no file


def load_run(folder: RunFolder, device: torch.device, step: int | None = None) -> Run:
    """Rebuild a run from its folder.

    Args:
        step: which model; None for the last step of the run's training.

    Raises:
        DamagedData: the run is missing, unfinished where its last step is asked for, or damaged.
    """
    config = folder.config()
    step = config.trainer.n_epochs if step is None else step
    file = folder.model_file(step)
    if not file.exists():
        kept = folder.steps()
        found = f"it has models up to step {kept[-1]}" if kept else "it has none"
        raise DamagedData(f"{folder.path}: no model of step {step} ({found})")
    content = checkpoint.load(file, configuration.science_hash(config), step)
    task, network = build(config, device)
    checkpoint.load_into(task, content.get("task"), file)
    checkpoint.load_into(network, content.get("network"), file)
    return Run(config, task, network.eval(), step, weights_digest(file))
