"""The run folder: the only link between training and analysis. A run can be rebuilt from its folder alone."""

from collections.abc import Callable, Iterable
import copy
from dataclasses import dataclass, replace
import difflib
from functools import cache
import math
import os
from pathlib import Path
import platform
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self, overload

import torch

from reactivation import __version__, registry
from reactivation.machine.device import onednn_in_use
from reactivation.machine.errors import BadInput, DamagedData, storing
from reactivation.machine.places import PRETRAINED
from reactivation.network.network import Network, build_network
from reactivation.settings import layers as configuration
from reactivation.settings.layers import RESULTS, TrainConfig
from reactivation.settings.reading import to_words
from reactivation.storage import checkpoint
from reactivation.storage.files import damaged, read_json, to_json, write_atomically
from reactivation.storage.seal import weights_digest
from reactivation.streams import CELLS, WEIGHTS, stream
from reactivation.types import Noise
from reactivation.world.own import Decode, OwnWorld
from reactivation.world.spaces import Space
from reactivation.world.tasks.base import Task

if TYPE_CHECKING:
    from reactivation.analysis.base import Recording
    from reactivation.network.phases import Phase


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
    """Hold a network together with its world: what is put through phases, and recorded.

    `reactivation.load` gives one that was trained here (`TrainedRun`), `Run.of` makes one of a network from elsewhere.

    >>> run = ra.load("spatial_navigation/noisy_unbiased")
    >>> run.record(ra.rest(steps=50), trajectories=3).positions.shape
    (3, 50, 2)
    """

    network: Network
    task: Task | OwnWorld
    noise: Noise  # its own, in three places
    dt: float  # its time step Δt [s]
    seed: int
    name: str  # part of the names of its random streams

    @classmethod
    def of(
        cls,
        network: Network,
        space: Space | None = None,
        *,
        dt: float,
        sigma: float = 0.0,
        start: Any = None,
        inputs: Any = None,
        decode: Decode | None = None,
        task: Task | None = None,
        seed: int = 0,
        name: str = "own",
    ) -> "Run":
        """Make a run of a network from elsewhere, which then rests and is recorded like any other.

        Args:
            network: `Network.from_matrices`, `Network.from_step` or `Network.from_weights`.
            space: where its positions live; not where a `task` is given, which has one.
            dt: its time step Δt [s].
            sigma: σ of the noise on its rates [s^-1/2]: a step adds noise of variance σ²Δt.
            start: (M, E) what its encoder takes, or (M, N) states where it has none; None for the state 0.
            inputs: (M, T, I) of waking, each with the start of the same number; None: it rests only.
            decode: outputs (..., O) → positions (..., P), as tensors; None where outputs are positions.
            task: take starts, inputs and decoding from a task of the library, say that of a loaded run.
            seed: of all draws.
            name: of its random streams.

        Raises:
            BadInput: what does not fit together.

        >>> import numpy as np
        >>> network = ra.Network.from_matrices(W_rec=np.zeros((2, 2)), tau=0.1)
        >>> run = ra.Run.of(network, ra.Box(2, 2), dt=0.02, sigma=0.1)
        >>> run.record(ra.rest(steps=50), trajectories=3).positions.shape
        (3, 50, 2)
        """
        if not 0 < dt < math.inf:
            raise BadInput(f"dt={dt} is a time step [s] and must be greater than 0")
        if not 0 <= sigma < math.inf:
            raise BadInput(f"sigma={sigma} is the strength of noise [s^-1/2] and must be at least 0")
        if (space is None) == (task is None):
            raise BadInput("give Run.of a space, or a task, which has one")
        world: Task | OwnWorld
        if task is not None:
            if (task.n_inputs, task.n_outputs) != (network.n_inputs, network.n_outputs):
                raise BadInput(
                    f"the task has {task.n_inputs} inputs and {task.n_outputs} outputs, the network {network.n_inputs} and "
                    f"{network.n_outputs}"
                )
            world = task
        else:
            assert space is not None
            begins = torch.zeros(1, network.n_starts) if start is None else start
            world = OwnWorld(space, begins, inputs, network.n_inputs, decode)
            width = world.sample(1, 1, torch.Generator()).start.shape[-1]
            if width != network.n_starts:
                raise BadInput(f"start has {width} numbers a trajectory; this network begins from {network.n_starts}")
        return cls(network.eval(), world, Noise(sigma), dt, seed, name)

    def record(
        self,
        phase: "Phase",
        trajectories: int = 200,
        seed: int | None = None,
        dt: float | None = None,
        device: str = "auto",
        rates: bool | int = True,
        decoder: str = "top3",
    ) -> "Recording":
        """Put the network through a phase, and return what it reports.

        The same call gives the same numbers, whatever else the process does: draws come from streams of their own.
        `run.record(ra.rest(1000), 200)` is what `output_kl.py` measures.

        Args:
            phase: `waking(...)`, `rest(...)` or a `Phase`.
            trajectories: B.
            seed: of all draws; None for the run's own.
            dt: Δt of the phase [s]; None for the run's own. σ stays: a step's noise has variance σ²Δt of this Δt.
            device: "cpu", "cuda", or "auto", which takes a GPU where there is one.
            rates: keep the rates of all trajectories (4 bytes a trajectory, step and unit), of so many, or of none (False).
            decoder: "top3", the mean of the three most active cells; or "template", the position whose activities are most
                like the outputs, which does not jump (`world.decoding`).

        Returns:
            A `Recording` with positions (B, T, P), and rates (B, T, N).

        Raises:
            BadInput: another Δt under inputs of the task, sizes beyond the memory, a modifier without a place, or templates
                of a world without output cells.
            DamagedData: activity does not stay finite.

        >>> run = ra.load("spatial_navigation/noisy_unbiased")
        >>> run.record(ra.waking(steps=100), trajectories=5, rates=False)
        Recording of 5 epochs, 500 samples every 0.02 s in Box(width=2.2, height=2.2, centre=(0.0, 0.0), hard_walls=False)
        """
        from reactivation.analysis.recordings import record
        from reactivation.machine.device import arithmetic, enough_memory

        if not isinstance(trajectories, int) or trajectories < 1:
            raise BadInput(f"trajectories={trajectories}: give a number of at least 1")
        kept = trajectories if rates is True else int(rates)
        with arithmetic(device) as place, enough_memory():
            return record(self._on(place), phase, trajectories, seed, dt, kept, decoder=decoder)

    def _on(self, device: torch.device) -> Self:
        """The same run on a device; this one stays where it is."""
        if self.network.decoder.weight.device.type == device.type:
            return self
        return replace(self, network=copy.deepcopy(self.network).to(device), task=copy.deepcopy(self.task).to(device))


