"""Where runs go on: states to resume from, saved and found, and the step from which members of a stack go on together.

The products of a stack round otherwise than those of one network, so a member that went on without its stack would end with
other last bits. A state therefore names the stack that it was saved in, and a run keeps the state of the save before: where
a stack was killed between the saves of two members, those that had saved go back one save and train along again.
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

_THREADS = "threads"  # in a state: of the CPU, with which it was trained
_STACK = "stack"  # in a state: fingerprints of the networks that trained together up to it, in their order


class State(NamedTuple):
    """What a sound state says of itself."""

    step: int
    stack: list[str]  # empty for a network that trained alone


class Candidate(NamedTuple):
    """One of several runs that are to train together, before it is opened."""

    config: TrainConfig
    folder: RunFolder
    done: bool  # by itself
    states: list[State]  # newest first
    failed: bool


def candidate(config: TrainConfig, folder: RunFolder, done: bool) -> Candidate:
    """Look at the states of a run.

    Raises:
        DamagedData: the run's files are damaged.
        StorageError: a file cannot be read.
    """
    states = [State(content["step"], content.get(_STACK, [])) for content in _sound_states(config, folder)]
    return Candidate(config, folder, done, states, bool(states) and read_card(folder).state == FAILED)


def steps_to_go_on_from(candidates: Sequence[Candidate]) -> list[int | None]:
    """The step from which each run goes on, so that a stack is whole again; None for one that has nothing to do.

    A run goes along with one that is not done if its newest state was saved in a stack with that one, and it has a state of
    the step at which that one stands. One that failed is not waited for: it would fail again.
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
    """The step that a run can go on from; 0 where it has not begun or nothing is sound."""
    return next((int(content["step"]) for content in _sound_states(config, folder)), 0)


def _sound_states(config: TrainConfig, folder: RunFolder) -> Iterator[dict[str, Any]]:
    for file in folder.resume_files:
        with suppress(DamagedData):
            yield checkpoint.load(file, science_hash(config))


def go_back(config: TrainConfig, folder: RunFolder, step: int) -> None:
    """Put the state before in the place of the newest if that one is beyond a step; it still names the newest's stack.

    Raises:
        StorageError: it cannot be written.
    """
    states = list(_sound_states(config, folder))
    if len(states) > 1 and states[0]["step"] > step:
        file, stack = folder.resume_files[0], states[0].get(_STACK, [])
        checkpoint.save(file, science_hash(config), states[1]["step"], {**states[1], _STACK: stack})


def save_state(learner: Learner, folder: RunFolder) -> None:
    """Write the state to resume from, and keep the one before.

    Raises:
        StorageError: it cannot be written.
    """
    newest, previous = folder.resume_files
    if newest.exists():
        rename(newest, previous)
    content = {**learner.state(), _STACK: learner.stack, _THREADS: torch.get_num_threads()}
    checkpoint.save(newest, science_hash(learner.config), learner.step, content)


def resume(learner: Learner, folder: RunFolder) -> bool:
    """Go on from the newest sound checkpoint of the folder; says which were passed over. False if the run has not begun.

    Raises:
        BadInput: the run was trained on another kind of device.
        DamagedData: there are checkpoints and none is sound, or models and no checkpoint.
        StorageError: one cannot be read.
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
            set_aside(damaged)  # or the next save would put it in the place of this sound one
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
