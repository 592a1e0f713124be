"""Training: runs from where their folders stand to their last step; resumable to the bit.

Each step draws a fresh batch. Everything the next step depends on (weights, Adam's moments, random states, the step itself)
is in `resume.pt`, so a run that is killed and started again ends where it would have ended.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
import math
from pathlib import Path
import signal
from statistics import fmean
import sys
import time
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from reactivation import registry
from reactivation.machine import memory
from reactivation.machine.device import enough_memory, keep_freed_memory, prepare, use_tf32
from reactivation.machine.errors import BadInput, DamagedData, Interrupted, SomeFailed, UserError
from reactivation.machine.interruption import Interruption
from reactivation.settings import layers as configuration
from reactivation.settings.declaring import TrainerSettings
from reactivation.settings.layers import TrainConfig
from reactivation.storage import checkpoint
from reactivation.storage.card import in_the_way, write_card
from reactivation.storage.files import locked, make_folder, rename, set_aside
from reactivation.storage.folder import RunFolder
from reactivation.training.learner import Learner, new_learner, read
from reactivation.training.metrics import MetricsLog
from reactivation.training.stack import stacked
from reactivation.types import Measures

Report = Callable[[UserError], None]  # what to do about a run that cannot go on


@dataclass(frozen=True)
class Session:
    """A run while it trains."""

    learner: Learner
    folder: RunFolder
    log: MetricsLog


class _Look(NamedTuple):
    """What was seen of a run since the last look."""

    session: Session
    losses: list[float]  # of each step
    measures: Measures  # of the last step, where they were asked for
    test: dict[str, float]  # likewise


def fit(config: TrainConfig, folder: RunFolder) -> None:
    """Train a run to its last step, from wherever its folder stands; a run that is done is left as it is.

    Raises:
        BadInput: the folder holds another run, the device is not there, or the memory is too small.
        DamagedData: no checkpoint of the folder is sound, or the loss is not finite.
        StorageError: disk full, no permission, or another process works in the folder.
        Interrupted: SIGINT or SIGTERM came; the step was finished and saved.
    """
    device = _prepare(config, 1)
    if _is_done(config, folder):
        return
    with enough_memory(), Interruption() as interruption, _session(config, folder, device) as session:
        _train([session], interruption, _raise)


def fit_together(runs: Sequence[tuple[TrainConfig, RunFolder]]) -> None:
    """Train runs that differ in their seeds alone as one stack, each to its last step in its own folder.

    Runs that stand at different steps are trained one group after the other, a group being those of one step. One that
    cannot go on is reported at once and left out; the others end as they would without it.

    Raises:
        BadInput: the device is not there, the memory is too small, or the cell cannot be stacked.
        SomeFailed: some runs could not go on; with the exit code of the first, after all others have ended.
        Interrupted: SIGINT or SIGTERM came; the step was finished and all runs were saved.
    """
    device = _prepare(runs[0][0], len(runs))
    problems: list[UserError] = []

    def note(problem: UserError) -> None:
        print(problem, file=sys.stderr)
        problems.append(problem)

    with enough_memory(), Interruption() as interruption, ExitStack() as opened:
        sessions = []
        for config, folder in runs:
            try:
                if not _is_done(config, folder):
                    sessions.append(opened.enter_context(_session(config, folder, device)))
            except UserError as problem:
                note(problem)
        for _, group in groupby(sorted(sessions, key=_step), key=_step):
            _train(list(group), interruption, note)
    if problems:
        raise SomeFailed(f"{len(problems)} of {len(runs)} trainings failed, for the reasons above", problems[0].exit_code)


def _prepare(config: TrainConfig, networks: int) -> torch.device:
    for kind, name in (("tasks", config.task_name), ("cells", config.rnn.model)):
        registry.load(kind, name)  # before there is a folder: a file that cannot be run leaves none
    device = prepare(config.device)
    _require_memory(config, networks, device)
    use_tf32(config.trainer.tf32)
    keep_freed_memory()
    return device


def _require_memory(config: TrainConfig, networks: int, device: torch.device) -> None:
    """Raise BadInput where there is less memory than weights, Adam's moments, and the rates that a gradient needs."""
    rnn, task = config.rnn, config.task
    weights = 4 * rnn.recurrent_matrices * rnn.n_rec**2  # themselves, their gradients, two moments
    rates = task.batch_size * task.sequence_length * rnn.n_rec
    memory.require(networks * (weights + rates), device, "task.batch_size, task.sequence_length or rnn.n_rec")


def _step(session: Session) -> int:
    return session.learner.step


def _raise(problem: UserError) -> NoReturn:
    raise problem


def _is_done(config: TrainConfig, folder: RunFolder) -> bool:
    """Whether nothing is left to train; says so."""
    if in_the_way(folder, config):
        print(f"{folder.path}: takes the place of a run that failed before a network was kept")
        return False
    folder.check_claim(config)
    last = config.trainer.n_epochs
    if folder.lost_its_network():
        raise BadInput(
            f"{folder.path}: was trained to step {folder.last_tested()}, but its network was not kept; "
            "delete the folder to train it again, or name this run with tag=... or path=..."
        )
    whole = _is_whole(folder, last)
    standing = last if whole else _standing(folder)
    if standing <= last and not whole:
        return False  # at its last step, only files of the end are to be mended
    print(f"{folder.path}: already trained to step {standing}; nothing to do")
    return True


