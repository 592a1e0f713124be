"""Every panel from tiny networks and their results; the files that are written; messages on bad input."""

from collections.abc import Iterator
import csv
from dataclasses import replace
import json
import math
from pathlib import Path
import shutil
from typing import Any

from factories import Command, copy_of_the_project
import matplotlib
from matplotlib import get_data_path, rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.font_manager import FontEntry, fontManager
import numpy as np
import pytest

from paper.eyes import COLUMN, deuteranope, grey, lab, linear
from paper.eyes import main as look
from paper.figures import FIGURES, draw_figure, known_key, missing, plot, shows_its_numbers
from paper.panels import PANELS, clouds, measures
from paper.panels.circle import flanks
from paper.protocols import NETWORKS, PROTOCOLS, SPATIAL
from paper.study import Study
from paper.tables import TABLES
from reactivation.analysis.result_files import model, result_file
from reactivation.machine.errors import BadInput, DamagedData
from reactivation.plotting.drawing import scaled
from reactivation.plotting.style import style, use_style
from reactivation.storage.files import sha256

pytestmark = pytest.mark.filterwarnings("error")  # matplotlib warns of a glyph that a font lacks, and draws a box

PROTOCOLS_SHOWN = ("kl", "variance", "distance", "manifold", "transitions")
RC_FILES = {  # what users' matplotlibrc may say
    "empty": "",
    "TeX": "backend: TkAgg\ntext.usetex: True\naxes.grid: True\nsavefig.bbox: tight\n",
    "dark": "font.family: cmr10\nfigure.facecolor: black\nsavefig.facecolor: black\nlines.markersize: 20\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def study(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """Tiny networks of seed 0 and their results; for seed 1 one network, and results that are three times as large."""
    from reactivation.analysis.request import request
    from reactivation.analysis.runner import measure
    from reactivation.storage.finding import run_path
    from reactivation.storage.folder import RunFolder
    from reactivation.training.fit import fit

    found = Study((0, 1), "quick", str(tmp_path_factory.mktemp("results")), "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reactivation.settings.layers.CONFIGS", project / "configs")
        runs = [(task, run, 0) for task, names in NETWORKS.items() for run in names]
        for task, run, seed in [*runs, (SPATIAL, "noisy_unbiased", 1)]:
            config = found.config(task, run, seed)
            fit(config, RunFolder(run_path(config, found.path)))
        for name in PROTOCOLS_SHOWN:
            measure(request(PROTOCOLS[name].analysis, found.settings(PROTOCOLS[name], 0)))
            write_scaled(found, name, seed=1, times=3)
        yield found


def write_scaled(study: Study, name: str, seed: int, times: float) -> None:
    """Write the results of seed 0 as those of another seed, with all numbers but edges of bins multiplied."""
    protocol = PROTOCOLS[name]
    result, settings = study.result(name, 0), study.settings(protocol, seed)

    def scaled_up(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: inner if key in ("edges", "settings", "format", "models") else scaled_up(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [scaled_up(inner) for inner in value]
        return value * times if isinstance(value, float) else value

    configs = {run: study.config(protocol.task, run, seed) for run in protocol.runs}
    details = scaled_up(result["details"])
    others = {run: model(config, config.trainer.n_epochs, None) for run, config in configs.items()}
    details |= {"settings": details["settings"] | {"seed": seed}, "models": details["models"] | others}
    table = json.dumps(scaled_up(result["table"]))
    details["table_sha256"] = sha256(table.encode())
    for part, text in (("", table), ("_details", json.dumps(details))):
        result_file(protocol.analysis, settings, part).write_text(text)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study((3,), path=str(tmp_path_factory.mktemp("empty")), device="cpu", fallback=False)


@pytest.fixture(autouse=True)
def no_font_is_missed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Matplotlib logs the fonts that it does not find."""
    yield
    assert not [record.message for record in caplog.get_records("call") if record.name.startswith("matplotlib")]


@pytest.fixture(params=RC_FILES)
def rc_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "matplotlibrc"
    file.write_text(RC_FILES[request.param])
    return file


@pytest.fixture
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's fonts, only those that come with matplotlib, or these and common ones that lack ‖, σ, ± and –."""
    own: list[FontEntry] = fontManager.ttflist
    shipped = [font for font in own if str(font.fname).startswith(get_data_path())]
    poor = next(font for font in shipped if font.name == "cmr10")
    common = [replace(poor, name=name) for name in ("Arial", "Helvetica", "Liberation Sans")]
    found = {
        "own": own,
        "matplotlib's": shipped,
        "poor": [*common, *shipped, replace(poor, name="DejaVu Sans")],  # those of the system come last
    }
    monkeypatch.setattr(fontManager, "ttflist", found[request.param])
    fontManager._findfont_cached.cache_clear()  # type: ignore[attr-defined]  # an lru_cache
    yield
    fontManager._findfont_cached.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def drawn(study: Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of Fig. 2e, whose labels have ‖ in them, as drawn on this machine."""
    files = draw_figure("2e", study, tmp_path_factory.mktemp("drawn"))
    return {file.name: file.read_bytes() for file in files}


def read(file: Path) -> dict[str, list[str]]:
    header, *rows = csv.reader(file.read_text().splitlines())
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


def test_the_panels_are_those_of_the_paper() -> None:
    letters = {"1": "abcdefghijk", "2": "abcdef", "3": "abcd", "C1": "abcdefgh", "C2": "abcdefgh"}
    letters |= {"C3": "abcdef", "C4": "ab", "C5": "abcdef"}
    assert sorted(PANELS) == sorted(f"{figure}{letter}" for figure, all_of in letters.items() for letter in all_of)
    assert {key: set(figure.panels) for key, figure in FIGURES.items()} == {
        figure: {f"{figure}{letter}" for letter in all_of} for figure, all_of in letters.items()
    }


@pytest.mark.parametrize("fonts", ["poor"], indirect=True)
@pytest.mark.parametrize("key", FIGURES)
def test_a_figure_leaves_its_files(key: str, fonts: None, study: Study, tmp_path: Path) -> None:
    assert missing(key, study) == []
    files = draw_figure(key, study, tmp_path / "new")
    names = [f"fig_{key}.pdf", f"fig_{key}.png", *(f"fig_{panel}.csv" for panel in FIGURES[key].panels)]
    assert [file.name for file in files] == names
    assert files[0].read_bytes().startswith(b"%PDF")
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert all(len(column) > 1 for file in files[2:] for column in read(file).values())


@pytest.mark.parametrize("key", ["1h", "C4a"])
def test_a_panel_leaves_its_files_the_same_bytes_each_time(key: str, study: Study, tmp_path: Path) -> None:
    files = draw_figure(key, study, tmp_path)
    assert [file.name for file in files] == [f"fig_{key}.{end}" for end in ("pdf", "png", "csv")]
    again = draw_figure(key, study, tmp_path / "again")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]


@pytest.mark.parametrize("fonts", ["own", "matplotlib's", "poor"], indirect=True)
def test_pictures_are_the_same_bytes_whatever_fonts_and_rc_file(
    rc_file: Path, fonts: None, drawn: dict[str, bytes], study: Study, tmp_path: Path
) -> None:
    with rc_context(fname=rc_file):
        files = draw_figure("2e", study, tmp_path / "new")
    assert {file.name: file.read_bytes() for file in files} == drawn


def test_the_style_is_the_same_whatever_rc_file(rc_file: Path) -> None:
    """This holds in notebooks and in files; after a file is drawn, the user's own settings are restored."""
    matplotlib.use("agg")  # otherwise chosen when first asked for, here or in a test before
    with style():
        settings = rcParams.copy()
    with rc_context(fname=rc_file):
        own = rcParams.copy()
        with style():
            assert rcParams == settings
        assert rcParams == own
        use_style()
        assert rcParams == settings


def test_a_picture_knows_the_numbers_it_shows(study: Study, tmp_path: Path) -> None:
    draw_figure("C4", study, tmp_path)
    assert shows_its_numbers(tmp_path, "C4")
    table, picture = tmp_path / "fig_C4b.csv", tmp_path / "fig_C4.png"
    honest = table.read_text()
    table.write_text(honest.replace("1", "2"))
    assert not shows_its_numbers(tmp_path, "C4")
    table.write_text(honest)
    picture.write_text("version https://git-lfs.github.com/spec/v1")
    assert not shows_its_numbers(tmp_path, "C4")


def colours(axes: Axes) -> np.ndarray:
    (numbers,) = (image.get_array() for image in axes.images)
    assert numbers is not None
    return numbers


def test_csv_holds_the_drawn_numbers(study: Study, tmp_path: Path) -> None:
    page, _ = plot([["1d", "1h", "2e"]], study)
    walk, occupancy, matrix = page.subfigs[0].axes[:3]
    for key in ("1d", "1h", "2e"):
        draw_figure(key, study, tmp_path)
    columns = read(tmp_path / "fig_1d.csv")
    assert list(columns) == ["x_m", "y_m", "trajectory", "step"]
    second = [k for k, trajectory in enumerate(columns["trajectory"]) if trajectory == "1"]
    line = next(line for line in walk.lines[3:] if np.size(line.get_xdata()) > 1)  # after the first and its two ends
    assert line.get_ydata() == pytest.approx([float(columns["y_m"][k]) for k in second], rel=1e-6)
    density = np.array(read(tmp_path / "fig_1h.csv")["density_per_m2"], dtype=float)
    assert np.ma.getdata(colours(occupancy)).ravel() == pytest.approx(density, rel=1e-6)
    drawn = np.ma.filled(colours(matrix), math.nan).ravel()
    told = [float(value or "nan") for value in read(tmp_path / "fig_2e.csv")["kl_mean_nat"]]
    assert drawn == pytest.approx(told, rel=1e-6, nan_ok=True)
    *cells, _ = (text.get_text() for text in matrix.texts)  # the last is the panel's letter
    assert cells == [f"{v:.2f}" if v == v else "–" for v in told]


def test_density_integrates_to_what_lies_within_the_walls(study: Study) -> None:
    found = clouds.occupancy(study, "noisy_unbiased", "quiescent")
    x, y = np.unique(found["x_m"]), np.unique(found["y_m"])
    cell = (x[1] - x[0]) * (y[1] - y[0])
    assert 0.7 < found["density_per_m2"].sum() * cell < 1.01


@pytest.mark.parametrize("row", ["1h 1i", "1j 1k", "2c 2d", "C1e C1f", "C2g C2h", "1f 1g", "3c 3d"])
def test_neighbours_share_one_scale(row: str, study: Study) -> None:
    keys = row.split()
    page, _ = plot([keys], study)
    axes = page.subfigs[0].axes[: len(keys)]
    bar = axes[-1].child_axes[0]
    artists = [artist for ax in axes for artist in scaled(ax)]
    assert len(artists) >= len(keys)
    limits = {(artist.norm.vmin, artist.norm.vmax) for artist in artists}
    assert limits == {bar.get_ylim()}
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    assert not axes[0].child_axes, "one bar for both"


def test_bands_are_over_networks(study: Study) -> None:
    several = measures.learning(study, "noisy_unbiased")
    tables = [study.training("spatial_navigation", "noisy_unbiased", seed) for seed in (0, 1)]
    losses = np.array([[table[int(step)]["loss"] for step in several["training_batches"]] for table in tables])
    assert several.networks == 2
    assert several["loss_mean"] == pytest.approx(losses.mean(0))
    assert several["loss_sd"] == pytest.approx(losses.std(0, ddof=1))
    page, _ = plot([["1b"]], study)
    assert page.subfigs[0].axes[0].get_title("right") == "n = 2"


def test_unfinished_trainings_are_shown_only_where_there_is_no_other(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network of seed 0 comes with the project; seed 1 has begun."""
    copy = Study(study.seeds, study.preset, str(shutil.copytree(study.path, tmp_path / "results")), "cpu")
    first, second = (next(Path(copy.path).glob(f"{SPATIAL}/noisy_unbiased_*_{seed}_quick")) for seed in (0, 1))
    shutil.copytree(first, tmp_path / "published" / SPATIAL / first.name)
    shutil.rmtree(first)
    table = second / "test_metrics.json"
    *begun, _ = (whole := json.loads(table.read_text()))
    table.write_text(json.dumps({step: whole[step] for step in begun}))
    alone = measures.learning(replace(copy, fallback=False), "noisy_unbiased")
    assert (alone.networks, list(alone["training_batches"])) == (1, [int(step) for step in begun])
    monkeypatch.setattr("reactivation.storage.finding.PUBLISHED", tmp_path / "published")
    found = measures.learning(copy, "noisy_unbiased")
    assert (found.networks, list(found["training_batches"])) == (1, [int(step) for step in whole])


def test_a_damaged_result_keeps_others_from_nothing(study: Study, tmp_path: Path) -> None:
    copy = Study(study.seeds, study.preset, str(shutil.copytree(study.path, tmp_path / "results")), study.device)
    damaged = next(Path(copy.path).glob(f"{SPATIAL}/distance_*_0_quick_details.json"))
    damaged.write_text(damaged.read_text()[:-5])
    (line,) = missing("C4", copy)
    assert str(damaged) in line
    assert missing("2e", copy) == []


@pytest.mark.parametrize("key", [key for key, panel in PANELS.items() if {need.kind for need in panel.needs} == {"results"}])
def test_measures_are_means_and_spreads_over_networks(key: str, study: Study) -> None:
    """x and 3x have mean 2x and standard deviation √2 x; panels of trajectories show all of them."""
    alone = Study((0,), study.preset, study.path, study.device)
    both, one = (PANELS[key].gather(found) for found in (study, alone))
    assert (both.networks, one.networks) == (2, 1)
    two, single = both.columns, one.columns
    if "seed" in two:
        (measure,) = two.keys() - {"run", "phase", "seed"}
        assert np.sort(two[measure]) == pytest.approx(np.sort(np.outer([1, 3], np.asarray(single[measure])), axis=None))
        return
    for name, values in two.items():
        if "_mean" in name:
            assert values == pytest.approx(2 * np.asarray(single[name]), nan_ok=True)
        if "_sd" in name:
            assert np.isnan(single[name]).all()
            mean = np.abs(np.asarray(single[name.replace("_sd", "_mean")]))
            assert values == pytest.approx(math.sqrt(2) * mean, nan_ok=True)


def test_tables_are_over_seeds(study: Study) -> None:
    table = TABLES["claims"](study)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    low = rows["Unbiased waking activity is low-dimensional."]
    share = study.result("manifold", 0)["table"]["noisy_unbiased"]["active_share"]
    half = 12.706 * share * math.sqrt(2) / math.sqrt(2)  # Student's t of one degree of freedom times sd over √n
    assert low["mean [95 % interval]"] == f"{2 * share:.3g} [{2 * share - half:.3g}, {2 * share + half:.3g}]"
    assert low["seeds"] == "0, 1"
    bearings = rows["Bearings at rest are distributed as awake (biased)."]
    assert [bearings[name] for name in ("mean [95 % interval]", "seeds", "verdict")] == ["–", "–", "not yet run"]
    assert "released code" not in table.header, "networks that are published are no twins of quick ones"
    networks = {row[0]: row for row in TABLES[f"networks {SPATIAL}"](study).rows}
    assert networks["noisy_unbiased"][1] == "2"
    kl = study.result("kl", 0)["table"]["noisy_unbiased"]["noisy_unbiased"]
    assert networks["noisy_unbiased"][4].startswith(f"{2 * kl:.3g} [")
    assert "[" not in networks["noisy_biased"][4], "a network of one seed"
    activity = {tuple(row[:2]): row[2:] for row in TABLES["activity"](study).rows}
    assert activity["manifold", "noisy_unbiased"][:2] == ["2", f"{share:.3g} to {3 * share:.3g}"]
    assert set(activity["manifold_head", "noisy_biased"]) == {"0", "–"}, "not yet run"


def test_phases_differ_in_lightness() -> None:
    from matplotlib.colors import to_rgb

    from reactivation.plotting.style import LOOKS

    light = [np.dot(to_rgb(look.colour), (0.299, 0.587, 0.114)) for look in LOOKS.values()]
    assert min(abs(a - b) for k, a in enumerate(light) for b in light[:k]) > 0.15
    assert len({look.line for look in LOOKS.values()}) == len(LOOKS)


def test_lines_differ_in_grey_and_without_green_cones() -> None:
    from matplotlib.colors import to_rgb

    from reactivation.plotting.style import LINES, line

    light = linear(np.array([to_rgb(colour) for colour in LINES]))
    assert np.diff(lab(grey(light))[:, 0]).min() > 12, "each is lighter than the one before it"
    seen = lab(deuteranope(light))
    assert min(np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]) > 25
    assert len({tuple(line(number).values()) for number in range(20)}) == 20


def test_a_figure_is_seen_at_the_width_of_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.image import imread, imsave

    monkeypatch.chdir(tmp_path)
    image = np.zeros((90, 3 * COLUMN, 3))
    image[:, :COLUMN] = (1, 0, 0)  # as light as the green beside it, nearly
    image[:, COLUMN : 2 * COLUMN] = (0, 0.55, 0)
    imsave("red_and_green.png", image)
    look(["red_and_green.png"])
    seen = imread("red_and_green_eyes.png")[..., :3]
    assert seen.shape == (30, 2 * COLUMN, 3)
    red, green = seen[15, COLUMN // 6], seen[15, COLUMN // 2]
    assert red[0] == red[1] == red[2]
    assert abs(red[0] - green[0]) < 0.05
    assert not seen[15, 5 * COLUMN // 6].any(), "black stays black"


def test_letters_stay_letters_in_pdf(study: Study, tmp_path: Path) -> None:
    pdf, *_ = draw_figure("3a", study, tmp_path)
    assert b"/Type3" not in pdf.read_bytes()


@pytest.mark.parametrize(
    ("text", "key"), [("2e", "2e"), ("C.1a", "C1a"), ("c1", "C1"), ("Fig.3", "3"), ("FIG. 1h", "1h"), ("C.5", "C5")]
)
def test_keys_as_people_write_them(text: str, key: str) -> None:
    assert known_key(text) == key


@pytest.mark.parametrize("key", ["1z", "C1x", "", "fig", "4", "nonsense"])
def test_unknown_figures_are_refused(key: str) -> None:
    with pytest.raises(BadInput, match=r"did you mean|known"):
        known_key(key)


@pytest.mark.parametrize("key", ["1", "2e", "3c", "C5f"])
def test_what_is_missing_is_named_with_its_command(key: str, nothing: Study, tmp_path: Path) -> None:
    lines = missing(key, nothing)
    assert lines
    assert all("python " in line and "seed=3" in line and nothing.path in line for line in lines)
    with pytest.raises(DamagedData, match="python ") as problem:
        draw_figure(key, nothing, tmp_path / "out")
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("fig=2g", 2, "did you mean"),
        ("fig=C.9", 2, "did you mean"),
        ("figure=2e", 2, "did you mean fig"),
        ("fig=2e seeds=0,x", 2, "seeds=0,x"),
        ("fig=2e seeds=0,0", 2, "twice"),
        ("fig=2e preset=quikc", 2, "did you mean quick"),
        ("2e", 2, "key=value"),
        ("fig=2e seeds=9", 3, "python output_kl.py"),
        ("fig=1d seeds=9", 3, "python train.py config=spatial_navigation/noisy_unbiased seed=9"),
    ],
)
def test_bad_input_in_one_line(words: str, code: int, told: str, command: Command, tmp_path: Path) -> None:
    done = command("figures.py", *words.split())
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_command(command: Command, project: Path, study: Study, drawn: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(RC_FILES["TeX"])  # which matplotlib reads from the folder it is started in
    words = [f"path={study.path}", "seeds=0,1", "preset=quick", "device=cpu"]
    done = command("figures.py", "fig=2e", "out=pictures", *words, project=project)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert {file.name: file.read_bytes() for file in (tmp_path / "pictures").iterdir()} == drawn
    assert command("figures.py", "--help").stdout.count("C4") >= 3


def test_the_axis_of_turns_ends_with_the_flanks_of_their_peak() -> None:
    """Far jumps do not extend it; their share is noted."""
    bars = np.array([0.9, 0, 1, 5, 10, 3, 0.1, 0, 0.9])
    assert flanks(bars) == (2, 6)
    assert flanks(bars[2:6]) == (0, 4)
