"""Shared fixtures; the machine's arithmetic is restored after each test, and tests of a missing GPU are skipped."""

from collections.abc import Iterator
import os
from pathlib import Path
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; set before torch loads

from factories import ROOT, Command, Outcome, call, end, start, started
import hypothesis
import pytest
import torch

from paper.live.browser import BROWSERS, Browser

# What is started in the background, or by nohup, is told to ignore these, and so would be every command that a test starts.
for number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

PRECISION = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]  # torch has no types for it

# How long an example takes says how busy the machine is, not whether it is right.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of a GPU where there is none, all with the same reason, which is printed once."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")


@pytest.fixture(autouse=True)
def arithmetic_as_at_the_start() -> None:
    """Restore arithmetic: training or resting in this process flushes denormals, which hypothesis refuses in later tests."""
    torch.set_flush_denormal(False)
    torch.backends.mkldnn.matmul.fp32_precision = PRECISION  # type: ignore[attr-defined]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run a script of the project in an empty folder: command("train.py", "config=...").

    It runs in this process; a script of a copy of the project (project=...), with its own package, runs in another.
    """

    def run(script: str, *words: str, project: Path = ROOT) -> Outcome:
        if project != ROOT:
            return end(start(tmp_path, script, *words, project=project))
        return call(tmp_path, script, *words)

    return run


@pytest.fixture(scope="module", params=BROWSERS, ids=lambda kind: kind.__name__)
def running(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Each browser in turn."""
    with started(request.param) as browser:
        yield browser


@pytest.fixture
def browser(running: Browser, address: str) -> Browser:
    """Each browser in turn, with the page at `address`, a fixture of the test file, just opened."""
    running.open("about:blank")
    running.open(address)
    return running


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded source of randomness."""
    return torch.Generator().manual_seed(1)
