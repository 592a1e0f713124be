"""Several trainings at once on a CPU: one single-threaded process per core, each an ordinary `train.py` command.

On a few cores this beats threads inside one network. Processes share nothing: a crash in one neither harms nor hides the
others.
"""

from dataclasses import dataclass
import os
import subprocess
import sys
import time
from typing import Any

from reactivation.machine import cores
from reactivation.machine.errors import SIGNAL_BASE, Interrupted, SomeFailed, exit_code
from reactivation.machine.interruption import PARENT, SIGNALS, Interruption
from reactivation.machine.places import PACKAGE

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Exit codes of trainings that ended on a signal: they have saved, or had not begun.
_SAVED = tuple(SIGNAL_BASE + number for number in SIGNALS)
COMMAND = (sys.executable, "-P", "-m", "reactivation")
_POLL = 0.05  # seconds between looks at the processes


@dataclass
class _Worker:
    words: list[str]
    process: subprocess.Popen[bytes]
    line: int  # line of the terminal for its progress bar


def train_fleet(commands: list[list[str]], device: str, threads: int | None = None) -> None:
    """Run `train.py` once per entry of `commands` (its words), as many at a time as there are cores; one at a time on a GPU.

    Args:
        commands: the words of each command, including `threads=` if `threads` is not None.
        device: the device of all trainings.
        threads: number for each training; None for one.

    Raises:
        SomeFailed: some trainings failed; raised after all have ended, with the exit code of the first that failed.
        Interrupted: a signal came and was passed on; every process has saved and ended.
    """
    slots = max(1, slots_on(device) // (threads or 1))
    waiting, running, failed = list(commands), list[_Worker](), list[tuple[list[str], int]]()
    with Interruption() as interruption:
        handed_on = 0
        while running or (waiting and not interruption.signal):
            while waiting and len(running) < slots and not interruption.signal:
                free = min(set(range(slots)) - {worker.line for worker in running})
                words = waiting.pop(0)
                running.append(_Worker(words, start_command(["train", *words], free), free))
            if interruption.signal and not handed_on:
                handed_on = interruption.signal
                for worker in running:
                    worker.process.send_signal(handed_on)
            ended = [worker for worker in running if worker.process.poll() is not None]
            failed += [(worker.words, worker.process.returncode) for worker in ended if worker.process.returncode]
            running = [worker for worker in running if worker not in ended]
            time.sleep(_POLL)
    failed = [(words, code) for words, code in failed if not (interruption.signal and exit_code(code) in _SAVED)]
    if interruption.signal and not failed:
        raise Interrupted("all runs have saved; the same command goes on from there", interruption.signal)
    if failed:
        listed = "; ".join(f"train.py {' '.join(words)} ended with {code}" for words, code in failed)
        message = f"{len(failed)} of {len(commands)} trainings failed: {listed}"
        raise SomeFailed(message, exit_code(failed[0][1]), interrupted=bool(interruption.signal))


def slots_on(device: str) -> int:
    """Return how many trainings to run at a time: one per core, or one on a GPU."""
    if device == "cpu":
        return cores.available()
    from reactivation.machine.device import prepare  # loads torch, which knows whether there is a GPU

    return 1 if prepare(device).type == "cuda" else cores.available()


def start_command(words: list[str], line: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a command of this package in a process of its own, with one thread; it saves and ends when this process is gone.

    Args:
        words: the words after `reactivation`.
        line: line of the terminal for its progress bar.
        options: arguments of `subprocess.Popen`.
    """
    # Only this package is imported: -P ignores one in the current folder, PYTHONPATH points to that of a checkout.
    environment = {**os.environ, **_ONE_THREAD, **python_path(), "TQDM_POSITION": str(line), PARENT: str(os.getpid())}
    return subprocess.Popen([*COMMAND, *words], env=environment, **options)


def python_path() -> dict[str, str]:
    """Return the environment variable with which a process finds this package."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))}
