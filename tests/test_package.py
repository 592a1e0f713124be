"""The command `reactivation`, and the package as others install it: a wheel, in an environment and a folder of its own."""

from collections.abc import Callable
from fnmatch import fnmatch
import json
import os
from pathlib import Path
import subprocess
import sys
import sysconfig
import zipfile

from factories import PATIENCE, ROOT, SPATIAL, TINY_ANALYSIS, tiny
import pytest

from reactivation import __version__, cli, registry
from reactivation.machine.errors import BadInput
from reactivation.machine.places import CONFIGS, PUBLISHED, as_typed

NETWORKS = json.loads((PUBLISHED / "card.json").read_text())
COMMANDS = ["train", *registry.names("analysis"), "theory", "runs", "sweep"]
Installed = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program without access to this checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=environment,
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["figure", "fig=2e"], "run python figures.py there"),
        (["reproduce"], "run python reproduce.py there"),
        (["klo", "seed=0"], "did you mean kl?"),
        (["xyz"], "known: distance, kl"),
        (["--version", "seed=0"], "takes no further words: leave out seed=0"),
    ],
)
def test_a_command_that_is_not_there_is_named(words: list[str], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        cli.main(words)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([])
    told = capsys.readouterr().out
    assert all(f" {name}" in told for name in [*COMMANDS, "figure", "reproduce"])
    cli.main(["--version"])
    assert capsys.readouterr().out == f"{__version__}\n"


def test_every_command_has_its_script() -> None:
    scripts = {f"output_{name}.py" for name in [*registry.names("analysis"), "theory"]}
    scripts |= {f"{name}.py" for name in ("train", "runs", "sweep", "figures", "reproduce")}
    assert {file.name for file in ROOT.glob("*.py")} - {"setup.py"} == scripts


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_its_manual(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([name, "--help"])
    script = f"{name}.py" if name in ("train", "runs", "sweep") else f"output_{name}.py"
    assert f"python {script} " in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_manuals_of_the_package_name_no_script(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reactivation.machine.places.INSTALLED", True)
    cli.main([name, "--help"])
    told = capsys.readouterr().out
    assert f"reactivation {name} " in told
    assert "python " not in told


def test_commands_are_named_as_they_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "train it with: python train.py config=a/b, then python output_kl.py"
    assert as_typed(typed) == typed
    monkeypatch.setattr("reactivation.machine.places.INSTALLED", True)
    assert as_typed(typed) == "train it with: reactivation train config=a/b, then reactivation kl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, made without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    made = run(*pip, "wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", folder, cwd=folder)
    assert made.returncode == 0, made.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, which takes required packages from the environment of the tests."""
    venv = tmp_path_factory.mktemp("environment")
    python = venv / "bin/python"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=venv).stdout.strip()
    # Paths that a .pth file adds come last, and the .pth files there, such as that of this checkout, are not read.
    Path(packages, "needs.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    done = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=venv)
    assert done.returncode == 0, done.stderr
    return venv / "bin"


@pytest.fixture
def reactivation(environment: Path, tmp_path: Path) -> Installed:
    """Run the installed command in an empty folder."""
    return lambda *words: run(environment / "reactivation", *words, cwd=tmp_path)


def test_a_source_archive_holds_what_a_wheel_is_made_of() -> None:
    grafted = [line.split()[1] for line in (ROOT / "MANIFEST.in").read_text().splitlines() if line.startswith("graft ")]
    assert not [name for name in NETWORKS if not any(fnmatch(f"published/{name}", folder) for folder in grafted)]


@pytest.mark.slow
def test_the_wheel_holds_every_module_every_config_and_the_networks(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "reactivation").rglob("*.py")}
    configs = {f"reactivation/configs/{file.relative_to(CONFIGS)}" for file in CONFIGS.rglob("*.yml")}
    assert modules | configs | {"reactivation/py.typed"} <= held
    assert sum(name.endswith(".pt") for name in held) == len(NETWORKS)
    assert not any("_details" in name or "figures" in name for name in held), "results stay in a checkout"
    assert not any(name.startswith(("paper/", "tests/")) for name in held)


@pytest.mark.slow
def test_the_installed_package_is_the_one_that_is_imported(environment: Path, tmp_path: Path) -> None:
    code = "import reactivation, importlib.metadata as m; print(reactivation.__file__, m.version('reactivation'))"
    file, version = run(environment / "python", "-c", code, cwd=tmp_path).stdout.split()
    assert Path(file).is_relative_to(environment.parent)
    assert version == __version__
    assert run(environment / "python", "-m", "reactivation", "--version", cwd=tmp_path).stdout.strip() == __version__


@pytest.mark.slow
def test_seeds_train_from_the_wheel_whatever_lies_in_the_folder(reactivation: Installed, tmp_path: Path) -> None:
    (tmp_path / "reactivation").mkdir()
    (tmp_path / "reactivation/__init__.py").write_text("raise RuntimeError('not this one')")
    done = reactivation("train", *tiny(SPATIAL), "seed=0,1", "device=cpu")
    assert done.returncode == 0, done.stderr
    runs = [tmp_path / f"results/spatial_navigation/noisy_unbiased_0.0001_{seed}" for seed in (0, 1)]
    assert all((run / "model_4.pt").exists() for run in runs)


@pytest.mark.slow
def test_the_papers_networks_are_analysed_from_the_wheel(reactivation: Installed, tmp_path: Path) -> None:
    done = reactivation("kl", "seed=0", "device=cpu", "n_samples=50", *TINY_ANALYSIS)
    assert done.returncode == 0, done.stderr
    assert "taking the published" in done.stderr
    assert (tmp_path / "results/spatial_navigation/kl_0.0001_0.json").exists()


@pytest.mark.slow
def test_what_is_told_can_be_typed(reactivation: Installed, tmp_path: Path) -> None:
    missing = reactivation("kl", "seed=7")
    assert missing.returncode == 3
    assert f"train it with: reactivation train config={SPATIAL} seed=7" in missing.stderr
    assert "reactivation variance [seed=0]" in reactivation("variance", "--help").stdout
    checkout = reactivation("figure", "fig=2e")
    assert (checkout.returncode, len(checkout.stderr.splitlines())) == (2, 1)
    assert list(tmp_path.iterdir()) == []
