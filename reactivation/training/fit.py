"""Training of runs, from the last saved step of their folders to their last step; resuming changes no bit.

Each step draws a fresh batch. Everything the next step depends on (weights, Adam's moments, random states, the step itself)
is in `resume.pt`, so a run that is killed and started again ends where it would have ended.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
import math
import signal
from statistics import fmean
import sys
import time
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from reactivation.machine.device import enough_memory
from reactivation.machine.errors import BadInput, DamagedData, Interrupted, SomeFailed, StorageError, UserError
from reactivation.machine.interruption import Interruption
from reactivation.settings.declaring import TrainerSettings
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.card import in_the_way, write_card
from reactivation.storage.claims import claimed, is_claimed
from reactivation.storage.files import clear_leftovers, locked, make_folder
from reactivation.storage.folder import RunFolder
from reactivation.training.learner import Learner, new_learner, read
from reactivation.training.metrics import MetricsLog
from reactivation.training.preparing import ready
from reactivation.training.resuming import (
    Candidate,
    candidate,
    go_back,
    resume,
    save_state,
    standing,
    steps_to_go_on_from,
)
from reactivation.training.stack import stacked
from reactivation.types import Measures

Report = Callable[[UserError], None]  # handles the error of a run that cannot go on


@dataclass(frozen=True, eq=False)
class Session:
    """A run in training."""

    learner: Learner
    folder: RunFolder
    log: MetricsLog
    touch: Callable[[], None]  # marks its folder as in use


class _Look(NamedTuple):
    """Results of a run since the last look."""

    session: Session
    losses: list[float]  # of each step
    measures: Measures  # of the last step; empty unless they are due
    test: dict[str, float]  # of a test; empty unless one is due


def fit(config: TrainConfig, folder: RunFolder) -> None:
    """Train a run from the last saved step of its folder to its last step; a finished run stays as it is.

    Raises:
        BadInput: the folder holds another run, the device is missing, or memory is too small.
        DamagedData: no checkpoint of the folder is sound, or the loss is not finite.
        StorageError: the disk is full, permission is missing, or another process works in the folder.
        Interrupted: one of `interruption.SIGNALS` came; the step was finished and saved.
    """
    with enough_memory():
        device = ready(config, 1)
        if _is_done(config, folder):
            _tell_it_is_done(config, folder)
            return
        with Interruption() as interruption, _session(config, folder, device) as session:
            _train([session], interruption, _raise)


def fit_together(runs: Sequence[tuple[TrainConfig, RunFolder]]) -> None:
    """Train runs that differ only in their seeds as one stack, each to its last step in its own folder.

    If runs are at different steps, those furthest behind train until they reach the others, and then all go on as one stack.
    A run that cannot go on is reported at once and left out; the others end as they would without it, equal to rounding.

    Raises:
        BadInput: the device is missing, memory is too small, or the cell cannot be stacked.
        SomeFailed: some runs could not go on; raised after all others have ended, with the exit code of the first.
        Interrupted: one of `interruption.SIGNALS` came; the step was finished and all runs were saved.
    """
    problems: list[UserError] = []

    def note(problem: UserError) -> None:
        print(problem, file=sys.stderr)
        problems.append(problem)

    with enough_memory(), Interruption() as interruption, ExitStack() as opened:
        device = ready(runs[0][0], len(runs))
        sessions = _open_together(runs, device, opened, note)
        while sessions:
            lowest = min(map(_step, sessions))
            group = [session for session in sessions if _step(session) == lowest]
            others = [session for session in sessions if _step(session) > lowest]
            arrived = _train(group, interruption, note, until=min(map(_step, others), default=None))
            sessions = [session for session in sessions if session in (*arrived, *others)] if others else []
    if problems:
        raise SomeFailed(f"{len(problems)} of {len(runs)} trainings failed, for the reasons above", problems[0].exit_code)


def _open_together(
    runs: Sequence[tuple[TrainConfig, RunFolder]], device: torch.device, opened: ExitStack, report: Report
) -> list[Session]:
    """Open the unfinished runs, each at the step from which it goes on; report those that cannot be opened."""
    candidates, sessions = list[Candidate](), list[Session]()
    for config, folder in runs:
        with _reporting(report):
            candidates.append(candidate(config, folder, _is_done(config, folder)))
    for (config, folder, *_), step in zip(candidates, steps_to_go_on_from(candidates), strict=True):
        with _reporting(report):
            if step is None:
                _tell_it_is_done(config, folder)
            else:
                sessions.append(opened.enter_context(_session(config, folder, device, step)))
    return sessions


@contextmanager
def _reporting(report: Report) -> Iterator[None]:
    """Work on one run in this block; a UserError in it is reported."""
    try:
        yield
    except UserError as problem:
        report(problem)


def _step(session: Session) -> int:
    return session.learner.step


def _raise(problem: UserError) -> NoReturn:
    raise problem


def _is_done(config: TrainConfig, folder: RunFolder) -> bool:
    """Whether nothing is left to train."""
    if in_the_way(folder, config):
        print(f"{folder.path}: takes the place of a run that failed before a network was kept")
        return False
    folder.check_free_for(config)
    if folder.lost_its_network():
        raise BadInput(
            f"{folder.path}: was trained to step {folder.last_tested()}, but its network was not kept; "
            "delete the folder to train it again, or name this run with tag=... or path=..."
        )
    last = config.trainer.n_epochs  # a run at that step may lack files of its last save
    return _is_whole(folder, last) or standing(config, folder) > last


def _tell_it_is_done(config: TrainConfig, folder: RunFolder) -> None:
    asked = config.trainer.n_epochs
    step = max(asked, standing(config, folder))
    fewer = f", and trainer.n_epochs={asked} asks for fewer steps" if step > asked else ""
    print(f"{folder.path}: already trained to step {step}{fewer}; nothing to do")
    if is_claimed(folder.path) or any(folder.path.glob(".*.tmp")):
        # Left by a kill after the last save; a folder without write permission keeps them.
        with suppress(StorageError), locked(folder.path), claimed(folder.path):
            clear_leftovers(folder.path, older=0)


def _is_whole(folder: RunFolder, step: int) -> bool:
    """Whether a sound model of that step exists, and the tables hold the measures."""
    if not folder.kept(step) or (folder.metrics_file.exists() and not folder.table("train")):
        return False
    with suppress(DamagedData):
        return bool(checkpoint.load(folder.model_file(step), science_hash(folder.config()), step))
    return False


@contextmanager
def _session(config: TrainConfig, folder: RunFolder, device: torch.device, step: int | None = None) -> Iterator[Session]:
    """Lock the folder of a run and resume it from its last save, or from the one before if the last is after `step`."""
    make_folder(folder.path)
    with locked(folder.path), claimed(folder.path) as touch:
        if in_the_way(folder, config):
            folder.vacate()
        if step is not None:
            go_back(config, folder, step)
        learner = new_learner(config, device)
        going_on = resume(learner, folder)
        folder.assign(config)  # only now, so that a run that cannot go on stays as it is
        if not going_on:
            save_state(learner, folder)  # from here on, a folder with models but no state is damaged
        write_card(folder, config, learner.step)
        log = MetricsLog(folder, config.logger == "tensorboard", learner.step)
        try:
            yield Session(learner, folder, log, touch)
        finally:
            log.close()


def _train(
    sessions: Sequence[Session], interruption: Interruption, report: Report, until: int | None = None
) -> Sequence[Session]:
    """Train runs that are at the same step until a step (None: the last), and save them; return those that reach it.

    A run that cannot go on is reported and left out.
    """
    sessions = [session for session in sessions if _succeeds(partial(_begin, session), report)]
    if not sessions:
        return sessions
    trainee = stacked([session.learner for session in sessions])
    trainer = trainee.config.trainer
    progress = Progress(_name(sessions), trainee.step, trainer.n_epochs)
    losses: list[Tensor] = []
    last = trainer.n_epochs if until is None else until
    while trainee.step < last:
        due = _due(trainee.step + 1, trainer)
        loss, measures = trainee.learn(measured="log" in due and trainer.compute_all_metrics)
        losses.append(loss)
        stop = interruption.signal  # read once: a signal that comes later is obeyed after the next step
        if stop or trainee.step == until:
            due.add("state")  # save the state to resume from, without a model
        if not due:
            continue  # no value is needed, so there is no wait for the device
        histories = torch.stack(losses, dim=-1).reshape(len(sessions), -1).tolist()
        losses.clear()
        tests = [session.learner.test() if "test" in due else {} for session in sessions]
        looks = list(map(_Look, sessions, histories, measures or [{}] * len(sessions), tests))
        if "log" in due:
            progress.show(trainee.step, fmean(look.losses[-1] for look in looks))
        sessions = [look.session for look in looks if _succeeds(partial(_put_down, look, due, progress), report)]
        if not sessions:
            break
        if len(sessions) < len(looks):
            trainee = stacked([session.learner for session in sessions])
        if stop and trainee.step < trainer.n_epochs:
            raise _interrupted(sessions, stop)
    progress.close()
    if last < trainer.n_epochs:
        return sessions
    clear = "\x1b[K" if sys.stdout.isatty() else ""  # clears what another progress bar may have left on the line
    for session in sessions:
        print(f"{session.folder.path}: trained to step {trainer.n_epochs}{clear}")
    return sessions


def _succeeds(action: Callable[[], None], report: Report) -> bool:
    """Run an action; whether it succeeds. A UserError in it is reported."""
    try:
        action()
    except UserError as problem:
        report(problem)
        return False
    return True


def _begin(session: Session) -> None:
    """Test an untrained network, and complete the files of a save that was interrupted."""
    learner, log = session.learner, session.log
    step, trainer = learner.step, learner.config.trainer
    if step in (0, trainer.n_epochs) and not log.has(step, "test"):
        log.add(step, "test", learner.test())
    if step and "save" in _due(step, trainer) and not _is_whole(session.folder, step):
        _save_files(session)


def _put_down(look: _Look, due: set[str], progress: "Progress") -> None:
    """Log and save results of a run, as far as they are due."""
    session, step = look.session, look.session.learner.step
    session.touch()
    try:
        _require_finite(look)
    except DamagedData as problem:
        write_card(session.folder, session.learner.config, step, str(problem))
        raise
    if "log" in due:
        row = {"loss": look.losses[-1], **read(look.measures), "steps_per_second": progress.speed}
        session.log.add(step, "train", row)
    if "test" in due:
        session.log.add(step, "test", look.test)
        progress.tell(session.folder.path.name, step, look.test)
    if due & {"save", "state"}:
        _save(session, keep_model="save" in due)


def _name(sessions: Sequence[Session]) -> str:
    first, *others = sessions
    return first.folder.path.name + (f" and {len(others)} more" if others else "")


def _due(step: int, trainer: TrainerSettings) -> set[str]:
    """What is due after a step: "log", "test", "save" (the network and its state)."""
    frequencies = {"log": trainer.log_freq, "test": trainer.test_freq, "save": trainer.save_freq}
    return {name for name, frequency in frequencies.items() if step % frequency == 0 or step == trainer.n_epochs}


def _save(session: Session, keep_model: bool) -> None:
    """Save the state first: if a kill loses the files after it, they are made again from it."""
    save_state(session.learner, session.folder)
    if keep_model:
        _save_files(session)
    else:
        _save_tables(session)


def _save_files(session: Session) -> None:
    learner, file = session.learner, session.folder.model_file(session.learner.step)
    checkpoint.save(file, science_hash(learner.config), learner.step, learner.model_state())
    _save_tables(session)


def _save_tables(session: Session) -> None:
    session.log.write_tables()
    write_card(session.folder, session.learner.config, session.learner.step)


def _require_finite(look: _Look) -> None:
    """Raise DamagedData if a loss since the last look, or the loss of the test, is not finite."""
    folder, step = look.session.folder, look.session.learner.step
    losses = [*enumerate(look.losses, start=step - len(look.losses) + 1), (step, look.test.get("loss", 0.0))]
    for past, value in losses:
        if not math.isfinite(value):
            kept = folder.steps()
            good = f"the last good model is of step {kept[-1]}" if kept else "no model was kept yet"
            raise DamagedData(f"{folder.path}: the loss is {value} at step {past}; {good}; try a smaller trainer.lr")


def _interrupted(sessions: Sequence[Session], number: int) -> Interrupted:
    paths, step = ", ".join(str(session.folder.path) for session in sessions), sessions[0].learner.step
    name = signal.Signals(number).name
    return Interrupted(f"{paths}: {name} at step {step}, saved; the same command goes on from there", number)


class Progress:
    """A bar with loss and time left on a terminal, plain lines elsewhere."""

    def __init__(self, name: str, step: int, last: int):
        self._bar = tqdm(total=last, initial=step, desc=name, unit="step", disable=None, dynamic_ncols=True)
        self._last, self._first_step, self._started = last, step, time.perf_counter()
        self._step, self._time = step, self._started
        self.speed = 0.0  # steps per second between the last two moves

    def show(self, step: int, loss: float) -> None:
        """Move the bar."""
        now = time.perf_counter()
        self.speed = (step - self._step) / max(now - self._time, 1e-9)
        self._step, self._time = step, now
        self._bar.set_postfix(loss=f"{loss:.2e}", refresh=False)
        self._bar.update(step - self._bar.n)

    def tell(self, name: str, step: int, measures: dict[str, float]) -> None:
        """Print a line on the last test of a run, unless there is a bar."""
        if self._bar.disable:
            left = (time.perf_counter() - self._started) / (step - self._first_step) * (self._last - step)
            shown = "  ".join(f"{measure} {value:.4g}" for measure, value in measures.items())
            print(f"{name}: step {step}/{self._last}  {shown}  {left / 60:.1f} min left", flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
