"""What containers and batch systems grant to a process: files of its control groups, of the newer kind and the older."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def contents(controller: str, name: str) -> Iterator[str]:
    """What the files of that name say, of this process's group and of all groups above it.

    Args:
        controller: of the older kind, which is a folder of its own ("memory"); "" for the newer kind, which has one for all.
    """
    root = MOUNT / controller
    folders = {root, *(folder for path in _paths(controller) for folder in (root / path, *(root / path).parents))}
    for folder in sorted(folder for folder in folders if folder.is_relative_to(root)):
        with suppress(OSError):
            yield (folder / name).read_text(encoding="utf-8").strip()


def _paths(controller: str) -> Iterator[str]:
    """Where this process's group is, below the controller's folder; within a container often just there."""
    with suppress(OSError, ValueError):
        for line in OWN.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                yield path.strip("/")