def _is_whole(folder: RunFolder, step: int) -> bool:
    """Whether a sound model of that step is there, and what is measured is in its tables."""
    if not folder.kept(step) or (folder.metrics_file.exists() and not folder.table("train")):
        return False
    with suppress(DamagedData):
        return bool(checkpoint.load(folder.model_file(step), configuration.science_hash(folder.config()), step))
    return False


@contextmanager
def _session(config: TrainConfig, folder: RunFolder, device: torch.device) -> Iterator[Session]:
    """Lock a run's folder and take the run up where it stands."""
    make_folder(folder.path)
    with locked(folder.path):
        if in_the_way(folder, config):
            folder.vacate()
        learner = new_learner(config, device)
        going_on = resume(learner, folder)
        folder.claim(config)  # only now: what cannot go on stays as it is
        if not going_on:
            _save_state(learner, folder)  # from here on, a folder with models and no state has lost it
        write_card(folder, config, learner.step)
        log = MetricsLog(folder, config.logger == "tensorboard", learner.step)
        try:
            yield Session(learner, folder, log)
        finally:
            log.close()


def resume(learner: Learner, folder: RunFolder) -> bool:
    """Go on from the newest sound checkpoint of the folder; says which were passed over. False if the run has not begun.

    Raises:
        BadInput: the run was trained on another kind of device.
        DamagedData: there are checkpoints and none is sound, or models and no checkpoint.
        StorageError: one cannot be read.
    """
    fingerprint = configuration.science_hash(learner.config)
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
        return True
    if passed_over or folder.steps():
        lost = ", ".join(file.name for file in passed_over) or "resume.pt is missing"
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


def _train(sessions: Sequence[Session], interruption: Interruption, report: Report) -> None:
    """Train runs that stand at the same step to their last; one that cannot go on is reported and left out."""
    sessions = [session for session in sessions if _succeeds(partial(_begin, session), report)]
    if not sessions:
        return
    trainee = stacked([session.learner for session in sessions])
    trainer = trainee.config.trainer
    progress = Progress(_name(sessions), trainee.step, trainer.n_epochs)
    losses: list[Tensor] = []
    while trainee.step < trainer.n_epochs:
        due = _due(trainee.step + 1, trainer)
        loss, measures = trainee.learn(measured="log" in due and trainer.compute_all_metrics)
        losses.append(loss)
        stop = interruption.signal  # read once: one that comes after this is obeyed after the next step
        if stop:
            due.add("state")  # to go on from; no model is kept
        if not due:
            continue  # nobody asks for a number, so nobody waits for the device
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
    clear = "\x1b[K" if sys.stdout.isatty() else ""  # of what a neighbour's progress bar may have left on the line
    for session in sessions:
        print(f"{session.folder.path}: trained to step {trainer.n_epochs}{clear}")


def _succeeds(action: Callable[[], None], report: Report) -> bool:
    """Whether a run can go on after an action; reports why not."""
    try:
        action()
    except UserError as problem:
        report(problem)
        return False
    return True


def _begin(session: Session) -> None:
    """Test a network that has not learnt, and mend the files of one that has ended."""
    if session.learner.step == 0 and not session.log.rows:
        session.log.add(0, "test", session.learner.test())
    if session.learner.step == session.learner.config.trainer.n_epochs:
        _mend_the_end(session)


def _put_down(look: _Look, due: set[str], progress: "Progress") -> None:
    """Log and save what was seen of a run, as far as it is due."""
    session, step = look.session, look.session.learner.step
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
    """What there is to do after a step: "log", "test", "save" the network and its state."""
    frequencies = {"log": trainer.log_freq, "test": trainer.test_freq, "save": trainer.save_freq}
    return {name for name, frequency in frequencies.items() if step % frequency == 0 or step == trainer.n_epochs}


def _mend_the_end(session: Session) -> None:
    """Write the model and the tables of a run that stands at its last step: they were lost or broken."""
    if not any(row["step"] == session.learner.step and row["split"] == "test" for row in session.log.rows):
        session.log.add(session.learner.step, "test", session.learner.test())
    _save_model(session)
    session.log.write_tables()
    _write_card(session)


def _save(session: Session, keep_model: bool) -> None:
    """The model first, then the tables, then the state to resume from: whatever is lost in between is made again."""
    if keep_model:
        _save_model(session)
    session.log.write_tables()
    _save_state(session.learner, session.folder)
    _write_card(session)


def _write_card(session: Session) -> None:
    write_card(session.folder, session.learner.config, session.learner.step)


def _save_model(session: Session) -> None:
    learner, file = session.learner, session.folder.model_file(session.learner.step)
    checkpoint.save(file, configuration.science_hash(learner.config), learner.step, learner.model_state())


def _save_state(learner: Learner, folder: RunFolder) -> None:
    """Write the state to resume from, and keep the one before."""
    newest, previous = folder.resume_files
    if newest.exists():
        rename(newest, previous)
    checkpoint.save(newest, configuration.science_hash(learner.config), learner.step, learner.state())


def _require_finite(look: _Look) -> None:
    """Raise DamagedData at the first loss since the last look, or at that of the test, that is not finite."""
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
        """A line on a run's last test, where there is no bar."""
        if self._bar.disable:
            left = (time.perf_counter() - self._started) / (step - self._first_step) * (self._last - step)
            shown = "  ".join(f"{measure} {value:.4g}" for measure, value in measures.items())
            print(f"{name}: step {step}/{self._last}  {shown}  {left / 60:.1f} min left", flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
