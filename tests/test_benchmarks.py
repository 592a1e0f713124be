"""Benchmarks, and modules that are commands, name errors in their input; the benchmark of the GPU runs at small size."""

from functools import partial
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from factories import ROOT, Command
import numpy as np
import pytest
import torch

import reactivation as ra

TINY = [
    "steps=2",
    "paired=2",
    "size=32",
    "rnn.n_rec=12",
    "task.batch_size=6",
    "task.sequence_length=5",
    "trainer.n_epochs=3",
]


def test_the_gpu_benchmark_runs_at_a_tiny_size(command: Command) -> None:
    done = command("benchmarks/gpu.py", "device=cpu", "full=true", "json=true", *TINY)
    assert done.returncode == 0, done.stderr
    ceiling, *configurations, whole, tf32 = map(json.loads, done.stdout.splitlines())
    assert {"single_flops_per_s", "tf32_flops_per_s", "copy_bytes_per_s"} <= set(ceiling)
    assert len(configurations) == 8
    assert whole["networks"] == 40
    for row in configurations:
        assert min(row[key] for key in ("seconds_per_step", "seconds_to_record", "measured_seconds", "peak_memory_mb")) > 0
    assert tf32["losses_single"] == tf32["losses_tf32"], "on a CPU there is no TF32"
    assert tf32["difference"] == 0


def test_the_gpu_benchmark_prints_a_table(command: Command) -> None:
    done = command("benchmarks/gpu.py", "device=cpu", "only=head_direction/noisy_unbiased", *TINY)
    assert done.returncode == 0, done.stderr
    machine, header, row, whole, tf32 = done.stdout.splitlines()
    assert machine.startswith("cpu, torch")
    assert "s/step" in header
    name, _, seconds_per_step, *_ = row.split()
    assert name == "head_direction/noisy_unbiased"
    assert float(seconds_per_step) > 0
    assert whole.startswith("all")
    assert name in tf32


def test_without_a_gpu_the_benchmark_says_so(command: Command) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = command("benchmarks/gpu.py")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no CUDA device" in done.stderr


@pytest.mark.parametrize(
    ("word", "reason"), [("steps=x", "steps=x"), ("stepz=2", "stepz"), ("only=nothing/here", "nothing")]
)
def test_bad_input_to_the_benchmark_is_one_line(word: str, reason: str, command: Command) -> None:
    done = command("benchmarks/gpu.py", "device=cpu", word, "size=32")
    assert done.returncode == 2
    assert reason in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("script", "word", "reason"),
    [
        ("training", "only=grue", "did you mean gru?"),
        ("breakdown", "steps=x", "type int"),
        ("floor", "steps=0", "at least 1"),
        ("analysis", "share=2", "at most 1"),
        ("rest", "units=[0]", "at least 1"),
        ("growth", "steps=1", "at least 2"),
        ("history", "commits=nothing", "no commit"),
        ("reliability", "seconds=0", "greater than 0"),
        ("reliability", "only=x", "the beginning of none of: kill"),
        ("sweeps", "runs=0", "at least 1"),
        ("separation", "frictions=[2]", "at most 1"),
        ("alpha", "only=substep", "did you mean substeps?"),
        ("waking", "documents=x", "did you mean document?"),
        ("denoising", "only=head_directions", "did you mean head_direction?"),
        ("drawn", "documents=x", "did you mean document?"),
        ("long_rests", "only=head_directions", "did you mean head_direction?"),
        ("rats", "file=[x]", "did you mean files?"),
        ("threads", "only=grue", "did you mean gru?"),
    ],
)
def test_bad_input_to_the_others_is_one_line(script: str, word: str, reason: str, command: Command) -> None:
    done = command(f"benchmarks/{script}.py", word)
    assert done.returncode == 2
    assert reason in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


