"""Streams and signals: a stream that is closed, full or of few letters costs lines, and a signal ends in good order."""

from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import signal
import subprocess
import sys

from factories import ROOT, SPATIAL, environment, tiny, train
import pytest

from reactivation.machine.interruption import PARENT, Interruption

STREAMS = [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "| true"]


@pytest.mark.parametrize("redirected", [STREAMS[2], *(pytest.param(each, marks=pytest.mark.slow) for each in STREAMS)])
def test_a_lost_line_stops_no_training(redirected: str, tmp_path: Path) -> None:
    words = " ".join(tiny(SPATIAL, "path=run", "trainer.test_freq=1"))
    line = f"set -o pipefail; {sys.executable} {ROOT / 'train.py'} {words} {redirected}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run/model_4.pt").exists()


def test_letters_that_a_stream_has_not_are_escaped(tmp_path: Path) -> None:
    words = ["--print-config", *tiny(SPATIAL, "path=é")]
    variables = {**environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, str(ROOT / "train.py"), *words], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "path: \\xe9" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_of_terminals_and_batch_systems_are_noted_unless_ignored_from_the_start(number: signal.Signals) -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), number)
        assert interruption.signal == number
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), number)
            assert not interruption.signal
    finally:
        signal.signal(number, before)


def test_only_the_end_of_a_parent_of_ours_ends_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nohup a training goes on once the shell that began it is gone: nobody set `PARENT`."""
    parent = os.getppid()
    for told, ends in ((None, 0), (str(parent), signal.SIGTERM)):
        monkeypatch.delenv(PARENT, raising=False) if told is None else monkeypatch.setenv(PARENT, told)
        with Interruption() as interruption, monkeypatch.context() as later:
            assert not interruption.signal
            later.setattr(os, "getppid", lambda: 1)
            assert interruption.signal == ends


def test_a_training_in_a_thread_leaves_signals_to_the_main_one(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        folder = pool.submit(train, tmp_path / "run").result()
    assert folder.steps()[-1] == 4
    assert signal.getsignal(signal.SIGINT) is before
