"""The run folder: the only link between training and analysis. A run can be rebuilt from its folder alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reactivation.machine.errors import BadInput, DamagedData, storing
from reactivation.machine.numbers import whole_number
from reactivation.machine.places import refuse_published
from reactivation.settings.describing import differences
from reactivation.settings.identity import science, science_hash
from reactivation.settings.layers import TrainConfig, from_yaml, to_yaml
from reactivation.storage.files import clear_leftovers, damaged, read_json, to_json, write_atomically

_OLD_NAMES = {"position_error_m": "position_error", "bearing_error_rad": "bearing_error"}


def renamed(measures: dict[str, Any]) -> dict[str, Any]:
    """Give measures their current names: in older files some names have the unit."""
    return {_OLD_NAMES.get(name, name): value for name, value in measures.items()}


def are_measures(found: Any) -> bool:
    """Whether `found` is a dictionary of measures: names with numbers, or None where a measure has no value."""
    kinds = (int, float, type(None))
    return isinstance(found, dict) and all(
        isinstance(value, kinds) and not isinstance(value, bool) for value in found.values()
    )


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

    @property
    def card_file(self) -> Path:
        return self.path / "run.json"

    def table_file(self, split: str) -> Path:
        """train_metrics.json and test_metrics.json, keyed by step."""
        return self.path / f"{split}_metrics.json"

    def model_file(self, step: int) -> Path:
        """The network after `step` gradient steps."""
        return self.path / f"model_{step}.pt"

    @property
    def resume_files(self) -> list[Path]:
        """The states from which training continues, newest first."""
        return [self.path / "resume.pt", self.path / "resume_previous.pt"]

    def has_begun(self) -> bool:
        """Whether the folder has a run."""
        return self.config_file.exists()

    def steps(self) -> list[int]:
        """The steps whose models are kept, in order."""
        stems = (file.stem.removeprefix("model_") for file in self.path.glob("model_*.pt"))
        return sorted(step for stem in stems if (step := whole_number(stem)) is not None)

    def config(self) -> TrainConfig:
        """The configuration that the run was made with.

        Raises:
            DamagedData: missing or unreadable.
        """
        if not self.config_file.exists():
            raise DamagedData(f"{self.path}: no run here (config.yml is missing)")
        try:
            return from_yaml(self.config_file)
        except BadInput as error:
            raise DamagedData(f"{error}") from None

    def table(self, split: str) -> dict[int, dict[str, Any]]:
        """Step → measures; empty where there is no table.

        Raises:
            DamagedData: the file is not such a table.
        """
        file = self.table_file(split)
        table = read_json(file) if file.exists() else {}
        if not all(whole_number(step) is not None and are_measures(measures) for step, measures in table.items()):
            raise damaged(file)
        return {int(step): renamed(measures) for step, measures in table.items()}

    def reached(self, step: int) -> bool:
        """Whether the run was tested at that step; its model need not be kept."""
        return step in self.table("test")

    def last_tested(self) -> int:
        """The step of the last test; 0 before the first."""
        return max(self.table("test"), default=0)

    def kept(self, step: int) -> bool:
        """Whether the model of that step is kept, and was tested."""
        return step in self.steps() and self.reached(step)

    def is_of(self, config: TrainConfig) -> bool:
        """Whether the folder's run has this configuration, but for settings that do not change the network."""
        try:
            return science_hash(self.config()) == science_hash(config)
        except DamagedData:
            return False

    def differences_from(self, config: TrainConfig) -> str:
        """Return how settings that change the network differ, there → here; "" if none does.

        Raises:
            DamagedData: its configuration is missing or unreadable.
        """
        return differences(science(self.config()), science(config))

    def lost_its_network(self) -> bool:
        """Whether the run was trained and only its measures were kept, as of most published runs."""
        return self.last_tested() > 0 and not self.steps() and not any(file.exists() for file in self.resume_files)

    def vacate(self) -> None:
        """Delete the files of a run without a network; its configuration last, so that this can be repeated after a kill.

        Raises:
            StorageError: no permission.
        """
        tables = [self.table_file(split) for split in ("train", "test")]
        with storing(self.path):
            for file in (*self.resume_files, *tables, self.metrics_file, self.environment_file, self.config_file):
                file.unlink(missing_ok=True)

    def assign(self, config: TrainConfig) -> None:
        """Make the folder that of this run; the caller holds its lock and its claim.

        Raises:
            BadInput: the folder has another run.
            StorageError: it cannot be written.
        """
        self.check_free_for(config)
        clear_leftovers(self.path, older=0)
        write_atomically(self.config_file, to_yaml(config).encode())
        write_atomically(self.environment_file, to_json(self._environments()))

    def check_free_for(self, config: TrainConfig) -> None:
        """Check that the folder, which need not exist yet, is free for a run or has this run already.

        Raises:
            BadInput: it has a run of another network, files of a run without config.yml, or published results.
            StorageError: the folder may not be read.
        """
        refuse_published(self.path)
        with storing(self.path):
            begun = self.has_begun()
        if not begun:
            strangers = [*self.path.glob("*.pt"), *self.path.glob("*metrics.json*")]
            if strangers:
                raise BadInput(
                    f"{self.path} holds {strangers[0].name} but no config.yml; name this run with tag=... or path=..."
                )
        else:
            changed = self.differences_from(config)
            if changed:
                raise BadInput(
                    f"{self.path} holds another run (there → here: {changed}); name this one with tag=... or path=..."
                )

    def _environments(self) -> list[dict[str, Any]]:
        """One entry per machine state that worked on the run, oldest first."""
        from reactivation.storage.environment import environment  # loads torch, which reading a folder does not need

        known = read_json(self.environment_file, list) if self.environment_file.exists() else []
        now = environment()
        return known if known and known[-1] == now else [*known, now]
