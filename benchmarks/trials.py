"""Faults, and one trial of each; `reliability.py` runs many trials and counts them.

A trial forks a process that does some work on a folder, and makes a fault happen to it. Then it checks whether the files
left are whole, and whether the same command, given again, ends as if there had been no fault. All randomness comes from the
trial's own generator, so a trial can be repeated by its number.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
import ctypes
import errno
from functools import cache, partial
import itertools
import json
import math
import os
from pathlib import Path
import random
import resource
import signal
import sys
import tempfile
import time
from typing import Any, NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `paper`, of the checkout

from paper.documents import committed
from paper.figures import draw_figure
from paper.report.page import write_report
from reactivation.analysis.runner import run_analysis
from reactivation.machine.errors import BadInput, DamagedData, UserError
from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import load_yaml, parse_arguments
from reactivation.storage import checkpoint
from reactivation.storage.folder import RunFolder
from reactivation.training.command import train
from reactivation.training.metrics import read_rows

_TINY = ["rnn.n_rec=12", "task.batch_size=8", "task.sequence_length=6", "device=cpu"]
_TINY += [f"trainer.{key}" for key in ("save_freq=2", "test_freq=3", "log_freq=1")]
_SPACE, _HEAD = "config=spatial_navigation/", "config=head_direction/"
_ALONE = {
    "vanilla": [f"{_SPACE}noisy_unbiased", "task.place_cells_num=16"],
    "GRU": [f"{_SPACE}noisy_unbiased_gru", "task.place_cells_num=16"],
    "head direction": [f"{_HEAD}noisy_unbiased", "task.hd_cells_num=16"],
}
_STACKS = {f"stack, {kind}": words for kind, words in _ALONE.items()}
_TRAININGS = {**_ALONE, **_STACKS}
_ROUGH = 1e-2  # tolerated difference between members of a stack and those that trained on without a failed member
_CALLS = ("replace", "fsync", "open", "link", "unlink")  # system calls at which faults happen
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS)
_KILLED, _REFUSED, _WRONG = 99, 98, 97  # exit codes of forked processes
_ANSWERS = (True, None, False)  # of a trial, in the order of its exit codes
DISK = "full disk"
_PAGE = 4096  # bytes
_NEW_MOUNTS, _PRIVATE, _REMOUNT = 0x20000, 0x44000, 0x20  # of Linux: CLONE_NEWNS; MS_REC and MS_PRIVATE; MS_REMOUNT


class Fault(NamedTuple):
    """A fault: what happens, what is promised then, and the function of one trial."""

    promise: str
    how: str
    trial: Callable[[random.Random, Path], bool | None]  # whether the promise was kept; None: nothing befell


def may_mount() -> bool:
    """Return whether the system lets a process mount a file system that only this process sees."""

    def mount() -> int:
        _own_file_system(Path("/tmp"))(1)
        return 0

    return _forked(mount) == 0


def _run(kind: str, folder: Path, steps: int = 6) -> None:
    """Train runs of a kind in a folder, or write files of a kind into it; continue if some are there already."""
    if kind in _WRITERS:
        _WRITERS[kind](folder)
        return
    seeds = (0, 1) if kind.startswith("stack") else (0,)
    words = [*_TINY, f"trainer.n_epochs={steps}", *_TRAININGS[kind]]
    train([resolve_train(parse_arguments([*words, f"seed={seed}", f"path={folder / str(seed)}"])) for seed in seeds])


_SHORT = ["runs=[noisy_unbiased]", "batch_size=4", "t_active=10", "t_quiescent=14", "t_shift=2"]
_WRITERS: dict[str, Callable[[Path], object]] = {  # of what is published
    "analysis": lambda folder: run_analysis("variance", [*_SHORT, f"path={folder}"]),
    "figure": lambda folder: draw_figure("2e", committed(), folder),
    "report": lambda folder: write_report(committed(), "quick", folder, folder / "report.html", folder / "verdicts.json"),
}


class _Blow(NamedTuple):
    """What a fault does to a command, and how the command then ends."""

    befalling: Callable[[str, random.Random], AbstractContextManager[None]]  # kind → around the command, in its process
    struck: tuple[int, ...]  # how it ends if that came about
    missed: tuple[int, ...] = (0,)  # and if it did not
    exact: bool = True  # whether members of a stack end with the same bits: all that was made is made again
    together: bool = False  # whether files that belong together are all there then, or none


def _trial(
    blow: _Blow, kinds: Iterable[str], rng: random.Random, folder: Path, mend: Callable[[], None] = lambda: None
) -> bool | None:
    """Whether a command leaves whole files after a fault, and ends as without the fault when given again.

    Args:
        mend: called before the command is given again.
    """
    kind = rng.choice(list(kinds))
    straight, before = _straight(kind), kind in _WRITERS and rng.random() < 0.5
    for name, content in straight.files.items() if before else ():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    befalling = blow.befalling(kind, rng)
    code = _forked(lambda: _code_of(kind, folder, befalling))
    is_whole = kind in _TRAININGS or _is_whole(folder, straight.files, before, blow.together)
    mend()
    exact = blow.exact or kind not in _STACKS
    kept = code in (*blow.struck, *blow.missed) and is_whole and _same(_ended(kind, folder), straight.files, exact)
    return None if kept and code in blow.missed else kept


def _is_whole(folder: Path, wanted: dict[str, Any], before: bool, together: bool) -> bool:
    """Whether files are as they were, if they were there `before`; else whole, or (`together`) all there or none.

    Leftovers, whose names begin with a dot, are allowed where files need not stay together.
    """
    found = _written(folder)
    named = {name: content for name, content in found.items() if not Path(name).name.startswith(".")}
    whole = all(wanted.get(name) == content for name, content in named.items())
    return whole and (len(named) == len(wanted) or not (before or (together and named))) and (named == found or not together)


def _code_of(kind: str, folder: Path, befalling: AbstractContextManager[None]) -> int:
    with befalling:
        try:
            _run(kind, folder)
        except (UserError, OSError):  # what `run_command` answers on one line
            return _REFUSED
    return 0


def _forked(work: Callable[[], int]) -> int:
    """Do something in a forked process; returns how that ended: what `work` returns, `_WRONG`, or minus a signal."""
    child = os.fork()
    if not child:
        code = _WRONG
        with suppress(BaseException):
            code = work()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Straight(NamedTuple):
    """A command without a fault."""

    files: dict[str, Any]
    seconds: float  # from its start to its end
    sizes: list[int]  # of the files [bytes]
    calls: dict[str, int]  # system call → how often it was made


@cache
def _straight(kind: str) -> _Straight:
    with tempfile.TemporaryDirectory() as place, ExitStack() as watching:
        _run(kind, Path(place) / "first")  # torch loads much at its first step
        folder, asked = Path(place) / "second", {call: list[int]() for call in _CALLS}
        for call in _CALLS:
            watching.enter_context(_watched(call, asked[call].append))
        begun = time.monotonic()
        _run(kind, folder)
        seconds = time.monotonic() - begun
        watching.close()
        sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
        return _Straight(_ended(kind, folder), seconds, sizes, {call: len(numbers) for call, numbers in asked.items()})


@contextmanager
def _watched(call: str, look: Callable[[int], None]) -> Iterator[None]:
    """Before each such system call of this process, call `look` with the number of them so far."""
    place = sys.modules["builtins"] if call == "open" else os
    honest, numbers = getattr(place, call), itertools.count(1)

    def watched(*words: object, **options: object) -> object:
        look(next(numbers))
        return honest(*words, **options)

    setattr(place, call, watched)
    try:
        yield
    finally:
        setattr(place, call, honest)


def _ended(kind: str, folder: Path) -> dict[str, Any]:
    """The files with which a command ends, and, for a training, those after further steps."""
    _run(kind, folder)
    if kind in _WRITERS:
        return _written(folder)
    ended = _promised(folder)
    _run(kind, folder, steps=8)
    return {"at the end": ended, "beyond it": _promised(folder)}


def _written(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _promised(folder: Path) -> dict[str, Any]:
    """The content with which a training must end, by file: networks and tables, without the times of steps."""
    found: dict[str, Any] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
        if file.name == "resume_previous.pt":
            continue  # of the save before, or of the same
        if file.suffix == ".pt":
            found[name] = {**torch.load(file, weights_only=True), "stack": None}  # whoever trained along
        elif file.name == "metrics.jsonl":
            found[name] = [_timeless(row) for row in read_rows(file)]
        elif file.name.endswith("_metrics.json"):
            found[name] = {step: _timeless(row) for step, row in json.loads(file.read_text(encoding="utf-8")).items()}
        else:
            found[name] = None  # that it is there
    return found


def _same(found: Any, wanted: Any, exact: bool) -> bool:
    """Whether nested content agrees, to the bit or up to rounding errors that grew over a few steps."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key], exact) for key in wanted)
    if isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_same(*pair, exact) for pair in zip(found, wanted, strict=True))
    if isinstance(wanted, torch.Tensor):
        return torch.equal(found, wanted) if exact else torch.allclose(found.double(), wanted.double(), _ROUGH, _ROUGH)
    return bool(found == wanted or (not exact and isinstance(wanted, float) and math.isclose(found, wanted, rel_tol=_ROUGH)))


