"""The figures of the study of the mechanism: the function that draws each, its tables, and its caption."""

from collections.abc import Callable, Mapping, Sequence
import io
from typing import NamedTuple

from paper.panels import theory as tables
from paper.panels import theory_drawing as drawing
from paper.protocols import HEAD, SPATIAL
from paper.theory import LAST

TABLES: Mapping[str, Callable[[str], list[tables.Row]]] = {
    "drift": tables.drift_table,
    "width": lambda path: tables.width_table(path, SPATIAL),
    "inputs": tables.inputs_table,
    "kappa": lambda path: tables.width_table(path, HEAD),
    "training": tables.training_table,
    "score": tables.score_table,
    "relaxation": tables.relaxation_table,
    "kicks": tables.kicks_table,
    "sensitivity": tables.sensitivity_table,
    "metric": tables.metric_table,
    "nulls": tables.nulls_table,
    "rest": tables.rest_table,
    "bound": tables.bound_table,
    "assumptions": tables.assumptions_table,
    "choices": tables.choices_table,
}


class Figure(NamedTuple):
    """A figure of the page."""

    key: str
    title: str
    caption: str
    draw: Callable[..., None]
    tables: tuple[str, ...]
    size: tuple[float, float]  # [inches]


_IN_BRACKETS = "In brackets: how many networks are measured, of those planned."
FIGURES = (
    Figure(
        "drift",
        "Do networks at rest move along the slope of their waking density?",
        "Networks trained on walks that keep to a ring around the middle of a box, at rest and without input. Each panel: "
        "how fast the reported position moves outwards, against its distance from the middle, at c times the noise "
        "variance of waking. Points: mean over networks with the standard error over networks (over pairs of trajectories "
        "where there is one network); what the geometry of diffusion alone adds is taken off. Lines: what Langevin "
        "sampling of the network's own waking density would do (Eq. 19), with the diffusion that is measured; no line is "
        "fitted to the points. Points on their line are α = 1, points on the grey zero line α = 0. The first two panels "
        "are analytic networks whose answers are known by construction: one samples the density of a ring, one holds "
        "positions and prefers none. Nulls are networks trained on walks that keep to nothing, asked for the same ring: "
        "what their points do, structure alone does. Grey: the radii of 0.1–0.5 m, where α is fitted; marks are hollow "
        "and lines dotted where it is not in most of the networks. Rules use c = 0 and 4; c = 8, which was planned here "
        "in place of 4, is used by none, and is in the table only. Axes are linear within ±1 mm per step, and logarithmic "
        "beyond; their heights differ, and nothing is cut off. Right: standard deviation of the radius in the last half "
        "of 4,000 steps of rest, a line a network; Langevin sampling has slope ½ (dashed), rest that is indifferent to "
        "the noise 0 (dotted). Open dots: rest that still remembers where it began, whose width says nothing yet. "
        f"{_IN_BRACKETS}",
        drawing.draw_drift,
        ("drift", "width"),
        (11, 10),
    ),
    Figure(
        "inputs",
        "A prior that rest shows, or one that only inputs show?",
        "Networks that follow bearings which are drawn home (stationary density ∝ exp(8 cos(s − h)), h the home of each "
        "network). Left: the pull home, as a multiple α of that of Langevin sampling: at rest without input (still), "
        "under Brownian inputs of the task's size that tell nothing of home, and under the task's own inputs; what inputs "
        "move the bearing by themselves is taken off. Still is c = ½ here, after training, beside c = 1 under inputs; "
        f"verdicts on networks use c = 0 and 4 for rest, and there the mean over the last {LAST} checkpoints of training. "
        "A dot is a network, with the standard error over pairs of trajectories, which may leave the panel beyond ±100. "
        "Axes of α are linear within ±1, and logarithmic beyond; solid: no pull, dashed: Langevin sampling. Open dots, "
        "null: networks trained on bearings that nothing draws, asked for the same home; what they scatter by is what no "
        "prior gives. Without pauses: trained without blocks of no movement, so that rest had no place in training. "
        "Middle: the same against the size of the Brownian inputs, a line a network. Right: concentration κ of rest "
        "against the gain c of the noise variance, a line a network; Langevin sampling has κ ∝ 1/c (dashed), rest that is "
        "indifferent to the noise slope 0 (dotted); open dots: rest that still remembers where it began; κ below 0.1 is "
        "not told from 0 and left out. "
        f"{_IN_BRACKETS}",
        drawing.draw_inputs,
        ("inputs", "kappa"),
        (11, 4.2),
    ),
    Figure(
        "training",
        "When in training does the pull appear, and under which noise?",
        "The pull α of rest without noise, over that of the analytic Langevin network (1: as Langevin sampling; 0: none), "
        "at checkpoints along training, against the waking density of the last. Mean and standard error over networks; no "
        "point where they report no positions yet. Left: GRUs on the ring in the box; half and double σ: the noise of "
        f"their training. Right: bearings; the last point is the mean over the last {LAST} checkpoints; nulls know of no "
        "home. "
        f"{_IN_BRACKETS}",
        drawing.draw_training,
        ("training",),
        (9, 4.6),
    ),
    Figure(
        "score",
        "Why is alignment of drift with the score of a network's own activity no evidence?",
        "How far the drift d of one step at rest follows the score −x/⟨x²⟩ of a normal density around the network's own "
        "cloud of activity x: its slope on σ²Δt times the score, mean over units, a mark a network. Dots: networks and "
        "controls as they are; crosses: the same networks before training, and with their recurrent weights shuffled. "
        "Grey bars: (1 + ⟨d²⟩/σ²Δt)/2, which follows from stationarity alone. What has learned nothing lies on its bar, "
        "at ½ and a little more: such a slope says nothing of what was learned. Below the bar a cloud still grows. "
        "Networks that were trained without noise have none of their own, and are left out. "
        f"{_IN_BRACKETS}",
        drawing.draw_score,
        ("score",),
        (9, 4.2),
    ),
    Figure(
        "relaxation",
        "Does rest forget where it began?",
        "Rest of 20,000 steps with doubled noise from where the task starts, mean over 100 trajectories and over "
        "networks. Top: correlation over trajectories of where they are with where they began; by chance ± 0.1. Bottom: "
        "mean norm of the rates, over that at the start. Dotted verticals: the 200 and 1,000 steps of the paper's rests. "
        "Where the top is far from 0 there, distributions of rest tell of their starts. "
        f"{_IN_BRACKETS}",
        drawing.draw_relaxation,
        ("relaxation",),
        (9, 6.6),
    ),
    Figure(
        "kicks",
        "Is diffusion along the manifold what single kicks predict?",
        "D along the manifold per step, at c = 1. Horizontally: from kicks (Burak & Fiete, 2012), one step of noise or "
        "its opposite, after which states return for 40 steps without noise; with the standard error over states. "
        "Vertically: from how pairs of trajectories part over 150 steps of noise, at c = ½ and 2, over c; this D is in "
        "the lines of the first figure. In the box, full marks are along the radius, open ones across. On the dashed line "
        "they agree; above it, positions move by more than what noise leaves behind on a manifold that holds still. "
        f"{_IN_BRACKETS}",
        drawing.draw_kicks,
        ("kicks",),
        (8, 5.2),
    ),
)


def picture(figure: Figure, found: Mapping[str, Sequence[tables.Row]]) -> bytes:
    """Draw a figure from its tables, as PNG."""
    from matplotlib.figure import Figure as Canvas

    from reactivation.plotting.style import style

    with style():
        canvas = Canvas(figsize=figure.size, layout="constrained")
        figure.draw(canvas, *(found[name] for name in figure.tables))
        drawn = io.BytesIO()
        canvas.savefig(drawn, format="png", metadata={"Software": None})
    return drawn.getvalue()
