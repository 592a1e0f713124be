"""The whole paper, tiny: plan, train, analyse, draw, report; and the statistics of its verdicts."""

from collections.abc import Sequence
from dataclasses import replace
import html
import json
import math
from pathlib import Path
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from factories import PATIENCE, copy_of_the_project, environment
import pytest

from paper.claims import CLAIMS
from paper.claims.verdicts import FAILS, HOLDS, UNDECIDED, Claim, judge, judge_all
from paper.plan import Settings, commands, plan, reproduction
from paper.protocols import ABLATED, ALL_PROTOCOLS, FURTHER_SEEDS, HEAD, NETWORKS, PROTOCOLS, SEEDS, SPATIAL, VARIANTS
from reactivation.analysis.results import confidence_interval
from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED

pytestmark = pytest.mark.timeout(900)  # the whole paper, if tiny, is trained, analysed and drawn in one fixture


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose quick preset is tiny."""
    return copy_of_the_project(tmp_path_factory.mktemp("project"))


def reproduce(project: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "reproduce.py", *words], cwd=project, env=environment(project), text=True,
        capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def reproduced(project: Path) -> tuple[Path, str]:
    printed = reproduce(project, "ledger=true")
    return project, printed


def test_the_plan_comes_first_and_dry_run_stops_there(project: Path) -> None:
    printed = reproduce(project, "profile=paper", "dry_run=true", "published=false", "path=elsewhere")
    trainings = re.findall(r"^train +\d.*config=\w+/(\S+) seed=(\d)", printed, re.MULTILINE)
    of_the_paper, of_ablations = trainings[:40], trainings[40:]
    assert [seed for _, seed in of_the_paper] == sorted(seed for _, seed in of_the_paper), "whole seeds"
    assert {run for run, _ in of_the_paper} == {run for runs in NETWORKS.values() for run in runs}
    assert {run for run, _ in of_ablations} == set(VARIANTS[SPATIAL])
    assert re.search(r"to do: train [\d.]+ (h|min)", printed)
    assert not (project / "elsewhere").exists()


def test_one_command_ends_in_a_page_that_needs_nothing_else(reproduced: tuple[Path, str]) -> None:
    project, printed = reproduced
    assert "left out" not in printed
    page = (project / "results/report_quick.html").read_text()
    assert page.count("data:image/png;base64,") == 8
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert all(html.escape(claim.sentence) in page for claim in CLAIMS)
    verdicts = json.loads((project / "results/claims_quick.json").read_text())
    assert list(verdicts) == [claim.key for claim in CLAIMS]
    assert {verdict["verdict"] for verdict in verdicts.values()} == {UNDECIDED}, "one seed decides nothing"


def test_what_is_there_is_not_made_again(reproduced: tuple[Path, str]) -> None:
    project, _ = reproduced
    kept = {file: file.stat().st_mtime_ns for file in (project / "results").rglob("*quick*.json")}
    printed = reproduce(project, "only=train,analyse", "ledger=true")
    assert len(re.findall(r"^(train|analyse) +there", printed, re.MULTILINE)) == 8 + len(VARIANTS[SPATIAL]) + len(
        ALL_PROTOCOLS
    )
    assert {file: file.stat().st_mtime_ns for file in kept} == kept


def test_a_task_has_figures_of_its_own() -> None:
    steps = plan(reproduction(Settings(only="draw,head_direction")))
    assert [step.name for step in steps] == ["figure 3", "figure C5"]


def test_a_lost_result_is_made_again_and_a_part_can_be_asked_for(reproduced: tuple[Path, str]) -> None:
    project, _ = reproduced
    lost = project / "results/head_direction/transitions_0.01_0_quick.json"
    before = lost.read_bytes()
    lost.unlink()
    printed = reproduce(project, "only=analyse,head_direction")
    assert lost.read_bytes() == before
    assert "spatial_navigation" not in printed


def test_what_cannot_be_analysed_is_left_out_and_named(project: Path) -> None:
    printed = reproduce(project, "only=analyse,report,head_direction", "seeds=7", code=3)
    assert "left out" in printed
    assert "config=head_direction/noisy_unbiased seed=7" in printed


def test_a_training_that_fails_does_not_keep_the_rest_from_being_done(reproduced: tuple[Path, str]) -> None:
    project, _ = reproduced
    own, other = (project / f"results/head_direction/noisy_{bias}_0.01_5_quick" for bias in ("unbiased", "biased"))
    other.mkdir()
    config = (project / "results/head_direction/noisy_biased_0.01_0_quick/config.yml").read_text()
    (other / "config.yml").write_text(config.replace("n_rec: 12", "n_rec: 13"))
    printed = reproduce(project, "only=train,analyse,report,head_direction", "seeds=5", code=2)
    assert "left out: 1 of 2 trainings failed" in printed
    assert (own / "model_4.pt").exists()
    left_out = 1 + sum(protocol.task == HEAD for protocol in PROTOCOLS.values())
    assert printed.count("left out: ") == left_out, "and the analyses that need it"
    assert printed.splitlines()[-1] == f"not all was done: {left_out} problems, told above"


def test_networks_of_ablations_are_measured_only_where_there_are_such() -> None:
    of_its_own = {name for name, protocol in ABLATED.items() if set(protocol.runs) & set(VARIANTS[SPATIAL])}
    everything, without = (
        {step.name for step in plan(reproduction(Settings("paper", only=only, path="nowhere", published=False)))}
        for only in ("train,analyse", "analyse")
    )
    trainings = len(SEEDS) * sum(len(runs) for networks in (NETWORKS, VARIANTS) for runs in networks.values())
    assert len(everything) - len(without) == trainings + len(of_its_own) * len(SEEDS)


def test_what_is_younger_than_networks_is_asked_of_those_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seeds, only the networks of the first are published with weights; a user's own networks all have theirs."""
    monkeypatch.setattr("reactivation.training.work.product_rate", lambda size: 1e9)
    young = {name for name, protocol in ALL_PROTOCOLS.items() if protocol.of_kept}
    for published, seeds in ((True, {"0"}), (False, {"0", "1"})):
        settings = Settings("paper", seeds="0,1", only="train,analyse", path=str(tmp_path), published=published)
        steps = [
            step.name
            for step in plan(reproduction(settings))
            if re.search("_long_(uniform|twelfth|pushed)|_template", step.name)
        ]
        assert len(steps) == len(young) * len(seeds)
        assert {re.findall(r"_(\d)_", name)[-1] for name in steps} == seeds


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("only=analyze", "did you mean analyse"),
        ("seeds=0,0", "names a seed twice"),
        ("seeds=one", "whole numbers"),
        ("profile=full", "profile"),
        ("seed=0", "seeds"),
    ],
)
def test_bad_input_is_one_line(project: Path, word: str, message: str) -> None:
    printed = reproduce(project, word, code=2)
    assert len(printed.splitlines()) == 1
    assert message in printed


