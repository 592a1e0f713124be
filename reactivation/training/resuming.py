"""Resuming: saving and finding states, and the step from which the members of a stack go on together.

Matrix products of a stack round differently from those of one network, so that a member that goes on alone ends with other
last bits. A state therefore names its stack, and a run also keeps the previous state. If a stack was killed between the
saves of two members, the members that had saved go back to their previous state, and the stack goes on as a whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
import sys
from typing import Any, NamedTuple

import torch

from reactivation.machine.errors import BadInput, DamagedData
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.card import FAILED, read_card
from reactivation.storage.files import rename, set_aside
from reactivation.storage.folder import RunFolder
from reactivation.training.learner import Learner

_THREADS = "threads"  # key of a state: number of CPU threads of its training
_STACK = "stack"  # key of a state: fingerprints of the networks of its stack, in order


class State(NamedTuple):
    """Step and stack of a sound state."""

    step: int
    stack: list[str]  # empty for a network that trained alone


class Candidate(NamedTuple):
    """A run that is to train in a stack, before it is opened."""

    config: TrainConfig
    folder: RunFolder
    done: bool  # at its last step
    states: list[State]  # newest first
    failed: bool


def candidate(config: TrainConfig, folder: RunFolder, done: bool) -> Candidate:
    """Read the saved states of a run.

    Raises:
        DamagedData: the run's files are damaged.
        StorageError: a file cannot be read.
    """
    states = [State(content["step"], content.get(_STACK, [])) for content in _sound_states(config, folder)]
    return Candidate(config, folder, done, states, bool(states) and read_card(folder).state == FAILED)


def steps_to_go_on_from(candidates: Sequence[Candidate]) -> list[int | None]:
    """Return the step from which each run goes on, so that stacks are whole again; None for a run with nothing to do.

    A run goes back to the step of an unfinished run if its newest state was saved in one stack with that run, and it has a
    state of that step. No run goes back for one that failed, which would fail again.
    """
    waiting = {
        science_hash(one.config): one.states[0].step for one in candidates if one.states and not one.done and not one.failed
    }
    return [_step_of(one, waiting) for one in candidates]


def _step_of(one: Candidate, waiting: dict[str, int]) -> int | None:
    if not one.states:
        return None if one.done else 0
    newest, there = one.states[0], [state.step for state in one.states]
    along = [waiting[name] for name in newest.stack if waiting.get(name) in there]
    return min(along if one.done else [newest.step, *along], default=None)


def standing(config: TrainConfig, folder: RunFolder) -> int:
    """Return the step from which a run can go on; 0 if it has not begun or no state is sound."""
    return next((int(content["step"]) for content in _sound_states(config, folder)), 0)


def _sound_states(config: TrainConfig, folder: RunFolder) -> Iterator[dict[str, Any]]:
    for file in folder.resume_files:
        with suppress(DamagedData):
            yield checkpoint.load(file, science_hash(config))


def go_back(config: TrainConfig, folder: RunFolder, step: int) -> None:
    """Replace the newest state by the previous one if the newest is after `step`; the stack named in the newest is kept.

    Raises:
        StorageError: the state cannot be written.
    """
    states = list(_sound_states(config, folder))
    if len(states) > 1 and states[0]["step"] > step:
        file, stack = folder.resume_files[0], states[0].get(_STACK, [])
        checkpoint.save(file, science_hash(config), states[1]["step"], {**states[1], _STACK: stack})


def save_state(learner: Learner, folder: RunFolder) -> None:
    """Write the state to resume from, and keep the previous one.

    Raises:
        StorageError: the state cannot be written.
    """
    newest, previous = folder.resume_files
    if newest.exists():
        rename(newest, previous)
    content = {**learner.state(), _STACK: learner.stack, _THREADS: torch.get_num_threads()}
    checkpoint.save(newest, science_hash(learner.config), learner.step, content)


def resume(learner: Learner, folder: RunFolder) -> bool:
    """Restore the newest sound checkpoint of the folder and print which were passed over; False if the run has not begun.

    Raises:
        BadInput: the run was trained on another kind of device, or on other recorded paths.
        DamagedData: no checkpoint is sound, or models exist without a checkpoint.
        StorageError: a checkpoint cannot be read.
    """
    fingerprint = science_hash(learner.config)
    passed_over: list[Path] = []
    for file in folder.resume_files:
        if not file.exists():
            continue
        try:
            content = checkpoint.load(file, fingerprint)
            _require_same_device(learner, content, folder)
            learner.restore(content, file)
        except DamagedData as problem:
            print(f"passed over {problem}", file=sys.stderr)
            passed_over.append(file)
            continue
        for damaged in passed_over:
            set_aside(damaged)  # otherwise the next save would replace this sound one by it
        if learner.step:
            print(f"{folder.path}: going on from step {learner.step}")
            _tell_of_threads(content, folder)
        return True
    if passed_over or folder.steps():
        lost = ", ".join(file.name for file in passed_over) or "resume.pt is missing"
        raise DamagedData(f"{folder.path}: no sound checkpoint to go on from ({lost}); delete the folder to start anew")
    return False


def _tell_of_threads(content: dict[str, Any], folder: RunFolder) -> None:
    now = torch.get_num_threads()
    before = content.get(_THREADS, now)
    if content["device"] == "cpu" and before != now:
        print(
            f"{folder.path}: was trained with {before} threads and goes on with {now}: its last bits may differ from those "
            f"that threads={before} would give",
            file=sys.stderr,
        )


def _require_same_device(learner: Learner, content: dict[str, Any], folder: RunFolder) -> None:
    before, now = content.get("device"), learner.trajectories.device.type
    if before != now:
        raise BadInput(
            f"{folder.path}: was trained on {before}, whose random states {now} cannot take up; go on with device={before}"
        )