DOORS = [
    str(file.relative_to(ROOT))
    for folder in ("benchmarks", "paper")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("word", ["surplus", "surplus=1"])
@pytest.mark.parametrize("door", DOORS)
def test_no_command_ignores_a_word(door: str, word: str, command: Command) -> None:
    where = ["device=cpu"] if door.endswith("gpu.py") else []  # there it asks for a GPU first
    done = command(door, *where, word)
    assert done.returncode == 2
    assert "surplus" in done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize("name", ["check", "pictures"])
def test_a_live_page_that_is_not_there_is_refused_before_any_browser_starts(name: str, command: Command) -> None:
    done = command(f"paper/live/{name}.py", "page=live.html")
    assert (done.returncode, done.stderr) == (2, "page=live.html: there is no such file\n")


KEYED = [
    "training",
    "breakdown",
    "floor",
    "analysis",
    "rest",
    "history",
    "gpu",
    "scripts",
    "sweeps",
    "threads",
    "reliability",
]


@pytest.mark.parametrize("script", KEYED)
def test_every_benchmark_lists_its_keys_where_only_the_library_is_installed(script: str, tmp_path: Path) -> None:
    (tmp_path / "reactivation").symlink_to(ROOT / "reactivation")  # the study in `paper` is no part of it
    words = [sys.executable, str(ROOT / "benchmarks" / f"{script}.py"), "--help"]
    alone = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Keys" in done.stdout


def test_what_many_runs_cost_is_a_table(command: Command) -> None:
    done = command("benchmarks/sweeps.py", "runs=3", "seeds=2", "json=true")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["what"] for row in rows][-2:] == ["status, all finished", "table of results"]
    assert all(row["warm [s]"] < 60 for row in rows)


class Serial:
    """A pool that does the work at once, in this process."""

    def __init__(self, *_: object):
        pass

    def __enter__(self) -> "Serial":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Any, *arguments: Any) -> Any:
        """Do it."""
        made = work(*arguments)
        return SimpleNamespace(result=lambda: made)


def test_separation_fills_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small: one network, two measures, two recordings of each kind; the page is a copy of the project's."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import separation

    small: dict[str, Any] = {
        "STEPS": 60,
        "TRAJECTORIES": 4,
        "TOLD": 20,
        "MEASURES": ("exponent", "compression"),
        "LENGTHS": (8, 12),
    }
    small |= {"NETWORKS": {"GRU, box": "spatial_navigation/noisy_unbiased_gru"}, "ProcessPoolExecutor": Serial}
    small["table"] = partial(ra.replay.table, measures=small["MEASURES"])
    for name, value in small.items():
        monkeypatch.setattr(separation, name, value)
    page = tmp_path / "replay.md"
    page.write_text((ROOT / "docs" / "replay.md").read_text())
    monkeypatch.chdir(tmp_path)
    separation.main(["recordings=2", "frictions=[0.2]", f"document={page}"])
    measures = blocks_of(page)["measures at 0.2"].splitlines()
    assert measures[0] == "| measure | GRU, box | means |"
    assert [row.split("|")[1].strip() for row in measures[2:]] == ["`exponent`", "`compression`", separation.LONGER]
    told = measures[2].split("|")[2].strip().strip("*")
    assert told in {f"{one}, {other}" for one in range(3) for other in range(3)}
    assert [row.split("|")[2].strip() for row in blocks_of(page)["read back"].splitlines()[2:]] == [
        "diffusive",
        "momentum, λ = 0.2",
    ]
    assert blocks_of(page)["measures at 0.7"] == blocks_of(ROOT / "docs" / "replay.md")["measures at 0.7"]


ALPHAS = pytest.mark.parametrize(
    ("question", "changed", "flat", "told"),
    [
        ("amplitude", 1.5, 0.0, "yes"),
        ("amplitude", 0.7, 0.0, "no"),
        ("amplitude", 1.1, 0.0, "undecided"),
        ("amplitude", 1.5, 0.3, "nothing is said"),
        ("substeps", 0.6, 0.0, "yes"),
        ("substeps", 0.9, 0.0, "no"),
        ("substeps", 0.75, 0.0, "undecided"),
        ("substeps", 0.6, 0.3, "nothing is said"),
    ],
)


