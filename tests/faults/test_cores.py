"""Cores, threads and memory: never more than containers and batch systems grant, and other threads are told of."""

import os
from pathlib import Path
import resource
import subprocess

from factories import HEAD, SPATIAL, Command, configured, tiny, train
import pytest
import torch

import reactivation as ra
from reactivation.machine import control_groups, cores, memory
from reactivation.machine.errors import BadInput
from reactivation.machine.interruption import PARENT, Interruption
from reactivation.storage import claims, environment
from reactivation.storage.folder import RunFolder
from reactivation.training import preparing, processes
from reactivation.training.fit import fit_together


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of 64 cores without limits; returns where its control groups are."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    for name in cores._GRANTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(control_groups, "MOUNT", tmp_path)
    monkeypatch.setattr(control_groups, "OWN", tmp_path / "own")
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")


@pytest.mark.parametrize(
    ("own", "files", "granted"),
    [
        ("0::/", {}, 64),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/", {"cpu.max": "250000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/slurm/job_7/step_0", {"slurm/job_7/cpu.max": "400000 100000", "slurm/job_7/step_0/cpu.max": "max 100000"}, 4),
        ("0::/other", {"slurm/cpu.max": "100000 100000"}, 64),
        (
            "4:cpu,cpuacct:/docker/a",
            {"cpu/docker/a/cpu.cfs_quota_us": "300000", "cpu/docker/a/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("4:cpu,cpuacct:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ("nonsense", {"cpu.max": "nonsense"}, 64),
    ],
)
def test_quotas_of_control_groups_count(own: str, files: dict[str, str], granted: int, many_cores: Path) -> None:
    write(many_cores / "own", own)
    for name, text in files.items():
        write(many_cores / name, text)
    assert cores.available() == granted


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("variables", "granted"),
    [
        ({"SLURM_CPUS_ON_NODE": "8"}, 8),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "2"}, 2),
        ({"SLURM_CPUS_ON_NODE": "128"}, 64),
        ({"SLURM_CPUS_PER_TASK": ""}, 64),
        ({"SLURM_CPUS_PER_TASK": "0"}, 1),
    ],
)
def test_what_slurm_grants_counts(variables: dict[str, str], granted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cores.available() == granted
    assert processes.slots_on("cpu") == granted


@pytest.mark.parametrize("text", ["x", "", "²", "-1", "9" * 5000])
def test_variables_that_say_no_number_are_passed_over(text: str, many_cores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*cores._GRANTED, "SLURM_RESTART_COUNT", PARENT):
        monkeypatch.setenv(name, text)
    write(many_cores / "cpu.max", f"{'9' * 5000} {'9' * 5000}")
    write(many_cores / "memory.max", "9" * 5000)
    assert (cores.available(), claims._own().begun, Interruption().signal) == (64, 0, 0)
    assert memory.available(torch.device("cpu")) < 10**15


def test_memory_of_a_group_above_counts(many_cores: Path) -> None:
    """As of a job of SLURM, in whose own group no limit may stand."""
    write(many_cores / "own", "0::/job/step")
    write(many_cores / "job/memory.max", "123456")
    write(many_cores / "job/step/memory.max", "max")
    assert memory.available(torch.device("cpu")) == 123456


@pytest.mark.parametrize(
    ("phase", "rates", "positions", "with_rates"),
    [
        (ra.rest(40, dropped=10), False, 1, 0),
        (ra.rest(40, dropped=10), 2, 1, 2),
        (ra.rest(40, dropped=10), True, 1, 3),
        (ra.waking(30), False, 2, 0),  # true ones, too
        (ra.waking(30), True, 2, 3),
    ],
)
def test_a_recording_is_refused_where_what_it_keeps_does_not_fit(
    phase: ra.Phase, rates: bool | int, positions: int, with_rates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ra.load("spatial_navigation/noisy_unbiased")
    units, bytes_of_points = run.network.n_units, 2 * 8
    of_a_block = 3 * 10 * (units + run.network.n_outputs) * 4
    of_the_task = (
        3 * (phase.task_steps or phase.steps) * (run.network.n_inputs + 2) * 4
    )  # inputs and positions that it draws
    needed = of_a_block + of_the_task + 30 * (3 * positions * bytes_of_points + with_rates * units * 4)
    monkeypatch.setattr(memory, "available", lambda _: needed - 1)
    with pytest.raises(BadInput, match=r"use smaller numbers of trajectories or steps, or keep fewer rates$"):
        run.record(phase, 3, rates=rates, device="cpu")
    monkeypatch.setattr(memory, "available", lambda _: needed)
    assert len(run.record(phase, 3, rates=rates, device="cpu")) == 3


@pytest.mark.parametrize(
    ("own", "file", "text", "kills"),
    [
        ("0::/job/step", "job/step/memory.events", "oom 4\noom_kill 3", 3),
        ("4:memory:/docker/a", "memory/docker/a/memory.oom_control", "under_oom 0\noom_kill 2", 2),
        ("4:memory:/docker/a\n0::/job", "job/memory.events", "oom_kill 1", 1),
        ("0::/job", "vmstat", "pgfault 9\noom_kill 7", 7),
        ("0::/job", "job/memory.events", "nonsense", 0),
    ],
)
def test_kills_for_want_of_memory_are_counted(
    own: str, file: str, text: str, kills: int, many_cores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_groups, "_MACHINE", many_cores / "vmstat")
    write(many_cores / "own", own)
    write(many_cores / file, text)
    assert control_groups.memory_kills() == kills


def test_threads_are_set_and_recorded_and_others_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    try:
        folder = train(tmp_path / "run", "threads=2")
        assert torch.get_num_threads() == 2
        assert torch.load(folder.resume_files[0], weights_only=True)["threads"] == 2
        assert '"threads": 2' in folder.environment_file.read_text()
        train(tmp_path / "run", "threads=2", "trainer.n_epochs=6")
        assert "bits" not in capsys.readouterr().err
        train(tmp_path / "run", "threads=1", "trainer.n_epochs=8")
        assert capsys.readouterr().err.count("was trained with 2 threads and goes on with 1: its last bits may differ") == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("many_cores")
def test_processes_and_their_threads_are_no_more_than_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    started, running = list[list[str]](), list[int]()

    class Process:
        """One that has not ended when it is first looked at."""

        returncode, looks = 0, 0

        def poll(self) -> int | None:
            self.looks += 1
            return None if self.looks < 2 else 0

    made = list[Process]()

    def begin(words: list[str], line: int) -> Process:
        started.append(words)
        made.append(Process())
        running.append(sum(process.looks < 2 for process in made))
        return made[-1]

    monkeypatch.setattr(processes, "start_command", begin)
    done = command("train.py", *tiny(SPATIAL), "seed=0,1,2,3,4,5", "threads=2", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert len(started) == 6
    assert all("threads=2" in words for words in started)
    assert max(running) == 2


def test_a_busy_machine_is_told_of_where_there_are_several_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preparing, "is_busy", lambda: True)
    train(tmp_path / "run", "threads=1")
    assert "busy" not in capsys.readouterr().err
    before = torch.get_num_threads()
    try:
        train(tmp_path / "run", "threads=2")
        assert "busy: threads=1, instead of 2, may be many times faster" in capsys.readouterr().err
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("config", "words", "told"), [(SPATIAL, ["task.dt=0.1"], True), (SPATIAL, [], False), (HEAD, [], False)]
)
def test_walks_that_leave_the_box_are_warned_of_with_the_number(
    config: str, words: list[str], told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path / "run", *words, "task.sequence_length=100", config=config)
    assert ("18% of positions lie outside the walls, at task.dt=0.1" in capsys.readouterr().err) == told


def test_a_stack_holds_one_file_open_for_each_run(tmp_path: Path) -> None:
    seeds, before = range(12), resource.getrlimit(resource.RLIMIT_NOFILE)
    runs = [(configured(f"seed={seed}"), RunFolder(tmp_path / str(seed))) for seed in seeds]
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + len(seeds) + 8, before[1]))
    try:
        fit_together(runs)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert all(folder.steps() == [2, 4] for _, folder in runs)


def test_the_commit_is_that_of_the_package_wherever_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of what a hook of git works on, and none of a checkout in which a package is installed."""
    here = environment._commit.__wrapped__()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert environment._commit.__wrapped__() == here
    monkeypatch.setattr(environment, "INSTALLED", True)
    assert environment._commit.__wrapped__() is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("train.py", ["config=spatial_navigation/noisy_unbiased", "task.batch_size=1000000", "device=cpu", "path=here/run"]),
        ("output_variance.py", ["runs=[run]", "batch_size=10000000", "path=here"]),
    ],
)
def test_sizes_that_cannot_fit_are_refused_with_an_estimate(
    script: str, words: list[str], command: Command, tmp_path: Path
) -> None:
    train(tmp_path / "run")
    done = command(script, *words)
    assert done.returncode == BadInput.exit_code
    assert "GiB are needed" in done.stderr
    assert not (tmp_path / "here").exists()
