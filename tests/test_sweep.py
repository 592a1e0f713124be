"""Sweeps on one machine: states, and processes that fail or are killed."""

from contextlib import suppress
import csv
from dataclasses import replace
import errno
import fcntl
import json
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import threading
import time
from typing import Any

from factories import SPATIAL, Command, end, same_weights, start, tiny, train, wait_until
import pytest

from reactivation.machine.errors import BadInput, SomeFailed, StorageError
from reactivation.machine.places import CONFIGS
from reactivation.settings import layers
from reactivation.settings.reading import parse_arguments
from reactivation.storage import claims
from reactivation.storage.claims import claimed
from reactivation.storage.folder import RunFolder
from reactivation.sweep import command as sweep_command
from reactivation.sweep import looking, supervisor
from reactivation.sweep.folder import SILENCE, PlannedRun, Sweep
from reactivation.sweep.grid import Grid, grid_of
from reactivation.sweep.plan import plan
from reactivation.sweep.slurm import Scheduled
from reactivation.sweep.states import (
    FAILED,
    FINISHED,
    NEW,
    RUNNING,
    WAITING,
    Attempt,
    attempts,
    cause_of,
    counted,
    note,
    states,
)
from reactivation.sweep.submissions import (
    Launcher,
    Submission,
    call_off,
    grace_of,
    new_submissions,
    submissions,
    write_submission,
)
from reactivation.sweep.supervisor import Supervisor
from reactivation.sweep.work import work


def line(name: str, *words: str) -> list[str]:
    return [*tiny(SPATIAL, *words), f"name={name}"]


def test_one_failure_leaves_the_others_alone_and_the_same_line_goes_on(tmp_path: Path, command: Command) -> None:
    then = ["then=variance", "t_quiescent=14", "variance.t_shift=2"]
    words = [*line("one", "trainer.lr=0.001,1e29", "trainer.test_freq=1"), *then]
    done = command("sweep.py", *words)
    good, bad = (f"{SPATIAL}_0.0001_0_lr{rate}" for rate in ("0.001", "1e29"))
    assert done.returncode == 3
    assert "1 of 2 runs failed" in done.stderr
    assert f"{bad}: data" in done.stdout
    assert "the loss is nan" in done.stdout
    sweep = Sweep(tmp_path / "results/sweeps/one")
    sweep.table_file.unlink()
    assert command("runs.py", "sweep=one").returncode == 0
    with open(sweep.table_file) as file:
        (row,) = csv.DictReader(file)
    assert (row["analysis"], row["trainer.lr"], row["t_quiescent"]) == ("variance", "0.001", "14")
    assert float(row["variance"]) > 0
    alone = train(tmp_path / "alone", "trainer.test_freq=1")
    assert same_weights(sweep.folder(good), alone, 4)
    before = sweep.log_file(good).read_bytes()
    again = command("sweep.py", *words, "dry_run=true")
    assert "2 runs: 1 finished, 1 failed; 2 analyses" in again.stdout
    assert command("sweep.py", *line("one", "seed=5")).returncode == 2, "a name is of one sweep"
    sweep.table_file.unlink()
    assert command("sweep.py", "status").returncode == 3
    assert sweep.table_file.exists(), "all has ended"
    assert "the loss is nan" in command("sweep.py", "logs", "1e29").stdout
    assert sweep.log_file(good).read_bytes() == before


def test_the_same_line_with_more_seeds_and_analyses_makes_these_too(tmp_path: Path, command: Command) -> None:
    assert command("sweep.py", *line("one", "seed=0")).returncode == 0
    more = [*line("one", "seed=0,1"), "then=variance", "t_quiescent=14", "t_shift=2"]
    assert "2 runs: 1 partial, 1 new" in command("sweep.py", *more, "dry_run=true").stdout
    done = command("sweep.py", *more)
    assert done.returncode == 0, done.stdout
    sweep = Sweep(tmp_path / "results/sweeps/one")
    assert all((sweep.path / file).exists() for run in sweep.runs.values() for file in run.files)
    assert "2 runs: 2 finished" in command("sweep.py", "status", "one").stdout
    with open(sweep.table_file) as file:
        assert [(row["seed"], row["analysis"]) for row in csv.DictReader(file)] == [("0", "variance"), ("1", "variance")]