def claim(low: float = -math.inf, high: float = math.inf) -> Claim:
    return Claim("key", "sentence", "1", "measure", (), lambda results: 0.0, low, high)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.1, 0.12, 0.11, 0.1, 0.12], HOLDS),
        ([0.4, 0.41, 0.42, 0.4, 0.43], FAILS),
        ([0.1, 0.5, 0.3, 0.2, 0.4], UNDECIDED),
        ([0.1, 0.1], UNDECIDED),
        ([0.1, 0.1, math.nan], UNDECIDED),
        ([0.1, 0.1, math.inf], UNDECIDED),
    ],
)
def test_a_verdict_is_where_the_interval_lies(values: list[float], verdict: str) -> None:
    assert judge(claim(high=0.3), dict(enumerate(values))).verdict == verdict
    assert judge(claim(low=-0.3), {seed: -value for seed, value in enumerate(values)}).verdict == verdict


@pytest.mark.parametrize(("preset", "counted"), [(None, (1.0, 2.0)), ("quick", (0.0, 1.0, 2.0))])
def test_a_seed_seen_before_the_rule_is_told_and_does_not_count(preset: str | None, counted: tuple[float, ...]) -> None:
    study: Any = SimpleNamespace(
        preset=preset,
        seeds=(0, 1, 2),
        seeds_of=lambda *names: (0, 1, 2),
        result=lambda name, seed: float(seed),
        decoding_errors={},
    )
    seen = Claim("key", "sentence", "1", "measure", ("kl",), lambda results: results["kl"], high=9, seen=(0,))
    others = (replace(seen, key="none", seen=()), replace(seen, key="all", seen=(0, 1, 2)))
    verdicts = judge_all([seen, *others], study)
    key, none, every = (verdicts[name] for name in ("key", "none", "all"))
    assert key
    assert none
    assert key.values == key.seeds == counted
    assert sorted(key.known + counted) == [0, 1, 2]
    assert (none.values, none.known) == ((0, 1, 2), ())
    if preset is None:
        assert every
        assert (every.values, every.known, every.verdict) == ((), (0, 1, 2), UNDECIDED)


@pytest.mark.parametrize(
    ("asked", "measured", "counted"),
    [
        (range(8), range(8), range(8)),
        (range(8), range(7), range(5)),
        (range(8), range(5), range(5)),
        ((5,), (5,), (5,)),
        ((5, 6), (6,), ()),
    ],
)
def test_further_seeds_count_together(asked: Sequence[int], measured: Sequence[int], counted: Sequence[int]) -> None:
    study: Any = SimpleNamespace(
        preset=None, seeds=tuple(asked), seeds_of=lambda *names: tuple(measured), result=lambda name, seed: float(seed),
        decoding_errors={},
    )  # fmt: skip
    any_claim = Claim("key", "sentence", "1", "measure", ("kl",), lambda results: results["kl"], high=9)
    found = judge_all([any_claim], study)["key"]
    assert (found.seeds if found else ()) == tuple(counted)


