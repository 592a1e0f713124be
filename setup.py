"""What pyproject.toml cannot say: a wheel holds, inside the package, the configs and the networks that come with it."""

from pathlib import Path
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE_THE_PACKAGE = ("configs", "pretrained")


class BuildWithData(build_py):
    """Copies what lies beside the package in a checkout; an editable install finds it there."""

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)  # or files of an earlier build would come along
        super().run()
        for name in BESIDE_THE_PACKAGE:
            shutil.copytree(name, Path(self.build_lib, "reactivation", name), ignore=shutil.ignore_patterns(".*"))


setup(cmdclass={"build_py": BuildWithData})