@ALPHAS
def test_questions_about_alpha_are_answered_by_their_rules(
    question: str, changed: float, flat: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """α falls from 1.6 to 0.6 in each network; networks differ by a twentieth of the fall at c = 4."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from alpha import QUESTIONS, Asked, answer

    own = {0.0: 1.6, 4.0: 0.6}
    networks = [Asked(own, {0.0: 1.6, 4.0: changed + more}, own) for more in (-0.03, 0.0, 0.03)]
    langevin, attractor = ([Asked(own, {0.0: alpha, 4.0: alpha}, own)] * 5 for alpha in (1.0, flat))
    assert answer(QUESTIONS[question], networks, langevin, attractor).startswith(told)


@pytest.mark.parametrize(("told", "said"), [(1.0, "no sign"), (0.4, "errors are too small"), (2.0, "no sign")])
def test_errors_that_are_too_small_are_told_by_how_values_repeat(
    told: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made-up values scatter by 1 over draws; their errors say `told`."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from repeats import DRAWS, Repeated, answer, ratio

    rng = np.random.default_rng(0)
    tables = rng.normal(size=(400, 3, len(DRAWS)))
    studies = [[Repeated(values.tolist(), [told] * len(DRAWS)) for values in table] for table in tables]
    right = [low <= 1 / told <= high for _, low, high in map(ratio, studies)]
    assert 0.92 < np.mean(right) < 0.98
    assert np.mean([answer(study).startswith(said) for study in studies]) > 0.9


@pytest.mark.parametrize(
    ("late", "said"), [(0.5, "yes at c = 0, -0.5 [-0.55, -0.45]"), (1.0, "no sign of it at c = 0, 0 [-0.05, 0.05]")]
)
def test_alpha_depends_on_the_first_steps_of_waking_if_later_ones_give_another(
    late: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later steps change α by `late` less 1, ± 0.02 from network to network."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from waking import CHOSEN, HALF, LATE, Asked, depends

    from paper.claims.theory import Network

    def asked(seed: int, more: float) -> Any:
        by_steps = {CHOSEN: 1.0, HALF: 0.7, LATE: late + more}
        return Asked({steps: Network(seed, {0.0: alpha}, 0.5) for steps, alpha in by_steps.items()}, {})

    assert depends([asked(0, -0.02), asked(1, 0.0), asked(2, 0.02)], 0.0) == said


def test_rest_is_at_home_or_not_by_the_steps_that_home_is_taken_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest lies 0.05 m outside of where waking was; where later steps are 0.1 m nearer to the middle, it is not at home."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from waking import _one_mode

    measured = {"tempering": {"gains": [2.0], "homes": [{"modes": 1, "away": 0.05, "uneven": 0.0}]}}
    assert [_one_mode(measured, farther) for farther in (0.0, 0.1)] == [True, False]


def test_verdicts_that_change_with_later_steps_of_waking_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One family has no pull but for the first steps of waking; the others have none at all."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from waking import CHOSEN, FAMILIES, Asked, P, block

    from paper.claims.theory import Network
    from paper.theory import BY_NAME, CONTROLS

    def several(first: float, later: float, exponent: float) -> list[Any]:
        def network(seed: int, alpha: float) -> Network:
            return Network(seed, dict.fromkeys((0.0, 4.0), alpha + 0.01 * (seed - 1)), exponent)

        alphas = {steps: first if steps == CHOSEN else later for steps in P}
        return [
            Asked({steps: network(seed, alpha) for steps, alpha in alphas.items()}, dict.fromkeys(P, 0.3))
            for seed in range(3)
        ]

    changing, *others = FAMILIES
    networks = {changing: several(0.8, 0.0, 0.0)} | {name: several(0.0, 0.0, 0.0) for name in others}
    networks |= {str(BY_NAME[name].null): several(0.0, 0.0, 0.0) for name in FAMILIES}
    controls = dict(zip(CONTROLS, (several(1.0, 1.0, 0.5), several(0.0, 0.0, 0.0)), strict=True))
    _, told = block(networks, controls).split("Verdicts that change:")
    assert [line.split(":")[0] for line in told.strip().splitlines()] == [
        f"- *{changing}*, p of steps 50 to 100",
        f"- *{changing}*, p of steps 100 to 200",
    ]
    assert "flat attractor; all its conditions are met" in told


def test_noise_makes_rates_larger_and_holding_them_does_not_let_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from alpha import held_at, norm_at

    run = ra.control("attractor", density="ring", seed=0)
    still, noisy = norm_at(run, 0.0), norm_at(run, 4.0)
    assert noisy > 1.02 * still
    assert norm_at(held_at(run, still), 4.0) == pytest.approx(still, rel=1e-5)


def test_a_layer_learns_the_drift_of_the_analytic_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """At rest its drift comes near the formula; inputs have exactly the effect of the formula."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from denoising import error_of, learn, noisy_rates

    exact = ra.control("langevin", density="bearings", seed=0).network.cell
    cell = learn(exact, seed=0, steps=150, hidden=64)
    assert error_of(cell, seed=0) < 0.3
    _, noisy = noisy_rates(exact, 5, torch.Generator().manual_seed(0))
    still, moving = torch.zeros(5, 1), torch.full((5, 1), 0.1)
    effect, wanted = (of.drift(noisy, moving) - of.drift(noisy, still) for of in (cell, exact))
    assert torch.allclose(effect, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "alphas", "exponent", "said"),
    [
        ("sampling", (0.9, 1.1), 0.5, "yes"),
        ("sampling", (0.9, 0.1), 0.5, "no: α over the control's at c = 4"),
        ("sampling", (0.9, 1.1), 0.1, "no: exponent"),
        ("sampling", (0.9, 1.5), 0.5, "undecided: α over the control's at c = 4"),
        ("flat", (0.0, -0.1), 0.5, "yes"),
        ("flat", (0.0, 0.4), 0.0, "no: |α| at c = 4"),
    ],
)
def test_networks_that_learned_are_recognised_by_the_rules_of_the_theory(
    kind: str, alphas: tuple[float, float], exponent: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from denoising import answer, conditions

    from paper.claims.theory import Controls, Network

    def five(at: tuple[float, float], width: float) -> list[Any]:
        scattered = [0.05 * (seed - 2) for seed in range(5)]
        return [Network(seed, {0.0: at[0] + s, 4.0: at[1] + s}, width) for seed, s in enumerate(scattered)]

    controls = Controls(five((1.0, 1.0), 0.5), five((0.0, 0.0), 0.0))
    found = answer(conditions("spatial_navigation", kind, five(alphas, exponent), controls), "")
    assert found.startswith(said)
    assert answer([], "α of the flat control").startswith("nothing is said")


def test_bearings_that_sample_come_from_even_starts_to_what_the_theory_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come to a concentration of 2κ/c; those that diffuse stay even, and forget home as e^(−Dt)."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from drawn import expected_at, moved_on

    rng, even, diffusion = np.random.default_rng(0), 2 * np.pi * (np.arange(200) + 0.5) / 200, 4e-4
    assert expected_at(0.0, 8.0) == 1
    for gain, kappa, concentration in ((2.0, 2.0, 2.0), (4.0, 2.0, 1.0)):
        drawn = np.cos(rng.vonmises(0, concentration, 100_000)).mean()
        assert expected_at(gain, kappa) == pytest.approx(drawn, abs=0.01)
        reached = moved_on(even, 2 * kappa * diffusion / gain, diffusion, 20_000, rng)
        assert np.cos(reached).mean() == pytest.approx(drawn, abs=0.04)
    assert abs(np.cos(moved_on(even, 0.0, diffusion, 1000, rng)).mean()) < 0.04
    assert np.cos(moved_on(np.zeros(200), 0.0, diffusion, 1000, rng)).mean() == pytest.approx(np.exp(-0.4), abs=0.04)


@pytest.mark.parametrize(
    ("own", "null", "said"),
    [
        (0.8, 0.0, ["yes", "yes", "yes"]),
        (0.8, 0.85, ["undecided", "yes", "undecided"]),
        (0.05, 0.0, ["no", "yes", "no"]),
        (0.25, 0.0, ["undecided", "yes", "undecided"]),
    ],
)
def test_rest_pulls_home_if_it_gathers_and_holds_more_than_nulls(
    own: float, null: float, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From even starts M comes to `own`, in nulls to `null`, where sampling has 0.9; from home, own ones end at 0.85."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from drawn import GAINS, Asked, Rest, answers, problem

    def group(gathered: float, held: float, alpha: float = 1.0) -> Any:
        def rest(end: float, seed: int) -> Any:
            return Rest(np.array([0.0, 0.0, 0.0, end + 0.02 * (seed - 2)]), 0.0, 0.9)

        return {
            seed: dict.fromkeys(GAINS, Asked(0.9, 0.9, (rest(gathered, seed), rest(held, seed)), alpha, alpha))
            for seed in range(5)
        }

    *_, row, _ = answers(group(own, 0.85), group(null, 0.0)).rows
    assert row[2:5] == said
    assert row[5].startswith("yes" if own == 0.8 else "no"), "starts meet"
    assert problem(group(0.9, 0.9), group(0.0, 0.9, 0.0)) == ""
    assert "Langevin" in problem(group(0.7, 0.9), group(0.0, 0.9, 0.0))
    assert "flat" in problem(group(0.9, 0.9), group(0.3, 0.9, 0.0))
    assert "α" in problem(group(0.9, 0.9, 0.2), group(0.0, 0.9, 0.0))


@pytest.mark.parametrize(
    ("remembered", "last", "said"),
    [
        (0.1, 0.5, ["yes", "Langevin along the manifold", "yes: ln of the ratio is -0.69"]),
        (
            0.6,
            2.0,
            ["no", "undecided; Langevin along the manifold, if these are met: exponent", "no: ln of the ratio is 0.69"],
        ),
        (0.1, 1.0, ["yes", "Langevin along the manifold", "undecided: ln of the ratio is -3.3e-05"]),
    ],
)
def test_long_rests_judge_a_family_by_what_they_change(
    remembered: float, last: float, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short rests of a sampling family have not forgotten their start; whether long ones have is `remembered`."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import long_rests

    from paper.claims.theory import Network
    from paper.protocols import SPATIAL
    from paper.theory import CONTROLS, control_name
    from reactivation.theory.course import Home
    from reactivation.theory.tempering import Tempering

    def several(alpha: float, exponent: float, left: float) -> list[Any]:
        home, found = Home(1, 0.0, 0.0), []
        rest = Tempering(
            exponent, 0.01, (exponent, exponent), (0.5, 2.0), (), (), (left, left / 2), (home, home), "radial sd"
        )
        for seed in range(3):
            alphas = dict.fromkeys((0.0, 4.0), alpha + 0.01 * (seed - 1))
            short = Network(seed, alphas, 9.0, starts_apart=1.0, remembered=0.8, one_mode=False)
            long = long_rests.with_rests(SPATIAL, short, rest)
            found.append(long_rests.Asked(short, long, {2.0: 1.0, 8.0: last * (1 + 0.01 * (seed - 1))}))
        return found

    groups = {
        control_name(name, SPATIAL): several(*each, 0.1) for name, each in zip(CONTROLS, ((1, 0.5), (0, 0.0)), strict=True)
    }
    groups[long_rests.ASKED[SPATIAL]] = several(1.0, 0.5, remembered)
    monkeypatch.setattr(long_rests, "networks_of", lambda path, family: [one.short for one in several(0.0, 0.0, 0.1)])
    forgotten, verdict, nearer = long_rests.answers(SPATIAL, groups)
    for words, line in zip(said, (forgotten, verdict, nearer), strict=True):
        assert line.partition("* ")[2].startswith(words)
    lines = long_rests.block(SPATIAL, groups).splitlines()
    assert len([line for line in lines if line.startswith("| biased GRU")]) == 6, "short and long rests of three networks"
    wrong = {**groups, control_name(CONTROLS[0], SPATIAL): several(1.0, 0.0, 0.1)}
    assert long_rests.answers(SPATIAL, wrong) == [
        "Nothing is said, since with these rests a control is wrong: exponent of the Langevin control."
    ]


def blocks_of(page: Path) -> dict[str, str]:
    """The content of a page's blocks of the script."""
    found = re.findall(r"<!-- made by benchmarks/separation.py: (.*?) -->\n(.*?)<!-- end -->", page.read_text(), re.DOTALL)
    return {name: block.strip() for name, block in found}


def test_scripts_are_measured_each_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scripts write a file of the same name, as two divergence tables of one seed do."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import scripts

    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, sys\n(pathlib.Path(sys.argv[1].removeprefix('path=')) / 'kl.json').touch(exist_ok=False)\n"
    )
    monkeypatch.setattr(scripts, "COMMANDS", dict.fromkeys(("kl", "kl, five runs"), str(script)))
    assert [cost.script for cost in scripts.costs(["kl", "kl, five runs"])] == ["kl", "kl, five runs"]