def test_further_seeds_are_of_the_text_alone() -> None:
    everything = reproduction(Settings(profile="paper"))
    assert everything.study.seeds == SEEDS, "nobody is asked to train them"
    assert everything.judged.seeds == SEEDS + FURTHER_SEEDS
    assert everything.judged.of_released_code.seeds == SEEDS
    assert reproduction(Settings(profile="paper", seeds="1,2")).judged.seeds == (1, 2)
    assert reproduction(Settings(profile="quick")).judged.seeds == (0,)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    trials = 2000
    intervals = [confidence_interval(rng.normal(3, 2, 5).tolist()) for _ in range(trials)]
    covered = sum(interval is not None and interval[0] < 3 < interval[1] for interval in intervals) / trials
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / trials)


@pytest.fixture(scope="module")
def tables(reproduced: tuple[Path, str]) -> dict[str, list[list[str]]]:
    """Claims and effects, read by the copy of the project, with whose preset the networks were trained."""
    program = """
import json
from paper.study import Study
from paper.tables import TABLES
study = Study((0,), "quick")
print(json.dumps({name: TABLES[name](study).rows for name in ("claims", "effects")}))
"""
    project, _ = reproduced
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=project, env=environment(project), capture_output=True, check=True)
    return json.loads(done.stdout)


def test_every_claim_reads_results_that_the_plan_makes(tables: dict[str, list[list[str]]]) -> None:
    assert len(tables["claims"]) == len(CLAIMS) == len({claim.key for claim in CLAIMS})
    assert all("not yet run" not in row for row in tables["claims"])
    assert {row[0] for row in tables["effects"]} == {"1", "2", "8", "9", "10", "11", "12", "13", "17", "–"}
    assert {row[-1] for row in tables["effects"]} == {"1"}, "every effect has its results"


def test_the_wrong_uniform_baseline_is_off_by_its_known_amount(tables: dict[str, list[list[str]]]) -> None:
    (row,) = (row for row in tables["effects"] if row[0] == "8")
    assert row[6] == f"{-math.log(2.2):.3g}"


def test_on_a_gpu_the_seeds_of_a_configuration_train_as_one_stack() -> None:
    words = [("config=a", "seed=0"), ("config=b", "seed=0"), ("config=a", "seed=1"), ("config=c", "seed=0", "path=x")]
    assert commands(words, on_gpu=False) == [list(one) for one in words]
    assert commands(words, on_gpu=True) == [
        ["config=a", "seed=0,1"],
        ["config=b", "seed=0"],
        ["config=c", "path=x", "seed=0"],
    ]


def test_the_cpu_is_set_up_before_the_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that a product started earlier would keep denormals, on which noiseless rests take minutes."""
    calls: list[str] = []

    def product_rate(size: int) -> float:
        calls.append("product")
        return 1e9

    monkeypatch.setattr("reactivation.machine.device.prepare", lambda device: calls.append("prepare"))
    monkeypatch.setattr("reactivation.training.work.product_rate", product_rate)
    plan(reproduction(Settings(only="report")))
    assert calls == ["prepare", "product"]


def test_the_plan_counts_what_is_left_of_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reactivation.training.work.product_rate", lambda size: 1e9)
    run = "head_direction/noisy_unbiased_0.01_0"
    shutil.copytree(PUBLISHED / run, tmp_path / run, ignore=shutil.ignore_patterns("*.pt", ".lock"))
    table = tmp_path / run / "test_metrics.json"
    measures = json.loads(table.read_text())
    table.write_text(json.dumps({step: row for step, row in measures.items() if int(step) <= 15_000}))
    begun, other = plan(reproduction(Settings(profile="paper", only="train,head_direction", path=str(tmp_path), seeds="0")))
    assert not begun.done
    assert begun.seconds == pytest.approx(other.seconds / 4)


def test_networks_of_the_released_code_have_a_profile(tmp_path: Path) -> None:
    what = reproduction(Settings(profile="released", only="train", path=str(tmp_path)))
    words = [step.words for step in plan(what)]
    assert len(words) == sum(map(len, NETWORKS.values())) * len(SEEDS)
    assert all("preset=authors_code" in told for told in words)
    assert what.report == tmp_path / "report_released.html"


def test_seeds_and_parts() -> None:
    what = reproduction(Settings(profile="paper", seeds="0,3", only="train,head_direction"))
    assert (what.study.seeds, what.stages, what.tasks) == ((0, 3), ("train",), ("head_direction",))
    assert reproduction(Settings()).tasks == tuple(NETWORKS)
    with pytest.raises(BadInput, match="no part"):
        reproduction(Settings(only="figures"))