def test_a_plan_is_compared_with_what_another_command_wrote_meanwhile(tmp_path: Path) -> None:
    one, two = (PlannedRun(f"spatial_navigation/{name}", {"config": SPATIAL}) for name in ("one", "two"))
    sweep, other = Sweep(tmp_path), Sweep(tmp_path)
    assert (sweep.take_plan([one]), other.take_plan([one, two])) == (True, True)
    other.write_plan()
    with pytest.raises(BadInput, match="is another sweep"):
        sweep.take_plan([one])


def test_runs_of_a_config_that_changed_since_are_not_taken_for_those_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = shutil.copytree(CONFIGS, tmp_path / "configs")
    monkeypatch.setattr(layers, "CONFIGS", configs)
    own, quiet = configs / "train/spatial_navigation/own.yml", configs / "analysis/output_variance.yml"

    def planned(*words: str) -> list[PlannedRun]:
        values = parse_arguments(["config=spatial_navigation/own", *words])
        return [run for run, _ in plan(grid_of(values, None, "variance"))]

    own.write_text("trainer: {lr: 0.001}\n")
    sweep = Sweep(tmp_path)
    sweep.take_plan(planned())
    sweep.write_plan()
    for file, other in ((own, "trainer: {lr: 0.002}\n"), (quiet, "t_quiescent: 2100\nt_shift: 1000\n")):
        before = file.read_text()
        file.write_text(other)
        with pytest.raises(BadInput, match=r"own_0 has other settings since a file under configs/ changed; give"):
            sweep.take_plan(planned("seed=0,1"))
        file.write_text(before)
    own.write_text("trainer: {lr: 1.0e-3, log_freq: 5}\ntag: other\n")
    assert not sweep.take_plan(planned()), "these are the same networks"
    assert sweep.take_plan(planned("seed=0,1")), "no seed is seed=0"


def test_what_changed_while_a_run_waited_is_told_and_nothing_is_trained(tmp_path: Path) -> None:
    words = parse_arguments([*tiny(SPATIAL), "t_quiescent=14", "t_shift=2"])
    ((run, _),) = plan(grid_of(words, None, "variance"))
    sweep = Sweep(tmp_path)
    sweep.take_plan([replace(run, settings="other")])
    with pytest.raises(BadInput, match=rf"{run.name} has other settings since a file under configs/ changed: put it back"):
        work(sweep, [run.name])
    assert not sweep.folder(run.name).path.exists()
    sweep.take_plan([replace(run, analyses=(replace(run.analyses[0], settings="other"),))])
    with pytest.raises(BadInput, match=r"variance has other settings since"):
        work(sweep, [run.name])
    assert not (sweep.path / run.files[0]).exists()
    sweep.take_plan([run])
    work(sweep, [run.name])
    assert (sweep.path / run.files[0]).exists()


def nobody_knows(run: str) -> None:
    """The answer of a scheduler that does not know a run."""


def made(path: Path, *names: str) -> Sweep:
    """A sweep whose runs are not trained."""
    sweep = Sweep(path)
    sweep.take_plan([PlannedRun(f"spatial_navigation/{name}", {"config": SPATIAL, "seed": "0"}) for name in names])
    path.mkdir(exist_ok=True)
    sweep.write_plan()
    return sweep


