"""Test the version ranges of pyproject.toml: run tests with the lowest and the newest required packages, except torch.

    .venv/bin/python benchmarks/versions.py [packages=numpy,scipy] [tests=tests/test_spaces.py]

Needs a package index. Each end of the ranges gets a temporary environment with those packages, over everything else in the
environment that runs this (torch stays). Prints the table of docs/performance.md; exits with 1 if a test fails.
"""

from dataclasses import dataclass
import os
from pathlib import Path
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib

from reactivation.machine.errors import BadInput, UserError, run_command
from reactivation.settings.declaring import setting
from reactivation.settings.describing import asked_settings

ROOT = Path(__file__).resolve().parents[1]
_LOWEST = re.compile(r"([\w-]+)>=([\d.]+)")
_TESTS = "tests/test_spaces.py,tests/test_densities.py,tests/test_manifold.py,tests/test_streams.py,tests/test_dynamics.py"
_PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@dataclass
class Settings:
    """Settings of this script."""

    packages: str = setting("numpy,scipy,omegaconf,matplotlib,pyyaml,tqdm", "packages whose versions are tried")
    tests: str = setting(_TESTS, "files of tests to run with each")


def requirements(packages: list[str]) -> dict[str, list[str]]:
    """Return end of the ranges → packages to install for it.

    Raises:
        BadInput: pyproject.toml has no range for a package.
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = {found[1]: found[2] for line in declared if (found := _LOWEST.match(line))}
    if unknown := set(packages) - set(lowest):
        raise BadInput(f"packages={','.join(sorted(unknown))}: no such range in pyproject.toml")
    return {"lowest": [f"{name}=={lowest[name]}.0" for name in packages], "newest": packages}


def tried(wanted: list[str], packages: list[str], tests: list[str]) -> list[str]:
    """Return a row of the table: the versions that were installed, and how the tests ended."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin/python")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        subprocess.run([*_PIP, "--python", python, "install", "--prefer-binary", *wanted], check=True)
        own = _said(python, "import sysconfig; print(sysconfig.get_path('purelib'))")
        Path(own, "others.pth").write_text(sysconfig.get_path("purelib"))  # comes after its own
        versions = _said(python, f"import importlib.metadata as m; print(*map(m.version, {packages!r}))").split()
        done = subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", *tests],
            cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return [*versions, re.sub(r" in [\d.]+s.*", "", done.stdout.strip().splitlines()[-1].strip("= "))]


def _said(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def main(words: list[str]) -> None:
    """Try both ends of the ranges and print the table."""
    settings = asked_settings(Settings, __doc__ or "", words)
    if settings is None:
        return
    packages, tests = settings.packages.split(","), settings.tests.split(",")
    rows = {end: tried(wanted, packages, tests) for end, wanted in requirements(packages).items()}
    print(f"| versions | {' | '.join(packages)} | {len(tests)} files of tests |")
    print("|---" * (len(packages) + 2) + "|")
    for end, cells in rows.items():
        print(f"| {end} | {' | '.join(cells)} |")
    if any("failed" in cells[-1] or "error" in cells[-1] for cells in rows.values()):
        raise UserError("not every test passed; what they said stands above")


if __name__ == "__main__":
    run_command(main)
