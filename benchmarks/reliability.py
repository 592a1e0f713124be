"""Try faults on small trainings, checkpoints and input, count what came of them, and fill the table of docs/reliability.md.

    python benchmarks/reliability.py [seconds=180] [only=kill] [out=docs/reliability.json] [document=docs/reliability.md]

Trials go on from the counts of `out`, each with a number of its own, so a campaign can be stopped at any time and run in
parts. Every trial that breaks its promise is named on stderr with its number, and the script ends with exit code 1. To be
run with one thread (OMP_NUM_THREADS=1), on Linux: trials kill processes that they fork.
"""

from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
import errno
from functools import cache, partial
import io
import json
import math
import os
from pathlib import Path
import random
import re
import resource
import signal
import sys
import tempfile
import time
from typing import Any, NamedTuple

import torch

from reactivation.machine.errors import BadInput, DamagedData, SomeFailed, UserError, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.settings.layers import resolve_train
from reactivation.settings.reading import load_yaml, parse_arguments
from reactivation.storage import checkpoint
from reactivation.storage.files import to_json, write_together
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
_KINDS = {**_ALONE, **_STACKS}
_ROUGH = 1e-2  # by which members of a stack may differ from those that trained on without one that failed
_CALLS = ("replace", "fsync", "open")  # of the system, at which a trial strikes
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS)
_TABLE = re.compile(r"(<!-- made by benchmarks/reliability.py -->\n).*(<!-- end -->)", re.DOTALL)
_KILLED, _REFUSED, _WRONG = 99, 98, 97  # exit codes of forked processes


@dataclass
class Settings:
    """Settings of the script."""

    seconds: float = setting(180.0, "how long to go on", unit="s", above=0)
    only: str = setting("", "how the names of the faults begin that are tried")
    out: str = setting("docs/reliability.json", "file of the counts, which are added to")
    document: str | None = setting(None, "page whose table is filled; null: none")


class Fault(NamedTuple):
    """What is tried, what is promised then, and how one trial is made."""

    promise: str
    how: str
    trial: Callable[[random.Random, Path], bool]  # whether the promise was kept


def main(words: list[str]) -> None:
    """Run trials of each fault in turn until the time is over.

    Raises:
        BadInput: no fault has such a name.
        SomeFailed: a promise was broken, now or in the counts that this goes on from.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if not any(name.startswith(settings.only) for name in FAULTS):
        raise BadInput(f"only={settings.only} is the beginning of none of: {', '.join(FAULTS)}")
    file, deadline = Path(settings.out), time.monotonic() + settings.seconds
    counts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    while time.monotonic() < deadline:
        for name, fault in FAULTS.items():
            if not name.startswith(settings.only):
                continue
            count = counts.setdefault(name, {"trials": 0, "broken": []})
            ending = min(time.monotonic() + 2, deadline)  # every fault has its share of the time
            while time.monotonic() < ending:
                if not _kept(fault, f"{name} {count['trials']}"):
                    count["broken"].append(count["trials"])
                    print(f"promise broken: {name}, trial {count['trials']}", file=sys.stderr)
                count["trials"] += 1
        _write(counts, file, settings.document)
    broken = sum(len(count["broken"]) for count in counts.values())
    if broken:
        raise SomeFailed(f"{broken} trials broke a promise", 1)


def _kept(fault: Fault, seed: str) -> bool:
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(said), redirect_stderr(said):
        return fault.trial(random.Random(seed), Path(folder))


def _write(counts: dict[str, Any], file: Path, document: str | None) -> None:
    contents = {file: to_json(counts)}
    if document:
        contents[Path(document)] = _filled(Path(document).read_text(encoding="utf-8"), counts).encode()
    write_together(contents)


def _filled(text: str, counts: dict[str, Any]) -> str:
    rows = ["| fault | promise | how it is tried | trials | promise broken |", "| --- | --- | --- | --- | --- |"]
    for name, fault in FAULTS.items():
        count = counts.get(name, {"trials": 0, "broken": []})
        rows.append(f"| {name} | {fault.promise} | {fault.how} | {count['trials']} | {len(count['broken'])} |")
    table = "\n".join(rows)
    return _TABLE.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


def _run(kind: str, folder: Path, steps: int = 6) -> None:
    """Train runs of a kind in a folder, or go on with them."""
    seeds = (0, 1) if kind.startswith("stack") else (0,)
    words = [*_TINY, f"trainer.n_epochs={steps}", *_KINDS[kind]]
    train([resolve_train(parse_arguments([*words, f"seed={seed}", f"path={folder / str(seed)}"])) for seed in seeds])


def _end_of(kind: str, folder: Path, work: Callable[[], None]) -> int:
    """Run `work` and then a training in a forked process; returns how that ended: 0, `_REFUSED`, `_WRONG` or `_KILLED`."""
    _straight(kind)  # first: what torch has loaded by then, the child has, too
    child = os.fork()
    if not child:
        code = _WRONG
        with suppress(BaseException):
            work()
            try:
                _run(kind, folder)
                code = 0
            except UserError:
                code = _REFUSED
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Straight(NamedTuple):
    """A training that nothing befell."""

    files: dict[str, Any]
    seconds: float  # from its start to its end


@cache
def _straight(kind: str) -> _Straight:
    with tempfile.TemporaryDirectory() as place:
        _run(kind, Path(place) / "first")  # torch loads much at its first step
        begun = time.monotonic()
        _run(kind, Path(place) / "timed")
        seconds = time.monotonic() - begun
        return _Straight(_ended(kind, Path(place) / "kept"), seconds)


def _ends_the_same(kind: str, folder: Path, exact: bool = True) -> bool:
    """Whether runs that go on end with the files of runs that nothing befell, and go on beyond their end as those do."""
    return _same(_ended(kind, folder), _straight(kind).files, exact)


def _ended(kind: str, folder: Path) -> dict[str, Any]:
    _run(kind, folder)
    ended = _promised(folder)
    _run(kind, folder, steps=8)
    return {"at the end": ended, "beyond it": _promised(folder)}


def _promised(folder: Path) -> dict[str, Any]:
    """What a training is to end with, by file: networks and tables, but for how long steps took."""
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
    """Whether nested content agrees, to the bit or to what rounding becomes in a few steps."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key], exact) for key in wanted)
    if isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_same(*pair, exact) for pair in zip(found, wanted, strict=True))
    if isinstance(wanted, torch.Tensor):
        return torch.equal(found, wanted) if exact else torch.allclose(found.double(), wanted.double(), _ROUGH, _ROUGH)
    return bool(found == wanted or (not exact and isinstance(wanted, float) and math.isclose(found, wanted, rel_tol=_ROUGH)))


