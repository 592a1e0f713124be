"""The script of the theory's measures: its file, what it refuses, and what it says it would need."""

import json
from pathlib import Path

from factories import Command
import pytest

WORDS = ["run=control:langevin:bearings", "pairs=40", "trajectories=20", "steps=400", "gains=[0,2]", "tempering_gains=[1,2]"]


def test_a_control_is_measured_into_one_file(command: Command, tmp_path: Path) -> None:
    done = command("output_theory.py", *WORDS)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / done.stdout.splitlines()[-1]).read_text())
    assert [fit["gain"] for fit in found["drift"]["still"]["fits"]] == [0, 2]
    assert set(found["drift"]) == {"still", "brownian", "own", "brownian x 0.5", "brownian x 2"}
    assert set(found) > {"tempering", "diffusion", "relaxation", "score", "scale_symmetry", "model", "settings"}
    again = command("output_theory.py", *WORDS[:-1])
    assert (again.returncode, "name these results with out=" in again.stderr) == (2, True)


def test_the_plan_names_what_is_lacking_and_what_trains_it(command: Command) -> None:
    shown = command("reproduce.py", "profile=paper", "only=theory", "dry_run=true", "seeds=1").stdout
    assert "5 min    control ring langevin" in shown
    assert "python train.py config=spatial_navigation/noisy_biased_gru seed=1 tag=theory\n" in shown
    assert "config=head_direction/noisy_drawn_tanh seed=1 tag=theory task.home=1.2566370614359172" in shown
    assert command("reproduce.py", "only=theory").returncode == 2


@pytest.mark.parametrize(
    ("word", "code"),
    [("run=control:langevine", 2), ("run=spatial_navigation/none", 2), ("run=head_direction/noisy_drawn_gru", 3)],
)
def test_what_cannot_be_measured_is_told_in_one_line(command: Command, word: str, code: int) -> None:
    done = command("output_theory.py", word)
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == 1
