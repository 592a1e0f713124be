"""Plans of sweeps: lists of values, their combinations, and the names of runs and results."""

from pathlib import Path

from factories import SPATIAL, Command, tiny
import pytest

from reactivation.machine.errors import BadInput
from reactivation.machine.places import PUBLISHED
from reactivation.settings.declaring import FILE_NAME
from reactivation.settings.layers import resolve_train
from reactivation.sweep.grid import Grid, grid_of, values_of
from reactivation.sweep.plan import default_name, plan

BIASED = "spatial_navigation/noisy_biased"
LINE = [*tiny(SPATIAL), "name=bad"]


def test_lists_ranges_and_brackets_are_values() -> None:
    assert values_of("0..2,7", "seed") == ["0", "1", "2", "7"]
    assert values_of("[0,1],[2]", "x") == ["[0,1]", "[2]"]
    assert values_of("[0,1]", "x") == ["[0,1]"]
    for text in ("1,,2", "1,1", "4..0", "0..2,1", ""):
        with pytest.raises(BadInput):
            values_of(text, "x")


def test_a_file_says_what_goes_together_and_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yml"
    file.write_text(
        f"grid: {{config: {SPATIAL}, seed: 0..1, rnn.sigma: [0.05, 0.1]}}\n"
        "list: [{rnn.tau: 0.1, trainer.lr: 0.001}, {rnn.tau: 0.2, trainer.lr: 0.002}]\nthen: kl\n"
    )
    grid = grid_of({"seed": "3"}, str(file), None)
    assert (grid.varying, grid.then) == (["rnn.sigma", "rnn.tau", "trainer.lr"], ("kl",))
    runs = [run for run, _ in plan(grid)]
    assert [run.name.split("/")[1] for run in runs][:2] == [
        "noisy_unbiased_5e-05_3_sigma0.05_tau0.1_lr0.001",
        "noisy_unbiased_0.0002_3_sigma0.1_tau0.1_lr0.001",
    ]
    assert len(runs) == 4
    file.write_text("gird: {}\n")
    with pytest.raises(BadInput, match="did you mean grid"):
        grid_of({}, str(file), None)


def test_analyses_have_lists_of_their_own_and_results_apart(tmp_path: Path) -> None:
    axes = {"config": [SPATIAL, BIASED], "seed": ["0"], "variance_gain": ["1", "2"], "kl.batch_size": ["12"]}
    runs = [run for run, _ in plan(Grid(axes, then=("kl", "variance")))]
    assert [[a.name for a in run.analyses] for run in runs] == [["kl", "kl", "variance", "variance"]] * 2
    files = [file for run in runs for file in run.files]
    assert len(set(files)) == 8
    assert files[0] == "spatial_navigation/kl_0.0001_0_noisy_unbiased_0.0001_0_variance_gain1.json"
    assert [a.values.get("batch_size") for a in runs[0].analyses] == ["12", "12", None, None]


def test_runs_of_a_tag_and_of_none_are_named_as_train_names_them() -> None:
    entries = ({"config": SPATIAL, "tag": "own"}, {"config": SPATIAL}, {"config": SPATIAL, "tag": "own", "rnn.tau": "0.2"})
    names = [run.name for run, _ in plan(Grid({}, entries))]
    assert names == [f"{SPATIAL}_0.0001_0{end}" for end in ("_own", "", "_own_tau0.2")]


def test_names_of_what_varies_in_many_ways_can_be_those_of_files() -> None:
    keys = [
        "rnn.tau",
        "rnn.sigma_in",
        "rnn.sigma_out",
        "task.place_cells_sigma",
        "task.border_region",
        "trainer.weight_decay",
    ]
    grid = Grid({"config": [SPATIAL], **{key: ["0.1234", "0.12345"] for key in keys}, "t_shift": ["2", "3"]}, then=("kl",))
    runs = [run for run, _ in plan(grid)]
    assert len({run.name for run in runs}) == 2 ** len(keys)
    assert all(resolve_train(run.values).tag == run.values["tag"] for run in runs), "or training would refuse it"
    outs = [analysis.values["out"] for run in runs for analysis in run.analyses]
    assert len(set(outs)) == 2 * len(runs)
    assert FILE_NAME.fullmatch(default_name(grid, runs))
    assert all(map(FILE_NAME.fullmatch, outs))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnn.sigmaa=1,2"], "did you mean rnn.sigma?"),
        (["rnn.tau=0.1,0.001"], "must not exceed rnn.tau"),
        (["then=klm"], "did you mean kl?"),
        (
            ["then=variance", "t_shift=50", "t_quiescent=20"],
            "then=variance: t_shift=50 must leave at least 2 of t_quiescent=20",
        ),
        (["then=variance", "noise=0.0005"], "then=variance: noise=0.0005: run was trained with noise=0.0001"),
        (["variance_gain=1,2"], "unknown key variance_gain"),
        (["launcher.partitoin=x"], "unknown key launcher.partitoin; did you mean launcher.partition?"),
        ([f"path={PUBLISHED}"], "published results are read-only"),
        (["seed=0,0"], "names a value twice"),
        (["file=none.yml"], "none.yml"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_begins(
    tmp_path: Path, command: Command, words: list[str], said: str
) -> None:
    keys = {word.split("=")[0] for word in words}
    done = command("sweep.py", *[word for word in LINE if word.split("=")[0] not in keys], *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert not (tmp_path / "results").exists()