def test_states_are_told_from_folders_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = made(tmp_path / "sweep", "done", "new", "begun", "silent", "ended", "cut", "stopped", "late")
    train(sweep.path / "spatial_navigation/done")
    now = time.time()
    begun = Attempt("here", "1_0", 1, 0, now)
    for name, attempt in {
        "begun": begun,
        "silent": begun,
        "ended": replace(begun, ended=now, code=2, cause="input"),
        "cut": replace(begun, ended=now, code=143, cause="stopped"),
        "stopped": replace(begun, ended=now, code=143, cause="stopped"),
        "late": replace(begun, ended=now, code=143, cause="time"),
    }.items():
        note(sweep, f"spatial_navigation/{name}", attempt)
    os.utime(sweep.state_file("spatial_navigation/silent"), (now - 1000, now - 1000))

    def told(answers: bool = True, **scheduled: str) -> dict[str, tuple[str, str | None]]:
        known = {f"spatial_navigation/{run}": state for run, state in scheduled.items()}
        return {state.run.split("/")[1]: (state.name, state.cause) for state in states(sweep, known.get, answers)}

    assert told(done="node") == {
        "done": (FINISHED, None),
        "new": (NEW, None),
        "begun": (RUNNING, None),
        "silent": (FAILED, "killed"),
        "ended": (FAILED, "input"),
        "cut": (NEW, "stopped"),
        "stopped": (NEW, "stopped"),
        "late": (FAILED, "time"),
    }
    os.utime(sweep.state_file("spatial_navigation/begun"), (now - 60, now - 60))
    with pytest.raises(SomeFailed):
        looking.show(sweep)
    assert "running spatial_navigation/begun; no sign of life for 6" in capsys.readouterr().out
    better = told(new=WAITING, begun="killed", silent="memory", ended=RUNNING, cut="time", stopped=WAITING)
    assert better["new"] == (WAITING, None)
    assert better["begun"] == (FAILED, "killed")
    assert better["silent"] == (FAILED, "memory")
    assert better["ended"] == (FAILED, "input"), "another run of its job may run"
    assert better["cut"] == (FAILED, "time")
    assert better["stopped"][0] == WAITING
    off = told(late="cancelled", ended="cancelled")
    assert off["late"] == (NEW, "cancelled"), "it waited to be begun once more"
    assert off["ended"] == (FAILED, "input")
    assert told(answers=False)["silent"] == (NEW, "killed"), "who knows whether its job waits"
    assert counted(states(sweep, nobody_knows)) == {"finished": 1, "running": 1, "new": 3, "failed": 3}


def test_a_run_whose_process_was_killed_here_runs_no_more(tmp_path: Path) -> None:
    sweep, run, begun = (
        made(tmp_path / "sweep", "begun"),
        "spatial_navigation/begun",
        Attempt("here", None, 1, 0, time.time()),
    )
    note(sweep, run, begun)
    killed = os.fork()
    if not killed:
        with sweep.held(run):
            os._exit(0)  # and leaves its claim
    os.waitpid(killed, 0)
    assert [state.name for state in states(sweep, nobody_knows)] == [FAILED]
    with sweep.held(run):
        assert [state.name for state in states(sweep, nobody_knows)] == [RUNNING]


