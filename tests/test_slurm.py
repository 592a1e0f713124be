"""Sweeps on a real scheduler: a SLURM of one node, started here."""

from collections.abc import Iterator
from pathlib import Path
import signal

from factories import SPATIAL, Command, same_weights, tiny, train
from one_node import Cluster, cluster, is_installed
import pytest

from reactivation.sweep import looking
from reactivation.sweep.folder import Sweep
from reactivation.sweep.states import FAILED, FINISHED, RUNNING, State

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not is_installed(), reason="SLURM is not installed here (Debian: slurm-wlm, munge), or not for root"),
]


@pytest.fixture
def one_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    (tmp_path / "slurm").mkdir()
    with cluster(tmp_path / "slurm") as running:
        monkeypatch.setenv("SLURM_CONF", running.environment["SLURM_CONF"])
        yield running


def stand(sweep: Sweep) -> dict[str, State]:
    return {state.run: state for state in looking.stand(sweep)}


def are(sweep: Sweep, *names: str) -> bool:
    return {state.name for state in stand(sweep).values()} <= set(names)


def test_an_array_gives_the_bits_of_one_machine_and_wrong_lines_hand_over_nothing(
    tmp_path: Path, command: Command, one_node: Cluster
) -> None:
    words = [*tiny(SPATIAL, "seed=0..1", "trainer.lr=0.001,1e29"), "name=array", "launcher=slurm", "launcher.time=5"]
    assert command("sweep.py", *words, "launcher.partition=nosuch").returncode == 2
    assert command("sweep.py", *words, "rnn.sigmaa=1").returncode == 2
    assert not one_node.ask("squeue", "-h", "-t", "all")
    assert command("sweep.py", *words).returncode == 0
    sweep = Sweep(tmp_path / "results/sweeps/array")
    one_node.wait_for(lambda: are(sweep, FINISHED, FAILED))
    assert {run: state.cause for run, state in stand(sweep).items() if "1e29" in run} == {
        f"{SPATIAL}_0.0001_{seed}_lr1e29": "data" for seed in (0, 1)
    }
    assert same_weights(sweep.folder(f"{SPATIAL}_0.0001_1_lr0.001"), train(tmp_path / "alone", "seed=1"), 4)
    assert command("sweep.py", "status").returncode == 3


@pytest.mark.slow
def test_kills_and_a_scheduler_that_is_down(tmp_path: Path, command: Command, one_node: Cluster) -> None:
    long = ["trainer.n_epochs=100000", "trainer.save_freq=100000"]
    words = [*tiny(SPATIAL, *long), "name=long", "launcher=slurm", "launcher.time=60"]
    assert command("sweep.py", *words).returncode == 0
    sweep, run = Sweep(tmp_path / "results/sweeps/long"), f"{SPATIAL}_0.0001_0"
    one_node.wait_for(lambda: sweep.folder(run).resume_files[0].exists())
    one_node.ask("scancel", "--full", "--signal=KILL", "1_0")
    one_node.wait_for(lambda: stand(sweep)[run].cause == "cancelled")  # as SLURM calls what scancel kills
    one_node.kill("slurmctld", signal.SIGKILL)
    assert stand(sweep)[run].run == run, "answers with the scheduler down"
    one_node.daemon("slurmctld")
    one_node.wait_for(lambda: "idle" in one_node.ask("sinfo", "-h", "-o", "%t"))
    assert command("sweep.py", *words).returncode == 0
    one_node.wait_for(lambda: are(sweep, RUNNING))
    assert command("sweep.py", "cancel").returncode == 0
    one_node.wait_for(lambda: stand(sweep)[run].cause == "cancelled")
