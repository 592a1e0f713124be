"""What pyproject.toml cannot say: a wheel holds, inside the package, the configs and the published networks."""

import json
from pathlib import Path
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

PUBLISHED = Path("published")
NETWORKS = [
    PUBLISHED / name for name in json.loads((PUBLISHED / "card.json").read_text(encoding="utf-8"))
]  # of the paper's text and of its released code, not those of theory


class BuildWithData(build_py):
    """Copies what lies beside the package in a checkout; an editable install finds it there."""

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)  # or files of an earlier build would come along
        super().run()
        package = Path(self.build_lib, "reactivation")
        for folder in [Path("configs"), *NETWORKS]:
            shutil.copytree(folder, package / folder, ignore=shutil.ignore_patterns(".*"))
        for name in ("README.md", "card.json"):
            shutil.copy(PUBLISHED / name, package / PUBLISHED)


setup(cmdclass={"build_py": BuildWithData})