def _timeless(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key != "steps_per_second"}


def _at_a_call(kind: str, rng: random.Random, blow: Callable[[], object]) -> AbstractContextManager[None]:
    calls = _straight(kind).calls
    call = rng.choice([call for call in _CALLS if calls[call]])
    at = rng.randint(1, calls[call])

    def look(number: int) -> None:
        if number == at:
            blow()

    return _watched(call, look)


def _kill_at_a_call(kind: str, rng: random.Random) -> AbstractContextManager[None]:
    return _at_a_call(kind, rng, lambda: os._exit(_KILLED))


def _error_at_a_call(kind: str, rng: random.Random) -> AbstractContextManager[None]:
    number = rng.choice(_ERRORS)

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return _at_a_call(kind, rng, fail)


@contextmanager
def _signal_at_random(number: signal.Signals, kind: str, rng: random.Random) -> Iterator[None]:
    delay, struck = rng.random() * _straight(kind).seconds, os.getpid()
    striker = os.fork()
    if not striker:
        time.sleep(delay)
        if os.getppid() == struck:
            os.kill(struck, number)
        os._exit(0)
    yield
    os.kill(striker, signal.SIGKILL)
    os.waitpid(striker, 0)


@contextmanager
def _size_limit(kind: str, rng: random.Random) -> Iterator[None]:
    limit = rng.randrange(1, max(_straight(kind).sizes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    yield


_AT_A_CALL = f"just before a random {', '.join(f'`{call}`' for call in _CALLS)}"
_BLOWS = {
    "kill at a call of the system": (_AT_A_CALL, _Blow(_kill_at_a_call, struck=(_KILLED,))),
    "SIGKILL": ("at a random moment", _Blow(partial(_signal_at_random, signal.SIGKILL), struck=(-signal.SIGKILL,))),
    "SIGTERM": (
        "at a random moment",
        _Blow(partial(_signal_at_random, signal.SIGTERM), struck=(_REFUSED, -signal.SIGTERM)),
    ),
    "error of the system": (
        "ENOSPC, EIO, EDQUOT, EACCES or EROFS at a random one of these calls",
        _Blow(_error_at_a_call, struck=(0, _REFUSED), missed=(), exact=False),
    ),
    "limit of file size": ("less than the largest file", _Blow(_size_limit, (_REFUSED,), exact=False, together=True)),
}
_FULL = _Blow(lambda *_: nullcontext(), (_REFUSED,), exact=False, together=True)


def _full_disk(kinds: Iterable[str], rng: random.Random, folder: Path) -> bool | None:
    """A trial in a file system with too few pages, which is enlarged before the command is given again."""
    kind = rng.choice(list(kinds))
    pages = sum(-(-size // _PAGE) for size in _straight(kind).sizes)

    def tried() -> int:
        resize = _own_file_system(folder)
        resize(pages * (1 if kind in _WRITERS else 0) + rng.randint(1, pages))
        return _ANSWERS.index(_trial(_FULL, [kind], rng, folder, lambda: resize(100 * pages)))

    code = _forked(tried)
    return code < len(_ANSWERS) and code >= 0 and _ANSWERS[code]


def _own_file_system(folder: Path) -> Callable[[int], None]:
    """Mount a file system that only this process and its children see; returns a function that sets its size [pages].

    Raises:
        OSError: the system does not allow it.
    """
    system, again = ctypes.CDLL(None, use_errno=True), itertools.chain([0], itertools.repeat(_REMOUNT))

    def ask(call: str, *words: object) -> None:
        if getattr(system, call)(*words):
            raise OSError(ctypes.get_errno(), call)

    def resize(pages: int) -> None:
        size = f"size={pages * _PAGE}".encode()
        ask("mount", b"tmpfs", str(folder).encode(), b"tmpfs", next(again), size)

    ask("unshare", _NEW_MOUNTS)
    ask("mount", None, b"/", None, _PRIVATE, None)
    return resize


def _saved(folder: Path, weight: torch.Tensor) -> Path:
    file = folder / "model_3.pt"
    checkpoint.save(file, "fingerprint", 3, {"network": {"weight": weight}})
    return file


def _flipped_bits(rng: random.Random, folder: Path) -> bool:
    file = _saved(folder, torch.ones(6, 6))
    data = bytearray(file.read_bytes())
    for bit in rng.sample(range(len(data) * 8), rng.choice([1, 1, 1, 2, 8])):
        data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)
    try:
        checkpoint.load(file, "fingerprint", 3)
    except DamagedData:
        return True
    return False


def _cycle(rng: random.Random, folder: Path) -> bool:
    sizes, generator = (rng.randrange(1, 40), rng.randrange(1, 40)), torch.Generator().manual_seed(rng.randrange(9**9))
    weight = torch.randn(sizes, generator=generator)
    loaded = checkpoint.load(_saved(folder, weight), "fingerprint", 3)
    return bool(torch.equal(loaded["network"]["weight"], weight)) and len(list(folder.iterdir())) == 1


_PARTS = [
    "9" * 400,
    "\n",
    "\0",
    "\ud800",
    " ",
    '"',
    "",
    "a: b",
    "1e38",
    "-1",
    "010",
    "nan",
    "~",
    "null",
    "[",
    "]",
    "{",
    "}",
    "&a",
]
_PARTS += ["*a", "!!python/object:os", "é", "${x}", "???", "1:30", "0x1f", "=", ",", "true", "1e-320", "'", "%", "---", "#"]
_KEYS = ["seed", "tag", "path", "task.dt", "trainer.lr", "rnn.tau", "task.box_width", "rnn", "rnn.model", "preset", "x.y"]


def _command_line(rng: random.Random, folder: Path) -> bool:
    values = ["".join(rng.choices(_PARTS, k=rng.randrange(1, 4))) for _ in range(rng.randrange(1, 4))]
    words = [f"{rng.choice(_KEYS)}={value}" for value in values]
    return _is_answered(lambda: resolve_train(parse_arguments([*rng.choice(list(_TRAININGS.values())), *words])))


def _yaml(rng: random.Random, folder: Path) -> bool:
    file = folder / "config.yml"
    if rng.random() < 0.5:
        file.write_bytes(rng.randbytes(rng.randrange(200)))
    else:
        text = "".join(rng.choices([*_PARTS, "a: ", "- ", "  ", "\n"], k=rng.randrange(40)))
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return _is_answered(lambda: load_yaml(file))


def _table(rng: random.Random, folder: Path) -> bool:
    run = RunFolder(folder)
    text = "".join(rng.choices([*_PARTS, '{"', '": ', '{"3": {"loss": 1}}', "[" * 5000, "NaN", "1e999"], k=rng.randrange(9)))
    for file in (run.table_file("test"), run.metrics_file):
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return _is_answered(lambda: run.table("test")) and _is_answered(lambda: read_rows(run.metrics_file))


def _is_answered(ask: Callable[[], object]) -> bool:
    """Whether input is read, or refused with one line."""
    try:
        ask()
    except (BadInput, DamagedData) as problem:
        return "\n" not in str(problem)
    except Exception as error:
        print(repr(error), file=sys.__stderr__)
        return False
    return True


_ENDS = "the same command ends with the same networks, moments and tables, to the bit, and goes on beyond them"
_LEFT_OUT = "the same; members that trained on without one that was refused, equal to rounding"
_WHOLE = "each file is whole or not there; the same command ends with the same bytes"
_TOGETHER = "all files or none, and none beside; the same command ends with the same bytes"
_ON_WHAT: dict[str, Iterable[str]] = {"runs": _ALONE, "stacks": _STACKS, "analysis, figure, report": _WRITERS}


def _promise(blow: _Blow, kinds: Iterable[str]) -> str:
    if kinds is _WRITERS:
        return _TOGETHER if blow.together else _WHOLE
    return _ENDS if blow.exact or kinds is _ALONE else _LEFT_OUT


FAULTS = {
    **{
        f"{name}, {whom}": Fault(_promise(blow, kinds), how, partial(_trial, blow, kinds))
        for whom, kinds in _ON_WHAT.items()
        for name, (how, blow) in _BLOWS.items()
    },
    **{
        f"{DISK}, {whom}": Fault(_promise(_FULL, kinds), "a file system of too few pages", partial(_full_disk, kinds))
        for whom, kinds in _ON_WHAT.items()
    },
    "changed bits": Fault("a checkpoint is never loaded", "1, 2 or 8 bits anywhere in it", _flipped_bits),
    "save and load": Fault("the same tensor, and no other file", "random sizes", _cycle),
    "command line": Fault("read, or refused on one line", "random keys and values", _command_line),
    "YAML file": Fault("read, or refused on one line", "random bytes, and random pieces of YAML", _yaml),
    "table and log": Fault("read, or refused on one line", "random pieces of JSON", _table),
}
