"""The figure of a sweep: which rows it takes, what it refuses, and what it draws."""

import math
from pathlib import Path
from typing import Any

from factories import Command
from matplotlib.figure import Figure
import numpy as np
import pytest

from paper.panels.base import PanelTable
from paper.sweeps import Asked, draw, gather, name_of
from reactivation.analysis.results import confidence_interval
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.storage.table import Table, table_of


def table(sigmas: tuple[float, ...] = (0.05, 0.1), gains: tuple[float, ...] = (1.0, 2.0)) -> Table:
    rows: list[dict[str, Any]] = [
        {"experiment": f"spatial_navigation/{name}", "seed": seed, "analysis": "kl", "phase": "quiescent",
         "rnn.sigma": sigma,
         "task.biased": name == "biased", "rnn.bias": False, "variance_gain": gain, "kl": sigma * gain + 0.01 * seed,
         "label": "a"}
        for name in ("unbiased", "biased") for sigma in sigmas for gain in gains for seed in (0, 1, 2)
    ]  # fmt: skip
    return table_of(rows, first=("experiment", "seed", "analysis", "phase"), measures=("kl", "label"), last=())


def test_a_part_of_a_name_means_the_setting_that_varies() -> None:
    gathered = gather(table(gains=(1.0,)), Asked("sigma", "kl", "bias"))
    assert list(gathered.columns) == ["rnn.sigma", "task.biased", "seed", "kl"]
    assert len(gathered["kl"]) == 12


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("rnn.sigma", "kl", "bias"), "differ in variance_gain (1.0, 2.0): add where='variance_gain=1.0'"),
        (Asked("rnn.sigma", "kl", where="gain=1"), "differ in experiment"),
        (Asked("rnn.sigam", "kl"), "rnn.sigam is no column of the table; did you mean rnn.sigma?"),
        (Asked("a", "kl"), "a could be"),
        (Asked("rnn.sigma", "label", "bias", "gain=1"), "is no number"),
        (Asked("kl", "kl"), "kl cannot be two of x, y and hue; give another"),
        (Asked("sigma", "kl", "rnn.sigma"), "rnn.sigma cannot be two"),
        (Asked("seed", "kl"), "seed cannot be two of x, y and hue, and seed tells the dots apart"),
        (Asked("sigma", "seed"), "seed cannot be two"),
    ],
)
def test_what_would_be_mixed_or_is_not_there_is_refused_in_one_line(asked: Asked, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        gather(table(), asked)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_choice_of_rows_leaves_some() -> None:
    assert len(gather(table(), Asked("rnn.sigma", "kl", "bias", "gain=2")).columns["seed"]) == 12  # type: ignore[arg-type]
    with pytest.raises(DamagedData, match="no row of the table has kl where gain=3"):
        gather(table(), Asked("rnn.sigma", "kl", "bias", "gain=3"))


def test_figures_of_other_rows_have_other_names() -> None:
    """Drawn one after the other, the second replaced the first."""
    wheres = ("gain=1 experiment=spatial_navigation/biased", "gain=2 experiment=spatial_navigation/biased")
    asked = [Asked("rnn.sigma", "kl", where=where) for where in wheres]
    names = [name_of(table(), one) for one in asked]
    assert names == [f"kl_sigma_variance_gain-{gain}_experiment-spatial_navigation-biased" for gain in (1, 2)]


def test_figures_over_settings_whose_keys_end_alike_have_other_names() -> None:
    """That over `drive.sigma` replaced that over `rnn.sigma`."""
    rows: list[dict[str, Any]] = [
        {"experiment": "a/b", "seed": 0, "analysis": "kl", "phase": "quiescent", "rnn.sigma": one, "drive.sigma": two,
         "rnn.tau": one, "kl": one + two}
        for one in (0.1, 0.2) for two in (1.0, 2.0)
    ]  # fmt: skip
    both = table_of(rows, first=("experiment", "seed", "analysis", "phase"), measures=("kl",), last=())
    asked = [Asked("rnn.sigma", "kl", where="drive.sigma=1"), Asked("drive.sigma", "kl", where="rnn.sigma=0.1 rnn.tau=0.1")]
    assert [name_of(both, one) for one in asked] == [
        "kl_rnn.sigma_drive.sigma-1", "kl_drive.sigma_rnn.sigma-0.1_tau-0.1"
    ]  # fmt: skip


def test_means_intervals_and_every_seed_are_drawn() -> None:
    ax = draw(Figure().subplots(), gather(table(gains=(1.0,)), Asked("rnn.sigma", "kl", "bias")))
    dots, *_ = ax.lines
    assert len(dots.get_xdata()) == 6  # type: ignore[arg-type]
    bars = ax.containers[0]
    assert np.allclose(bars.lines[0].get_ydata(), [0.06, 0.11])  # type: ignore[attr-defined]
    (segments,) = bars.lines[2]  # type: ignore[attr-defined]
    assert np.allclose(segments.get_segments()[0][:, 1], confidence_interval([0.05, 0.06, 0.07]) or ())
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["task.biased = False", "task.biased = True"]  # type: ignore[union-attr]


def test_values_that_span_a_decade_have_a_logarithmic_axis() -> None:
    gathered = gather(table(sigmas=(0.01, 0.1, 1.0), gains=(1.0,)), Asked("sigma", "kl", "bias"))
    ax = draw(Figure().subplots(), gathered)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_every_seed_and_interval_is_in_the_frame(scale: float) -> None:
    gathered = gather(table(sigmas=(0.01, 0.03 * scale), gains=(1.0,)), Asked("sigma", "kl", "bias"))
    page = Figure()
    ax = draw(page.subplots(), gathered)
    page.draw_without_rendering()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < 0.01 < 0.03 * scale < right
    assert low < 0.01 < 0.03 * scale + 0.02 < high
    assert right - left < 5 * scale
    assert high < 10 * scale


LONG = "task.of_a_long_name_that_no_figure_has_room_for"


def test_long_names_leave_room_for_what_is_drawn(tmp_path: Path) -> None:
    """Matplotlib warns if they do not, and tests turn warnings into errors."""
    names = [f"{LONG}{end}" for end in ("", "_one", "$\\x$", *range(20))]
    for hue in (names, [f"{number}{LONG * 3}" for number in range(len(names))]):
        page = Figure(figsize=(4.2, 3.0), layout="constrained")
        columns: dict[str, Any] = {
            LONG: names,
            f"hue_{LONG}": hue,
            "seed": [0] * len(names),
            f"measure_{LONG}": np.arange(1.0, 1 + len(names)),
        }
        ax = draw(page.subplots(), PanelTable(columns))
        page.savefig(tmp_path / "figure.png")
        assert ax.get_position().height > 0.25
        told = [label.get_text() for label in ax.get_xticklabels()]
        assert len(set(told)) == len(names), "two look alike"


def test_names_are_places_without_a_scale() -> None:
    ax = draw(Figure().subplots(), gather(table(sigmas=(0.1,), gains=(1.0,)), Asked("experiment", "kl")))
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "spatial_navigation/biased", "spatial_navigation/unbiased",
    ]  # fmt: skip
    assert math.isclose(ax.containers[0].lines[0].get_ydata()[0], 0.11)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [["x=rnn.sigma"], ["sweep=noise", "y=kl"], ["sweep=noise", "x=a", "y=kl"]])
def test_a_figure_of_nothing_is_refused(words: list[str], tmp_path: Path, command: Command) -> None:
    done = command("figures.py", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []
