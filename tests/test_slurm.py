"""Sweeps on a real scheduler: a SLURM of one node, started here."""

from collections.abc import Callable, Iterator
import csv
import os
from pathlib import Path
import signal
import socket
import time

from factories import SPATIAL, Command, same_weights, tiny, train
from one_node import OF_ACCOUNTING, Cluster, cluster, is_installed
import pytest

from reactivation.sweep import looking
from reactivation.sweep.folder import Sweep
from reactivation.sweep.states import FAILED, FINISHED, PARTIAL, RUNNING, WAITING, Attempt, State, attempts, last_lines
from reactivation.sweep.submissions import read_submission

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not is_installed(), reason="SLURM is not installed here (Debian: slurm-wlm, munge), or not for root"),
]
BIASED = "spatial_navigation/noisy_biased"
RUN = f"{SPATIAL}_0.0001_0"
ENDLESS = ["trainer.n_epochs=1000000", "trainer.save_freq=1000000"]  # so that no machine is too fast for a test
SAVES = 500  # steps, of which ten thousand are some 10 s


@pytest.fixture
def one_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    yield from _started(tmp_path, monkeypatch, accounting=False)


@pytest.fixture
def with_accounting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    if not is_installed(*OF_ACCOUNTING):
        pytest.skip("accounting is not installed here (Debian: slurmdbd, mariadb-server)")
    yield from _started(tmp_path, monkeypatch, accounting=True)


def _started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accounting: bool) -> Iterator[Cluster]:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # the database is another user's
    (tmp_path / "slurm").mkdir()
    with cluster(tmp_path / "slurm", accounting) as running:
        monkeypatch.setenv("SLURM_CONF", running.environment["SLURM_CONF"])
        yield running


def words(name: str, *others: str, minutes: int = 60) -> list[str]:
    return [*tiny(SPATIAL, *others), f"name={name}", "launcher=slurm", f"launcher.time={minutes}"]


def sweep_of(tmp_path: Path, name: str) -> Sweep:
    return Sweep(tmp_path / "results/sweeps" / name)


def stand(sweep: Sweep) -> dict[str, State]:
    return {state.run: state for state in looking.stand(sweep)}


def all_are(sweep: Sweep, *names: str) -> Callable[[], bool]:
    return lambda: {state.name for state in stand(sweep).values()} <= set(names)


def is_training(sweep: Sweep, run: str = RUN, attempt: int = 1) -> Callable[[], bool]:
    """Whether the given attempt at a run has begun training: each attempt claims the folder of the run."""
    claimed = sweep.folder(run).config_file
    return lambda: (
        len(attempts(sweep, run)) == attempt
        and attempts(sweep, run)[-1].ended is None
        and claimed.exists()
        and claimed.stat().st_mtime >= attempts(sweep, run)[-1].began
    )


def has_saved(sweep: Sweep, run: str = RUN, attempt: int = 1) -> Callable[[], bool]:
    """Whether the given attempt at a run has saved a later step than the one before, and is still running."""
    return lambda: (
        len(attempts(sweep, run)) == attempt
        and last(sweep, run).ended is None
        and max(sweep.folder(run).steps(), default=0) > last(sweep, run).reached
    )


def saving(steps: int = 10**6) -> list[str]:
    """Settings of a training of a given length that saves, but neither tests nor logs."""
    return [
        f"trainer.n_epochs={steps}",
        f"trainer.save_freq={SAVES}",
        "trainer.test_freq=1000000",
        "trainer.log_freq=1000000",
    ]


def goes_on_as_alone(sweep: Sweep, run: str, alone: Path, *others: str) -> bool:
    """Whether the last saved network of a run equals one that this process trains without a break."""
    step = sweep.folder(run).steps()[-1]
    return same_weights(sweep.folder(run), train(alone, *saving(step), *others), step)


def until(running: Cluster, sweep: Sweep, *happen: Callable[[], bool]) -> None:
    """Wait until all conditions hold at once; a failure reports the state of the sweep and the ends of its logs."""

    def told() -> str:
        logs = sorted((sweep.path / "logs").rglob("*.*"))
        return "\n".join([*map(str, stand(sweep).values()), *(f"{log.name}: {last_lines(log)}" for log in logs)])

    running.wait_for(lambda: all(condition() for condition in happen), told)


def last(sweep: Sweep, run: str = RUN) -> Attempt:
    return attempts(sweep, run)[-1]


def test_twelve_runs_are_an_array_with_the_bits_of_one_machine_and_wrong_lines_hand_over_nothing(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    line = [*words("array", "seed=0..1", "rnn.sigma=0.05,0.07,0.1"), "then=variance", "t_quiescent=14", "variance.t_shift=2"]
    line[0] = f"config={SPATIAL},{BIASED}"
    for wrong in ("launcher.partition=nosuch", "rnn.sigmaa=1", "variance.t_shif=1"):
        assert command("sweep.py", *line, wrong).returncode == 2
    assert not one_node.ask("squeue", "-h", "-t", "all")
    done = command("sweep.py", *line)
    assert (done.returncode, "12 runs: 12 new; 12 analyses" in done.stdout, "12 jobs" in done.stdout) == (0, True, True)
    sweep = sweep_of(tmp_path, "array")
    again = command("sweep.py", *line)
    assert len(list(sweep.submission_file(1).parent.glob("*.json"))) == 1, "what waits and runs is not handed over twice"
    assert again.returncode == 0
    until(one_node, sweep, all_are(sweep, FINISHED, FAILED))
    assert command("sweep.py", "status").returncode == 0
    with open(sweep.table_file) as file:
        rows = list(csv.DictReader(file))
    assert len({(row["experiment"], row["seed"], row["rnn.sigma"]) for row in rows}) == len(rows) == 12
    for run, *values in (
        (f"{BIASED}_5e-05_1_sigma0.05", f"config={BIASED}", "seed=1", "rnn.sigma=0.05"),
        (f"{SPATIAL}_0.0002_0_sigma0.1", "rnn.sigma=0.1"),
    ):
        assert same_weights(sweep.folder(run), train(tmp_path / run, *values), 4)


def test_killed_requeued_and_cancelled_it_goes_on_with_the_bits_of_one_machine(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two jobs side by side need two cores")
    line = words("killed", *saving(), "seed=0..1")
    assert command("sweep.py", *line).returncode == 0
    sweep, other = sweep_of(tmp_path, "killed"), f"{SPATIAL}_0.0001_1"
    until(one_node, sweep, has_saved(sweep), has_saved(sweep, other))
    one_node.ask("scancel", "--full", "--signal=KILL", "1_0")  # all of the job: nobody is left to note it
    until(one_node, sweep, lambda: stand(sweep)[RUN].cause in ("killed", "cancelled"))
    one_node.ask("scontrol", "requeue", "1_1")
    until(one_node, sweep, has_saved(sweep, other, 2))
    one_node.writes_down("1_1")
    one_node.kill("slurmctld", signal.SIGKILL)
    began = time.monotonic()
    assert command("sweep.py", "status").returncode == 0
    assert time.monotonic() - began < 5, "with the scheduler down"
    assert "the scheduler does not answer" in command("sweep.py", *line).stderr, "who knows what waits there"
    one_node.start_controller()
    until(one_node, sweep, lambda: one_node.ask("squeue", "-h", "-o", "%T").split() == ["RUNNING"])
    until(
        one_node, sweep, lambda: stand(sweep)[RUN].name in (FAILED, PARTIAL)
    )  # on a busy machine its job is forgotten by now
    assert command("sweep.py", *line).returncode == 0
    assert read_submission(sweep, 2).jobs == (((RUN,),),), "the other one runs"
    until(one_node, sweep, has_saved(sweep, RUN, 2))
    assert command("sweep.py", "cancel").returncode == 0
    until(one_node, sweep, all_are(sweep, PARTIAL))
    assert {state.cause for state in stand(sweep).values()} == {"cancelled"}
    assert command("sweep.py", *line).returncode == 0
    until(one_node, sweep, has_saved(sweep, RUN, 3), has_saved(sweep, other, 3))
    for seed, run in enumerate((RUN, other)):
        assert [attempt.reached > 0 for attempt in attempts(sweep, run)] == [False, True, True]
        assert goes_on_as_alone(sweep, run, tmp_path / run, f"seed={seed}")


def test_what_takes_more_memory_than_its_job_has_is_told_apart_and_not_tried_again(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    assert command("sweep.py", *words("memory", *ENDLESS), "launcher.memory=100M").returncode == 0
    sweep = sweep_of(tmp_path, "memory")
    until(one_node, sweep, all_are(sweep, FAILED), lambda: not one_node.ask("squeue", "-h"))
    told = command("sweep.py", "status")
    assert told.returncode == 1
    assert "memory; out of memory: give launcher.memory=" in told.stdout
    assert "exceeded memory limit" in command("sweep.py", "logs", RUN).stdout
    assert len(attempts(sweep, RUN)) == 1, "it is not tried again"


@pytest.mark.slow
def test_a_job_whose_time_is_up_saves_and_goes_on_in_another(tmp_path: Path, command: Command, one_node: Cluster) -> None:
    assert command("sweep.py", *words("time", *ENDLESS, minutes=1)).returncode == 0
    sweep = sweep_of(tmp_path, "time")
    until(one_node, sweep, is_training(sweep, attempt=2))
    first, second = attempts(sweep, RUN)
    assert (first.cause, first.job, second.job) == ("time", "1_0", "1_0")
    assert second.reached > first.reached == 0
    assert stand(sweep)[RUN].name == RUNNING


@pytest.mark.slow
def test_what_has_to_make_room_and_cannot_save_in_time_is_begun_again(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    assert command("sweep.py", *words("room", *ENDLESS)).returncode == 0
    sweep = sweep_of(tmp_path, "room")
    until(one_node, sweep, is_training(sweep))
    worker = one_node.process_of("sweep work")
    os.mkfifo(
        sweep.folder(RUN).path / f".resume.pt.{socket.gethostname()}.{worker}.tmp"
    )  # whoever opens it to write waits for ever
    one_node.ask("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap=sleep 5")
    until(one_node, sweep, lambda: stand(sweep)[RUN].name == WAITING)
    assert last(sweep).ended is None, "it was killed before it could save"
    until(one_node, sweep, is_training(sweep, attempt=2))
    assert last(sweep).reached == 0
    assert "DUE TO PREEMPTION" in command("sweep.py", "logs", RUN).stdout


@pytest.mark.slow
def test_a_job_whose_node_fails_is_begun_again_when_it_is_back(tmp_path: Path, command: Command, one_node: Cluster) -> None:
    assert command("sweep.py", *words("node", *saving())).returncode == 0
    sweep = sweep_of(tmp_path, "node")
    until(one_node, sweep, has_saved(sweep))
    one_node.kill("slurmd", signal.SIGKILL)  # alone: what it started goes on
    one_node.start_node()
    assert stand(sweep)[RUN].name == RUNNING
    assert len(attempts(sweep, RUN)) == 1
    one_node.lose_the_node()
    until(one_node, sweep, lambda: stand(sweep)[RUN].name == WAITING)
    one_node.start_node()
    until(one_node, sweep, has_saved(sweep, RUN, 2))
    assert [attempt.reached > 0 for attempt in attempts(sweep, RUN)] == [False, True]
    assert attempts(sweep, RUN)[0].ended is None, "nobody was left to note it"
    assert goes_on_as_alone(sweep, RUN, tmp_path / "alone")


def _ends_badly_and_is_forgotten(tmp_path: Path, command: Command, running: Cluster) -> Sweep:
    assert command("sweep.py", *words("forgotten", *ENDLESS)).returncode == 0
    sweep = sweep_of(tmp_path, "forgotten")
    until(running, sweep, is_training(sweep))
    running.lose_the_node()
    running.ask("scontrol", "update", "jobid=1", "requeue=0")
    running.ask("scancel", "1")
    running.start_node()
    until(running, sweep, lambda: not running.ask("squeue", "-h", "-t", "all"))
    return sweep


@pytest.mark.slow
def test_what_the_scheduler_has_forgotten_is_known_by_its_folder(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    sweep = _ends_badly_and_is_forgotten(tmp_path, command, one_node)
    until(one_node, sweep, lambda: stand(sweep)[RUN].name != RUNNING)
    assert stand(sweep)[RUN].cause in ("killed", "node")


@pytest.mark.slow
def test_accounting_remembers_what_the_scheduler_has_forgotten(
    tmp_path: Path, command: Command, with_accounting: Cluster
) -> None:
    sweep = _ends_badly_and_is_forgotten(tmp_path, command, with_accounting)
    until(with_accounting, sweep, lambda: stand(sweep)[RUN].cause in ("node", "cancelled"))  # not "killed", as silence says
    with_accounting.kill("slurmdbd", signal.SIGKILL)
    began = time.monotonic()
    assert stand(sweep)[RUN].run == RUN
    assert time.monotonic() - began < 5, "with accounting down"