def _timeless(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key != "steps_per_second"}


def _strike(call: str, at: int, blow: Callable[[], None]) -> None:
    """Let something happen just before the nth time that this process asks the system for something."""
    place = sys.modules["builtins"] if call == "open" else os
    honest, left = getattr(place, call), [at]

    def struck(*words: object, **options: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            blow()
        return honest(*words, **options)

    setattr(place, call, struck)


def _kill_at_a_boundary(kinds: Iterable[str], rng: random.Random, folder: Path) -> bool:
    kind, call, at = rng.choice(list(kinds)), rng.choice(_CALLS), rng.randrange(1, 60)
    _end_of(kind, folder, lambda: _strike(call, at, lambda: os._exit(_KILLED)))
    return _ends_the_same(kind, folder)


def _kill_at_random(kinds: Iterable[str], rng: random.Random, folder: Path) -> bool:
    kind = rng.choice(list(kinds))
    delay, number = rng.random() * _straight(kind).seconds, rng.choice([signal.SIGKILL, signal.SIGTERM])

    def alarm() -> None:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), number))
        signal.setitimer(signal.ITIMER_REAL, delay)

    code = _end_of(kind, folder, alarm)
    return code in (0, _REFUSED, _KILLED, -number) and _ends_the_same(kind, folder)


def _system_error(kinds: Iterable[str], rng: random.Random, folder: Path) -> bool:
    kind, call, at, number = rng.choice(list(kinds)), rng.choice(_CALLS), rng.randrange(1, 60), rng.choice(_ERRORS)

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    code = _end_of(kind, folder, lambda: _strike(call, at, fail))
    return code in (0, _REFUSED) and _ends_the_same(kind, folder, exact=kind in _ALONE)


def _size_limit(kinds: Iterable[str], rng: random.Random, folder: Path) -> bool:
    kind, limit = rng.choice(list(kinds)), rng.randrange(1, 40_000)
    code = _end_of(kind, folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    return code in (0, _REFUSED) and _ends_the_same(kind, folder, exact=kind in _ALONE)


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
    return _is_answered(lambda: resolve_train(parse_arguments([*rng.choice(list(_KINDS.values())), *words])))


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
    text = "".join(rng.choices([*_PARTS, '{"', '": ', '{"3": {"loss": 1}}', "[" * 5000, "NaN"], k=rng.randrange(9)))
    for file in (run.table_file("test"), run.metrics_file):
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return _is_answered(lambda: run.table("test")) and _is_answered(lambda: read_rows(run.metrics_file))


def _is_answered(ask: Callable[[], object]) -> bool:
    """Whether something is read, or refused on one line."""
    try:
        ask()
    except (BadInput, DamagedData) as problem:
        return "\n" not in str(problem)
    except Exception as error:
        print(repr(error), file=sys.__stderr__)
        return False
    return True


_AT_A_CALL = "just before a random `replace`, `fsync` or `open`"
_ERROR = "ENOSPC, EIO, EDQUOT, EACCES or EROFS at a random one of these calls"
_ENDS = "the same command ends with the same networks, moments and tables, to the bit, and goes on beyond them"
_LEFT_OUT = "the same; members that trained on without one that was refused, equal to rounding"
_BEFALLS: list[tuple[str, str, Callable[[Iterable[str], random.Random, Path], bool], str]] = [
    ("kill at a call of the system", _AT_A_CALL, _kill_at_a_boundary, _ENDS),
    ("kill or SIGTERM", "at a random moment", _kill_at_random, _ENDS),
    ("error of the system", _ERROR, _system_error, _LEFT_OUT),
    ("limit of file size", "1 to 40,000 bytes", _size_limit, _LEFT_OUT),
]
FAULTS = {
    **{f"{what}, runs": Fault(_ENDS, how, partial(trial, _ALONE)) for what, how, trial, _ in _BEFALLS},
    **{f"{what}, stacks": Fault(promise, how, partial(trial, _STACKS)) for what, how, trial, promise in _BEFALLS},
    "changed bits": Fault("a checkpoint is never loaded", "1, 2 or 8 bits anywhere in it", _flipped_bits),
    "save and load": Fault("the same tensor, and no other file", "random sizes", _cycle),
    "command line": Fault("read, or refused on one line", "random keys and values", _command_line),
    "YAML file": Fault("read, or refused on one line", "random bytes, and random pieces of YAML", _yaml),
    "table and log": Fault("read, or refused on one line", "random pieces of JSON", _table),
}

if __name__ == "__main__":
    run_command(main)