def test_causes_are_told_apart() -> None:
    assert cause_of(0, "", False) is None
    assert cause_of(2, "not enough memory for these sizes", False) == "memory"
    assert cause_of(137, "", True) == "memory"
    assert [cause_of(code, "", False) for code in (137, 143, 2, 3, 4, 1)] == [
        "killed", "stopped", "input", "data", "storage", "error",
    ]  # fmt: skip


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Run → the shell's command that stands in for its work."""
    scripts: dict[str, str] = {}

    def begin(words: list[str], line: int, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sh", "-c", scripts[words[-1].split("/")[1]]], **options)

    monkeypatch.setattr(supervisor, "start_command", begin)
    return scripts


def supervised(sweep: Sweep, handed: Submission | None = None, patience: float = 0.0) -> supervisor.Outcome:
    (handed,) = [handed] if handed else new_submissions(sweep, list(sweep.runs), Launcher())
    return Supervisor(sweep, handed, 2, patience, lambda: "stopped", lambda line: None).run(handed.jobs[0])


def test_what_may_end_better_is_tried_again_so_often_and_nothing_else_is(tmp_path: Path, shells: dict[str, str]) -> None:
    sweep = made(tmp_path / "sweep", "killed", "input", "memory", "fine")
    shells |= {"killed": "kill -9 $$", "input": "exit 2", "memory": "echo not enough memory; exit 2", "fine": "true"}
    outcome = supervised(sweep)
    tried = {run.split("/")[1]: [attempt.cause for attempt in attempts(sweep, run)] for run in sweep.runs}
    assert tried == {"killed": ["killed"] * 3, "input": ["input"], "memory": ["memory"], "fine": [None]}
    assert {run.split("/")[1]: code for run, code in outcome.failed.items()} == {"killed": 137, "input": 2, "memory": 2}


def test_what_gets_further_each_time_is_tried_on(
    tmp_path: Path, shells: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = made(tmp_path / "sweep", "one")
    shells["one"] = f"echo x >> {tmp_path}/steps; [ $(wc -l < {tmp_path}/steps) = 6 ] || kill -9 $$"
    steps = tmp_path / "steps"
    monkeypatch.setattr(supervisor, "reached", lambda *_: len(steps.read_text()) // 4 if steps.exists() else 0)
    assert supervised(sweep).failed == {}
    noted = attempts(sweep, "spatial_navigation/one")
    assert [attempt.reached for attempt in noted] == [0, 0, 1, 1, 2, 2]
    assert [attempt.cause for attempt in noted] == ["killed"] * 5 + [None]
    # A job that its scheduler begins again counts what it did before.
    (handed,) = new_submissions(sweep, list(sweep.runs), Launcher(tries=2))
    shells["one"] = "kill -9 $$"
    assert supervised(sweep, handed).failed == supervised(sweep, handed).failed == {"spatial_navigation/one": 137}
    assert len(attempts(sweep, "spatial_navigation/one")) == 6 + 2


def test_nothing_is_begun_twice(tmp_path: Path, shells: dict[str, str]) -> None:
    sweep = made(tmp_path / "sweep", "one", "two")
    shells |= {name: f"echo x >> {tmp_path}/{name}; sleep 0.5" for name in ("one", "two")}
    # A process that has a lock keeps it in its child: another is kept out for as long as the child lives.
    with sweep.held("spatial_navigation/one") as hold:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[hold.lock])
    (handed,) = new_submissions(sweep, list(sweep.runs), Launcher())
    assert supervised(sweep, handed).elsewhere == ["spatial_navigation/one"]
    assert not (tmp_path / "one").exists()
    assert (tmp_path / "two").read_text() == "x\n"
    threading.Timer(1.0, child.kill).start()
    assert supervised(sweep, handed, patience=60.0).elsewhere == []
    assert (tmp_path / "one").read_text() == "x\n", "begun once the other is gone"
    child.wait()


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)


@pytest.mark.usefixtures("no_locks")
def test_where_locks_do_not_reach_another_machine_claims_keep_it_out(
    tmp_path: Path, shells: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = made(tmp_path / "sweep", "one")
    shells["one"], run = "true", "spatial_navigation/one"
    (tmp_path / "squeue").write_text("#!/bin/sh\nexit 1\n")  # a scheduler that does not answer
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("REACTIVATION_HOST", "another")
    with sweep.held(run):
        monkeypatch.delenv("REACTIVATION_HOST")
        monkeypatch.delenv("SLURM_JOB_ID")
        assert supervised(sweep).elsewhere == [run]
        assert attempts(sweep, run) == ()
        (claim,) = sweep.state_file(run).parent.glob("*.claim")
        os.utime(claim, (time.time() - SILENCE - 1,) * 2)
        assert supervised(sweep).elsewhere == [], "nobody has touched it for long"
    assert [attempt.ended is None for attempt in attempts(sweep, run)] == [False]


@pytest.mark.usefixtures("no_locks")
def test_of_machines_that_ask_for_a_run_at_once_one_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, host = made(tmp_path / "sweep", "one"), threading.local()
    monkeypatch.setattr(socket, "gethostname", lambda: host.name)
    at_work, most, begun = [0], [0], [0]

    def ask(name: str) -> None:
        host.name = name
        for _ in range(50):
            with suppress(StorageError), sweep.held("spatial_navigation/one"):
                at_work[0] += 1
                begun[0] += 1
                most[0] = max(most[0], at_work[0])
                time.sleep(0.001)
                at_work[0] -= 1

    machines = [threading.Thread(target=ask, args=(f"host{number}",)) for number in range(3)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert most == [1]
    assert begun[0] > 10


def test_whoever_is_at_work_keeps_the_claims_of_its_runs_fresh(
    tmp_path: Path, shells: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = made(tmp_path / "sweep", "one")
    shells["one"] = "sleep 0.5"
    monkeypatch.setattr(supervisor, "HEARTBEAT", 0.0)
    monkeypatch.setattr(claims, "_OFTEN", -1)
    touched = list[str]()
    monkeypatch.setattr(os, "utime", lambda file: touched.append(file.name))
    supervised(sweep)
    assert set(touched) == {"one.json", ".one.claim"}


@pytest.mark.parametrize("edited", [{"cause": "mood"}, {"code": -1}, {"code": 256}, {"code": 10**40}])
def test_a_note_that_nobody_could_have_written_counts_as_none(
    edited: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    (tmp_path / "results/sweeps").mkdir(parents=True)
    sweep = made(tmp_path / "results/sweeps/s", "one")
    (run,) = sweep.runs
    note(sweep, run, Attempt("here", None, 1, 0, 5.0, ended=6.0, code=1, cause="error"))
    assert command("sweep.py", "status", "s").returncode == 1
    noted = json.loads(sweep.state_file(run).read_text())
    sweep.state_file(run).write_text(json.dumps([noted[0] | edited]))
    assert (command("sweep.py", "status", "s").returncode, attempts(sweep, run)) == (0, ())


@pytest.mark.parametrize("words", [("status", "a\nb"), ("cancel", "a\nb"), ("logs", "a\nb"), ("logs", "a", "name=b\nc")])
def test_a_name_with_a_line_break_is_refused_in_one_line(words: tuple[str, ...], command: Command) -> None:
    refused = command("sweep.py", *words)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "line break" in refused.stderr


def test_what_is_called_off_ends_in_good_order(tmp_path: Path, shells: dict[str, str]) -> None:
    sweep = made(tmp_path / "sweep", "one", "two", "three")
    shells |= dict.fromkeys(("one", "two", "three"), "sleep 60 & wait")
    (handed,) = new_submissions(sweep, list(sweep.runs), Launcher())
    threading.Timer(1.0, call_off, (sweep, handed)).start()
    outcome = supervised(sweep, handed)
    assert (outcome.stopped, outcome.failed) == (signal.SIGTERM, {})
    assert [state.cause for state in states(sweep, nobody_knows)] == ["cancelled", "cancelled", None]
    assert counted(states(sweep, nobody_knows)) == {NEW: 3}
    assert attempts(sweep, "spatial_navigation/three") == ()


def test_seeds_are_stacked_and_shared_among_jobs(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    axes = {"config": [SPATIAL], "seed": ["0", "1", "2"], "rnn.tau": ["0.1", "0.2"]}
    sweep.take_plan([run for run, _ in plan(Grid(axes))])
    (handed,) = new_submissions(sweep, list(sweep.runs), Launcher(launcher="slurm", stack=2, share=2))
    sizes = [[len(unit) for unit in job] for job in handed.jobs]
    assert sizes == [[2, 1], [2, 1]]
    assert all(len({run.split("_tau")[1] for run in unit}) == 1 for job in handed.jobs for unit in job)


def test_a_job_of_little_time_is_not_told_to_end_as_it_begins() -> None:
    times = {"2": 30, "4:00:00": 120, "1-0": 120, "0:40": 10, None: 120}
    assert {time: grace_of(Launcher(time=time)) for time in times} == times
    with pytest.raises(BadInput, match="must be as SLURM has it"):
        grace_of(Launcher(time="4h"))


def test_networks_that_are_there_are_taken_and_measured_and_none_is_trained(tmp_path: Path, command: Command) -> None:
    then = ["then=variance", "t_quiescent=14", "t_shift=2", "variance_gain=1,2"]
    words = [*line("taken", "tag=own", "rnn.tau=0.1,0.2"), *then, "trained=results"]
    first = train(tmp_path / f"results/{SPATIAL}_0.0001_0_own", "tag=own", "rnn.tau=0.1")
    lacking = command("sweep.py", *words)
    assert (lacking.returncode, lacking.stderr.count("\n")) == (2, 1)
    assert "1 of 2 networks are not there" in lacking.stderr
    assert not (tmp_path / "results/sweeps").exists()
    assert command("sweep.py", *line("taken", "tag=other", "rnn.tau=0.1,0.2"), *then, "trained=results").returncode == 2
    done = command("sweep.py", *words, "allow_missing=true")
    assert done.returncode == 0
    assert "left out: 1 of 2 networks, which are not trained yet" in done.stdout
    sweep = Sweep(tmp_path / "results/sweeps/taken")
    taken = sweep.folder(f"{SPATIAL}_0.0001_0_own_tau0.1")
    assert taken.steps() == [4]
    assert same_weights(taken, first, 4)
    assert "already trained to step 4" in sweep.log_file(f"{SPATIAL}_0.0001_0_own_tau0.1").read_text()
    assert len(sweep.table_file.read_text().splitlines()) == 3


def test_of_a_network_that_was_trained_longer_an_earlier_step_is_taken_by_its_name(tmp_path: Path, command: Command) -> None:
    first = train(tmp_path / f"results/{SPATIAL}_0.0001_0_own", "tag=own")
    then = ["then=variance", "t_quiescent=14", "t_shift=2", "trained=results"]
    refused = command("sweep.py", *line("taken", "tag=own", "trainer.n_epochs=2"), *then)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert f"{first.path.name} (trained to step 4: trainer.n_epochs=4 takes it, and epoch= an earlier" in refused.stderr
    done = command("sweep.py", *line("taken", "tag=own"), *then, "epoch=2,4")
    assert done.returncode == 0, done.stdout
    with open(Sweep(tmp_path / "results/sweeps/taken").table_file) as file:
        assert sorted(row["step"] for row in csv.DictReader(file)) == ["2", "4"]


def test_a_damaged_network_is_not_taken(tmp_path: Path, command: Command) -> None:
    first = train(tmp_path / f"results/{SPATIAL}_0.0001_0_own", "tag=own")
    model = first.model_file(4)
    whole = model.read_bytes()
    words = [*line("taken", "tag=own"), "then=variance", "t_quiescent=14", "t_shift=2", "trained=results"]
    model.write_bytes(whole[: len(whole) // 2])
    refused = command("sweep.py", *words)
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
    assert f"{model.relative_to(tmp_path)}: " in refused.stderr
    sweep = Sweep(tmp_path / "results/sweeps/taken")
    assert not sweep.folder(f"{SPATIAL}_0.0001_0_own").path.exists()
    model.write_bytes(whole)
    assert command("sweep.py", *words).returncode == 0, "the same line, once it is mended"


def test_where_the_scheduler_says_nothing_nothing_more_is_handed_over(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no scheduler
    done = command("sweep.py", *line("two"), "launcher=slurm")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "launcher=slurm needs sbatch" in done.stderr
    sweep = Sweep(tmp_path / "results/sweeps/two")
    assert not sweep.path.exists()
    refusing = tmp_path / "sbatch"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    assert "sbatch refuses" in command("sweep.py", *line("two"), "launcher=slurm").stderr
    write_submission(sweep, Submission(1, "slurm", (((f"{SPATIAL}_0.0001_0",),),), job="7"))
    done = command("sweep.py", *line("two"), "launcher=slurm")
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "the scheduler does not answer" in done.stderr
    assert [submission.number for submission in submissions(sweep)] == [1]


def test_jobs_write_below_a_folder_whose_name_has_a_pattern_of_slurm(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    scheduler = tmp_path / "sbatch"
    scheduler.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\necho 7\n')
    scheduler.chmod(0o755)
    command("sweep.py", *line("two"), "launcher=slurm", "path=50%A")
    (told,) = (word for word in (tmp_path / "words").read_text().splitlines() if word.startswith("--output="))
    assert told.endswith("50%%A/sweeps/two/logs/slurm/%A_%a.out")


def test_a_job_that_waits_and_was_called_off_keeps_nobody_from_its_runs(tmp_path: Path) -> None:
    def says(state: str, *called_off: str) -> str | None:
        return Scheduled(Sweep(tmp_path), {"run": "7"}, frozenset(called_off), {"7": state}).of("run")

    assert [says(WAITING), says(WAITING, "run"), says(RUNNING, "run")] == [WAITING, "cancelled", RUNNING]


def test_two_login_nodes_do_not_plan_one_sweep_at_a_time(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_command, "_PLANNING", 0.5)
    folder = tmp_path / "results/sweeps/two"
    folder.mkdir(parents=True)
    monkeypatch.setenv("REACTIVATION_HOST", "another")
    with claimed(folder):
        monkeypatch.delenv("REACTIVATION_HOST")
        done = command("sweep.py", *line("two"))
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "of another since" in done.stderr
    assert not (folder / "plan.json").exists()


@pytest.mark.slow
def test_killed_and_begun_again_it_ends_with_the_same_bits(tmp_path: Path, command: Command) -> None:
    words = line("long", "seed=0,1,2", "trainer.n_epochs=400", "trainer.save_freq=50")
    process = start(tmp_path, "sweep.py", *words)
    sweep = Sweep(tmp_path / "results/sweeps/long")
    folders = [RunFolder(sweep.path / f"{SPATIAL}_0.0001_{seed}") for seed in range(3)]
    wait_until(lambda: bool(folders[0].steps()), process)
    process.kill()
    end(process)  # its children save and end; the same line waits for them
    assert command("sweep.py", *words).returncode == 0
    for seed, folder in enumerate(folders):
        alone = train(tmp_path / f"{seed}", "trainer.n_epochs=400", "trainer.save_freq=50", f"seed={seed}")
        assert same_weights(folder, alone, 400)