@dataclass(frozen=True)
class TrainedRun(Run):
    """Hold a network as it was after some step of its training, with its task."""

    task: Task
    config: TrainConfig
    step: int
    weights: str | None = None  # `weights_digest` of its file; None for a network that is in no file
    file: Path | None = None

    @classmethod
    def of_config(
        cls, config: TrainConfig, task: Task, network: Network, step: int, file: Path | None = None
    ) -> "TrainedRun":
        """Put together what a configuration, and the file of its network where there is one, say of a run."""
        weights = None if file is None else weights_digest(file)
        noise, dt = noise_of(config), config.task.dt
        return cls(network.eval(), task, noise, dt, config.seed, config.experiment, config, step, weights, file)

    def __repr__(self) -> str:
        where = f", {self.file}" if self.file else ""
        return f"TrainedRun({self.config.config}, seed={self.seed}, step={self.step}{where})"


def load_run(folder: RunFolder, device: torch.device, step: int | None = None) -> TrainedRun:
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
    return TrainedRun.of_config(config, task, network, step, file)


Named = str | os.PathLike[str]


@overload
def load(experiment: Named, seed: int = 0, step: int | None = None, path: Named | None = None) -> TrainedRun: ...


@overload
def load(experiment: Named, seed: Iterable[int], step: int | None = None, path: Named | None = None) -> list[TrainedRun]: ...


def load(
    experiment: Named, seed: int | Iterable[int] = 0, step: int | None = None, path: Named | None = None
) -> TrainedRun | list[TrainedRun]:
    """Load a trained network, or one for each of several seeds; stderr says from which file.

    Args:
        experiment: "<task>/<name>", or a run folder (text or Path), from here or within `path`.
        seed: of an experiment's network; several for a list of runs. A folder has its own.
        step: of its training; None for the last.
        path: root of your results; None for "results". Where it holds no such network, the ones that come with the
            project are looked through.

    Raises:
        BadInput: no such experiment or folder; says the nearest one.
        DamagedData: the network is not there, or damaged; says the command that trains it.

    >>> ra.load("spatial_navigation/noisy_unbiased", seed=0).step
    2500
    """
    if isinstance(seed, Iterable):
        return [load(experiment, one, step, path) for one in seed]
    root = str(path or RESULTS)
    folder = _named_folder(experiment, root)
    if folder is None:
        config, command = _named_experiment(experiment, seed, root, step)
        folder = trained_run(config, root, step)
        if not folder.steps():
            raise DamagedData(f"no network of {experiment}, seed {seed}, in {folder.path}; train it with: {command}")
    run = load_run(folder, torch.device("cpu"), step)
    print(f"loaded {run.file}", file=sys.stderr)
    return run


def _named_folder(experiment: Named, root: str) -> RunFolder | None:
    """The run folder that somebody means, if it is one."""
    for place in (Path(experiment).expanduser(), Path(root) / experiment, PRETRAINED / experiment):
        if (place / "config.yml").is_file():
            return RunFolder(place)
    return None


def _named_experiment(experiment: Named, seed: int, root: str, step: int | None) -> tuple[TrainConfig, str]:
    """The configuration of an experiment, and the command that trains it.

    Raises:
        BadInput: there is none of that name, or the seed is none.
    """
    known = configuration.experiments()
    name = os.fspath(experiment)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        example = near[0] if near else known[0]
        hint = f"did you mean {example}?" if near else f"known: {', '.join(known)}."
        raise BadInput(
            f"{name} is no run folder and no experiment; {hint} Train one with: python train.py config={example} seed={seed}"
        )
    values: dict[str, Any] = {"config": name, "seed": seed}
    config = configuration.train_config(values)
    if root != RESULTS:
        values["path"] = str(run_path(config, root))
    if step is not None:
        values["trainer.n_epochs"] = step
    return config, shlex.join(["python", "train.py", *to_words(values)])
