"""Try faults on small trainings, on other commands that write files, and on input, and count the outcomes.

    python benchmarks/reliability.py [seconds=180] [only=kill] [out=docs/reliability.json] [document=docs/reliability.md]

It fills the table of `document`. Trials continue from the counts of `out`, each with its own number, so a campaign can be
stopped at any time and run in parts. A trial in which the fault did not occur, as a kill after the end, is not counted.
Every trial that breaks its promise is named on stderr with its number, and the script ends with exit code 1. Run it with
one thread (OMP_NUM_THREADS=1), on Linux: trials kill processes that they fork. A full disk is a file system of a few pages
in a mount namespace of such a process; where the system forbids that, these faults are left out, with a message.
"""

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
import io
import json
from pathlib import Path
import random
import re
import sys
import tempfile
import time
from typing import Any

from trials import DISK, FAULTS, Fault, may_mount

from reactivation.machine.errors import BadInput, SomeFailed, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings
from reactivation.storage.files import to_json, write_together

_TABLE = re.compile(r"(<!-- made by benchmarks/reliability.py -->\n).*(<!-- end -->)", re.DOTALL)


@dataclass
class Settings:
    """Settings of the script."""

    seconds: float = setting(180.0, "how long to go on", unit="s", above=0)
    only: str = setting("", "how the names of the faults begin that are tried")
    out: str = setting("docs/reliability.json", "file of the counts, which are added to")
    document: str | None = setting(None, "page whose table is filled; null: none")


def main(words: list[str]) -> None:
    """Run trials of each fault in turn until the time is over.

    Raises:
        BadInput: no fault has such a name.
        SomeFailed: a promise was broken, in these trials or in the counts of `out`.
    """
    settings: Settings | None = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    if not any(name.startswith(settings.only) for name in FAULTS):
        raise BadInput(f"only={settings.only} is the beginning of none of: {', '.join(FAULTS)}")
    faults = {name: fault for name, fault in FAULTS.items() if name.startswith(settings.only)}
    if not may_mount():
        print(f"left out: {DISK}, since this system lets nobody mount a file system here", file=sys.stderr)
        faults = {name: fault for name, fault in faults.items() if not name.startswith(DISK)}
    if not faults:
        return
    file, deadline = Path(settings.out), time.monotonic() + settings.seconds
    counts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    while time.monotonic() < deadline:
        for name, fault in faults.items():
            count = counts.setdefault(name, {"tried": 0, "trials": 0, "broken": []})
            ending = min(time.monotonic() + 2, deadline)  # faults take turns
            while time.monotonic() < ending:
                kept = _kept(fault, f"{name} {count['tried']}")
                if kept is False:
                    count["broken"].append(count["tried"])
                    print(f"promise broken: {name}, trial {count['tried']}", file=sys.stderr)
                count["tried"] += 1
                count["trials"] += kept is not None
        _write(counts, file, settings.document)
    broken = sum(len(count["broken"]) for count in counts.values())
    if broken:
        raise SomeFailed(f"{broken} trials broke a promise", 1)


def _kept(fault: Fault, seed: str) -> bool | None:
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


if __name__ == "__main__":
    run_command(main)
