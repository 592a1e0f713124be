"""The settings that identify a network, and a fingerprint of them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
import hashlib
import json
from typing import Any

from reactivation.settings.layers import TrainConfig, to_dict, train_schema
from reactivation.settings.noise import OF_CELLS
from reactivation.settings.reading import flatten

# Settings that may differ between two commands that train the same network.
_NOT_SCIENCE = {"config", "preset", "path", "tag", "device", "together", "threads", "logger"}
_NOT_SCIENCE |= {f"trainer.{key}" for key in ("n_epochs", "compute_all_metrics", "log_freq", "test_freq", "save_freq")}
_NOT_SCIENCE |= {f"rnn.{key}" for key in OF_CELLS}  # in their other spelling


def science(config: TrainConfig) -> dict[str, Any]:
    """The settings that identify a network, by dotted keys: {"rnn.tau": 0.1, ...}; noises as σ²Δt."""
    return _science(config.task_name, flatten(to_dict(config)))


def science_hash(config: TrainConfig) -> str:
    """A fingerprint of those settings in `science` that are not at their defaults, so new settings change no old one."""
    return fingerprint(config.task_name, flatten(to_dict(config)))


def training_digest(config: TrainConfig) -> str:
    """A digest of all settings that a trained network depends on, except its seed: `science_hash`, and the last step."""
    told = f"{science_hash(replace(config, seed=0))} {config.trainer.n_epochs}"
    return hashlib.sha256(told.encode()).hexdigest()


def fingerprint(task_name: str, settings: Mapping[str, Any]) -> str:
    """As `science_hash`, from a configuration's settings by their dotted keys."""
    defaults = _defaults(task_name, settings["rnn.model"])
    told = {key: value for key, value in _science(task_name, settings).items() if key == "task" or value != defaults[key]}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@cache
def _defaults(task_name: str, model: str) -> dict[str, Any]:
    return science(train_schema(task_name, model)(config=f"{task_name}/"))


def _science(task_name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": task_name} | {key: value for key, value in settings.items() if key not in _NOT_SCIENCE}
