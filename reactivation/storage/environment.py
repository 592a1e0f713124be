"""The environment of a run: versions, commit, machine."""

from functools import cache
import os
import platform
import subprocess
from typing import Any

import torch

from reactivation import __version__
from reactivation.machine.device import onednn_in_use
from reactivation.machine.places import HOME, INSTALLED


def environment() -> dict[str, Any]:
    """Versions, commit and machine, for the record."""
    return {
        "reactivation": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "host": platform.node(),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "onednn_products": onednn_in_use(),
        "cuda_device": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


@cache  # a process computes with the code that it has loaded, whatever changes on the disk
def _commit() -> str | None:
    """The commit of the checkout the package runs from; None outside a checkout, "+" if files were changed."""

    def git(*words: str) -> str:
        # Of this checkout, even if GIT_ variables of a hook or a script name another.
        told = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}
        done = subprocess.run(["git", *words], cwd=HOME, env=told, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    if INSTALLED:  # perhaps inside the checkout of another project
        return None
    try:
        commit, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit
