"""Settings that are refused: every bad input is one line with exit code 2, and nothing heavy is loaded to say so."""

import errno
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

from factories import ROOT, SCRIPTS, Command, environment
import pytest
from test_config import ANALYSES, HEAD, SPATIAL, analysis, resolve

from reactivation.machine.errors import BadInput, StorageError
from reactivation.machine.places import CONFIGS
from reactivation.settings import layers as configuration
from reactivation.settings.reading import load_yaml, parse_seeds
from reactivation.sweep import command as sweep_command
from reactivation.sweep.submissions import seconds_of

BAD = {
    "unknown key": ([SPATIAL, "task.place_cell_num=64"], ["task.place_cell_num", "task.place_cells_num"]),
    "unknown top-level key": ([SPATIAL, "sede=1"], ["sede", "seed"]),
    "unknown group": ([SPATIAL, "trianer.lr=1"], ["trianer"]),
    "key without its group": ([SPATIAL, "tau=0.1"], ["rnn.tau"]),
    "key in the wrong group": ([SPATIAL, "rnn.dt=0.02"], ["task.dt"]),
    "too large a number": ([SPATIAL, "rnn.sigma=1e200"], ["rnn.sigma", "at most"]),
    "too large a size": ([SPATIAL, "rnn.n_rec=99999999999999999999"], ["rnn.n_rec", "at most"]),
    "tag that leaves its folder": ([SPATIAL, "tag=../../x"], ["tag", "file name"]),
    "tag that makes a folder": ([SPATIAL, "tag=a/b"], ["tag", "file name"]),
    "endless tag": ([SPATIAL, f"tag={'a' * 300}"], ["tag", "at most 100"]),
    "hidden tag": ([SPATIAL, "tag=."], ["tag", "file name"]),
    "key of the other task": ([HEAD, "task.box_width=2"], ["task.box_width"]),
    "wrong type": ([SPATIAL, "rnn.n_rec=many"], ["rnn.n_rec", "int"]),
    "fraction for a count": ([SPATIAL, "rnn.n_rec=1.5"], ["rnn.n_rec", "int"]),
    "number for a switch": ([SPATIAL, "rnn.bias=2"], ["rnn.bias", "bool"]),
    "switch for a number": ([SPATIAL, "rnn.tau=true"], ["rnn.tau", "float"]),
    "list for a number": ([SPATIAL, "rnn.n_rec=16,32"], ["rnn.n_rec=16,32", "int"]),
    "group given a value": ([SPATIAL, "rnn=3"], ["rnn"]),
    "value given keys": ([SPATIAL, "rnn.tau.x=3"], ["rnn.tau"]),
    "not a number": ([SPATIAL, "trainer.lr=.nan"], ["trainer.lr", "finite"]),
    "infinite": ([SPATIAL, "rnn.tau=.inf"], ["rnn.tau", "finite"]),
    "negative": ([SPATIAL, "rnn.sigma2_rec=-1"], ["rnn.sigma2_rec", "at least"]),
    "zero": ([SPATIAL, "rnn.tau=0"], ["rnn.tau", "greater"]),
    "too large": ([SPATIAL, "task.border_slow_factor=2"], ["task.border_slow_factor", "at most"]),
    "step longer than tau": ([SPATIAL, "task.dt=0.5"], ["task.dt", "rnn.tau"]),
    "wrong length": ([SPATIAL, "task.anchor_point=[1]"], ["task.anchor_point", "2"]),
    "no such choice": ([SPATIAL, "rnn.noise=unifrom"], ["rnn.noise", "uniform"]),
    "no such cell": ([SPATIAL, "rnn.model=gruu"], ["rnn.model", "gru"]),
    "no such device": ([SPATIAL, "device=tpu"], ["device", "cpu"]),
    "no such preset": ([SPATIAL, "preset=author_code"], ["preset", "authors_code"]),
    "placeholder": ([SPATIAL, "rnn.tau=???"], ["rnn.tau"]),
    "no config": (["seed=0"], ["config", SPATIAL.removeprefix("config=")]),
    "empty command line": ([], ["config"]),
    "unknown config": ([SPATIAL + "s"], [SPATIAL.removeprefix("config=")]),
    "base as config": (["config=spatial_navigation/base"], ["config"]),
    "config out of its folder": (["config=../../etc/passwd"], ["config"]),
    "absolute config": (["config=/etc/passwd"], ["config"]),
    "key twice": ([SPATIAL, "seed=0", "seed=1"], ["seed", "twice"]),
    "key twice within": ([SPATIAL, "rnn={tau: 1, tau: 2}"], ["tau", "twice"]),
    "key and its group": ([SPATIAL, "rnn={tau: 1}", "rnn.tau=2"], ["rnn.tau"]),
    "both noises": ([SPATIAL, "rnn.sigma=1", "rnn.sigma2_rec=1"], ["rnn.sigma", "rnn.sigma2_rec"]),
    "reads the environment": ([SPATIAL, "tag=${oc.env:HOME}"], ["oc.env", "interpolation"]),
    "runs code": ([SPATIAL, "rnn.tau=${eval:1+1}"], ["eval", "interpolation"]),
    "no equals sign": ([SPATIAL, "--seed"], ["--seed", "key=value"]),
    "list as a key": ([SPATIAL, "rnn.tau={[1]: 2}"], ["rnn.tau"]),
    "list within itself": ([SPATIAL, "rnn.tau=&a [*a]"], ["rnn.tau"]),
    "broken number": ([SPATIAL, "trainer.n_epochs=0x_"], ["trainer.n_epochs"]),
    "no such day": ([SPATIAL, "rnn.tau=!!timestamp 2020-99-99"], ["rnn.tau"]),
    "bias of drawn bearings": ([HEAD, "task.concentration=1", "task.biased=true"], ["task.biased", "task.concentration"]),
    "mean turn of drawn bearings": ([HEAD, "task.concentration=1", "task.mu=0.1"], ["task.mu", "task.concentration"]),
    "home of free bearings": ([HEAD, "task.home=1"], ["task.home", "task.concentration"]),
    "pauses of free bearings": ([HEAD, "task.pause_share=0.5"], ["task.pause_share", "task.concentration"]),
    "nothing but pauses": ([HEAD, "task.concentration=1", "task.pause_share=1"], ["task.pause_share", "less than"]),
    "too coarse for the density": ([HEAD, "task.concentration=8"], ["task.concentration", "task.sigma", "task.dt"]),
    "home beyond the circle": ([HEAD, "task.concentration=0", "task.home=7"], ["task.home", "at most"]),
    "late rate that never begins": ([SPATIAL, "trainer.lr_late=1e-4"], ["trainer.lr_late=0.0001", "trainer.lr_late_from"]),
    "late stage without its rate": ([SPATIAL, "trainer.lr_late_from=9"], ["trainer.lr_late_from=9", "trainer.lr_late"]),
    "too narrow fields": ([SPATIAL, "task.place_cells_sigma=1e-200"], ["task.place_cells_sigma", "at least"]),
    "too narrow tuning": ([HEAD, "task.hd_cells_angular_spread=1e-200"], ["task.hd_cells_angular_spread", "at least"]),
    "broken list": ([SPATIAL, "task.anchor_point=[1,"], ["task.anchor_point"]),
    "octal seed": ([SPATIAL, "seed=010"], ["seed=010", "int"]),
    "octal entry": ([SPATIAL, "task.anchor_point=[010,0]"], ["task.anchor_point", "float"]),
    "seed of 400 digits": ([SPATIAL, f"seed={'9' * 400}"], ["seed=999", "1e+30"]),
    "seed of 5,000 digits": ([SPATIAL, f"seed={'9' * 5000}"], ["seed=999", "cannot be read"]),
    "400 digits for a fraction": ([SPATIAL, f"rnn.tau={'9' * 400}"], ["rnn.tau=999", "1e+15"]),
    "rate beyond float32": ([SPATIAL, "trainer.lr=1e38"], ["trainer.lr", "at most"]),
    "box beyond float32": ([SPATIAL, "task.box_width=1e39"], ["task.box_width", "1e+15"]),
    "box below float32": ([SPATIAL, "task.box_width=1e-320"], ["task.box_width", "1e-15"]),
    "time step below the clock": ([SPATIAL, "task.dt=1e-320"], ["task.dt", "at least"]),
    "noise below float32": ([SPATIAL, "rnn.sigma2_rec=1e-320"], ["rnn.sigma2_rec", "write 0"]),
    "threads of no machine": ([SPATIAL, "threads=99999999"], ["threads", "at most 1024"]),
    "variance whose root is too large": ([SPATIAL, "rnn.sigma2_rec=1e17"], ["rnn.sigma", "at most"]),
    "no seed": ([SPATIAL, "seed="], ["seed=", "empty"]),
    "no tag": ([SPATIAL, "tag="], ["tag=", "empty"]),
    "no path": ([SPATIAL, "path= "], ["path=", "empty"]),
    "no sigma": ([SPATIAL, "rnn.sigma=null"], ["rnn.sigma", "float"]),
    "home of nobody": ([SPATIAL, "path=~"], ["path=~", "nothing"]),
    "no device": ([SPATIAL, "device=null"], ["device=null", "nothing"]),
    "line break in a value": ([SPATIAL, "tag=a\nb"], ["tag=a", "line break"]),
    "line break in a key": ([SPATIAL, "a\nb=1"], ["a", "line break"]),
    "escape in a value": ([SPATIAL, "tag=\x1b[2J"], ["tag=", "line break"]),
    "a billion laughs": ([SPATIAL, "rnn.tau={a: &a [x], b: &b [*a,*a], c: [*b,*b]}"], ["rnn.tau", "aliases"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_to_training_is_refused_by_name(case: str) -> None:
    words, named = BAD[case]
    with pytest.raises(BadInput) as refused:
        resolve(*words)
    message = str(refused.value)
    assert "\n" not in message
    assert all(name in message for name in named), message


@pytest.mark.parametrize("text", ["1,²", "1,٣", "1,010", "1,", f"1,{'9' * 5000}"])
def test_what_is_no_plain_number_among_several_seeds_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"seed=1,.* must be whole numbers"):
        parse_seeds({"seed": text})


def test_a_home_that_the_shell_left_to_us_is_meant() -> None:
    """Zsh passes path=~/run as it is typed."""
    assert resolve(SPATIAL, "path=~/run").path == str(Path.home() / "run")


@pytest.mark.parametrize("path", ["~/run", "~nobody-of-that-name/run"])
def test_a_home_that_is_not_known_is_no_folder_of_that_name(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user no table of users has."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(BadInput, match=f"path={path}: that home is not known here"):
        resolve(SPATIAL, f"path={path}")


@pytest.mark.parametrize("time", ["²", "٣:00", "1:2:3:4", "-", "9" * 5000])
def test_a_time_that_slurm_does_not_know_is_refused_before_anything_is_planned(time: str) -> None:
    assert seconds_of("1-12:00:00") == 36 * 3600
    assert seconds_of(time) is None
    with pytest.raises(BadInput, match=r"launcher\.time"):
        sweep_command.main([SPATIAL, "seed=1,2", "launcher=slurm", f"launcher.time={time}", "dry_run=true"])


def test_options_of_sbatch_that_cannot_be_split_are_refused_before_anything_is_planned() -> None:
    with pytest.raises(BadInput, match=r"launcher\.sbatch=--comment='x cannot be split into options: No closing quotation"):
        sweep_command.main([SPATIAL, "seed=1,2", "launcher=slurm", "launcher.sbatch=--comment='x", "dry_run=true"])


@pytest.mark.parametrize(
    ("text", "named"),
    [("spatial_navigaton: {}", "spatial_navigation"), ("output_kll: {}", "output_kl"), ("train: 5", "not a mapping")],
)
def test_a_preset_with_a_wrong_section_is_refused_by_name(
    text: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "preset/mine.yml").write_text(text)
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    with pytest.raises(BadInput, match=f"preset/mine.yml: .*{named}"):
        resolve(SPATIAL, "preset=mine")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("train/spatial_navigation/mine.yml", "seed: 7", "seed has no effect in a file; give seed=... on the command line"),
        ("train/spatial_navigation/mine.yml", "preset: quick", "preset has no effect"),
        ("train/spatial_navigation/base.yml", "config: head_direction/noisy_biased", "config has no effect"),
        ("preset/quick.yml", "train: {seed: 7}", "seed has no effect"),
        ("preset/quick.yml", "analysis: {preset: authors_code}", "preset has no effect"),
        ("analysis/output_kl.yml", "preset: quick", "preset has no effect"),
        ("analysis/head_direction.yml", "preset: quick", "preset has no effect"),
        ("train/spatial_navigation/mine.yml", "rnn.tau: 0.2", "rnn.tau must be nested there: rnn: {tau: ...}"),
        ("analysis/base.yml", "momentum.friction: 1", "momentum.friction must be nested there"),
    ],
)
def test_what_a_file_says_in_vain_is_refused_by_name(
    file: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    (configs / "train/spatial_navigation/mine.yml").write_text("")
    (configs / file).write_text(text)
    monkeypatch.setattr(configuration, "CONFIGS", configs)
    training, measuring = file.startswith("train") or text.startswith("train"), ("preset=quick", "task=head_direction")
    with pytest.raises(BadInput, match=f"{file}.*{re.escape(said)}"):
        resolve("config=spatial_navigation/mine", "preset=quick") if training else analysis("kl", *measuring)


BAD_ANALYSIS = {
    "unknown key": (["sed=0"], ["sed", "seed"]),
    "unknown task": (["task=spatial_navigatoin"], ["task", "spatial_navigation"]),
    "unknown run": (["runs=[noisy_unbaised]"], ["noisy_unbaised", "noisy_unbiased"]),
    "no runs": (["runs=[]"], ["runs"]),
    "a run without brackets": (["runs=noisy_biased"], ["'runs=[noisy_biased]'"]),
    "a run twice": (["runs=[noisy_biased,noisy_biased]"], ["noisy_biased", "twice"]),
    "out that leaves its folder": (["out=../x"], ["out", "file name"]),
    "one trajectory": (["batch_size=1"], ["batch_size"]),
    "more than any machine holds": (["batch_size=99999999999999999999"], ["batch_size"]),
    "all of rest dropped": (["t_quiescent=10", "t_shift=10"], ["t_shift", "t_quiescent"]),
    "unknown start": (["start=home"], ["start", "task"]),
    "text for a number": (["noise=loud"], ["noise"]),
    "key twice": (["seed=1", "seed=1"], ["seed"]),
    "interpolation": (["path=${oc.env:HOME}"], ["interpolation"]),
    "two noises": (["noise=0.01", "sigma=1"], ["sigma", "noise", "one quantity"]),
    "no noise": (["sigma=0"], ["sigma", "greater"]),
}


@pytest.mark.parametrize("case", BAD_ANALYSIS)
@pytest.mark.parametrize("name", ANALYSES)
def test_bad_input_to_an_analysis_is_refused_by_name(name: str, case: str) -> None:
    words, named = BAD_ANALYSIS[case]
    with pytest.raises(BadInput) as refused:
        analysis(name, *words)
    assert "\n" not in str(refused.value)
    assert all(part in str(refused.value) for part in named), str(refused.value)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_bad_command_exits_2_with_one_line_and_writes_nothing(script: str, command: Command, tmp_path: Path) -> None:
    words = [SPATIAL] if script == "train.py" else []
    done = command(script, *words, "sead=1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "sead" in done.stderr
    assert list(tmp_path.iterdir()) == []


REFUSED = {"train.py": [SPATIAL, "rnn.tau=0"], "figures.py": ["seeds=-1"], "reproduce.py": ["seeds=-1"]}
PRINTED = {"train.py": [SPATIAL, "--print-config"], "figures.py": ["--help"], "reproduce.py": ["--help"]}


def test_settings_are_checked_and_shown_without_torch() -> None:
    scripts = [*SCRIPTS, "figures.py", "reproduce.py"]
    told = [
        (script, words)
        for script in scripts
        for words in (["--help"], PRINTED.get(script, ["--print-config"]), REFUSED.get(script, ["seed=-1"]))
    ]
    code = (
        "import contextlib, io, runpy, sys\n"
        f"for script, words in {told!r}:\n"
        "    code, sys.argv = 0, [script, *words]\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        f"        try: runpy.run_path({str(ROOT)!r} + '/' + script, run_name='__main__')\n"
        "        except SystemExit as end: code = end.code\n"
        "    print(script, *words, '->', code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert [line.split(" -> ")[1] for line in done.stdout.splitlines()] == ["0 False", "0 False", "2 False"] * len(
        scripts
    ), done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_and_print_config(script: str, command: Command, tmp_path: Path) -> None:
    manual = command(script, "--help")
    assert manual.returncode == 0
    assert f"python {script}" in manual.stdout
    printed = command(script, "--print-config", *([SPATIAL] if script == "train.py" else []))
    assert printed.returncode == 0
    keys = {line.split(":")[0].strip() for line in printed.stdout.splitlines() if ":" in line}
    assert {key for key in keys if key not in manual.stdout} == set()
    assert list(tmp_path.iterdir()) == []


LAUGHS = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
BAD_FILES = {
    "twice": ("rnn:\n  tau: 1\n  tau: 2\n", "twice"),
    "broken": ("rnn: [1\n", "YAML"),
    "list": ("- 1\n", "key: value"),
    "environment": ("path: ${oc.env:HOME}\n", "interpolation"),
    "list as key": ("rnn: {[1]: 2}\n", "YAML"),
    "within itself": ("rnn: &a [*a]\n", "YAML"),
    "no such day": ("rnn: !!timestamp 2020-99-99\n", "YAML"),
    "octal within a tag": ('seed: !!int "010"\n', "tags"),
    "octal": ("seed: 010\n", "seed=010 must be of type int"),
    "sexagesimal": ("seed: 1:30\n", "seed=1:30 must be of type int"),
    "hexadecimal": ("seed: 0x1F\n", "seed=0x1F must be of type int"),
    "underscores": ("seed: 1_0\n", "seed=1_0 must be of type int"),
    "line break": ('tag: "a\\nb"\n', r"tag='a\\nb' holds a line break"),
    "line break in a key": ('"a\\nb": 1\n', r"unknown key 'a\\nb'"),
    "Python's nothing": ("tag: None\n", "tag=None says nothing"),
    "empty text": ('path: ""\n', "path= says nothing"),
    "a billion laughs": (LAUGHS, "no aliases"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused_by_name(case: str, tmp_path: Path) -> None:
    text, reason = BAD_FILES[case]
    file = tmp_path / "experiment.yml"
    file.write_text(text)
    with pytest.raises(BadInput, match=reason) as refused:
        configuration.merge(configuration.TrainConfig, [(str(file), load_yaml(file))])
    assert "experiment.yml" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["", "config: 5", "config: x/y", "config: /x", "config: spatial_navigation/x\nrnn: {model: y}", "config: [1]"]
)
def test_a_run_of_what_is_no_experiment_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(text)
    with pytest.raises(BadInput, match=rf"^{tmp_path}/config\.yml: "):
        configuration.from_yaml(tmp_path / "config.yml")


def test_a_file_that_may_not_be_read_is_a_matter_of_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(file: Path, encoding: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(StorageError, match=r"experiment\.yml: permission denied"):
        load_yaml(tmp_path / "experiment.yml")
