"""What containers and batch systems grant to a process: files of its control groups, of version 2 and version 1."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_MACHINE = Path("/proc/vmstat")


def contents(controller: str, name: str) -> Iterator[str]:
    """The contents of the files of that name, of this process's group and of all groups above it.

    Args:
        controller: a controller of version 1, which has its own folder ("memory"); "" for version 2, which has one for all.
    """
    root = MOUNT / controller
    folders = {root, *(folder for path in _paths(controller) for folder in (root / path, *(root / path).parents))}
    for folder in sorted(folder for folder in folders if folder.is_relative_to(root)):
        with suppress(OSError):
            yield (folder / name).read_text(encoding="utf-8").strip()


def memory_kills() -> int:
    """Return how many processes were killed because memory ran out, in this process's group, or else on the machine.

    0 where no file has a count.
    """
    counters = [MOUNT / path / "memory.events" for path in _paths("")]  # version 2 comes first
    counters += [MOUNT / "memory" / path / "memory.oom_control" for path in _paths("memory")]
    for file in (*counters, _MACHINE):
        with suppress(OSError, ValueError):
            counts = dict(line.split() for line in file.read_text(encoding="utf-8").splitlines())
            if "oom_kill" in counts:
                return int(counts["oom_kill"])
    return 0


def _paths(controller: str) -> Iterator[str]:
    """The path of this process's group below the controller's folder; empty in most containers."""
    with suppress(OSError, ValueError):
        for line in OWN.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                yield path.strip("/")
