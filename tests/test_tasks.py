"""Every registered task, and properties of the two of the paper."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
import torch

from reactivation import registry
from reactivation.streams import stream
from reactivation.types import Path
from reactivation.world.tasks import head_direction, spatial_navigation
from reactivation.world.tasks.base import Task
from reactivation.world.tuning import HeadDirectionCells, PlaceCells

TASKS = registry.names("tasks")
P_VALUE = 1e-4


def build(name: str, **settings: Any) -> Any:
    module = registry.load("tasks", name)
    return module.build(module.Settings(**settings), stream(0, "cells"))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_inputs_integrate_to_positions(name: str, biased: bool, generator: torch.Generator) -> None:
    has_bias = "biased" in registry.load("tasks", name).Settings.__dataclass_fields__
    assert_integrates(build(name, **({"biased": biased} if has_bias else {})), generator)


@pytest.mark.parametrize("settings", [{}, {"pause_share": 0.5, "pause_steps": 4}])
def test_inputs_of_drawn_bearings_integrate_to_positions(settings: dict[str, Any], generator: torch.Generator) -> None:
    assert_integrates(build("head_direction", concentration=8.0, sigma=3.0, home=3.0, **settings), generator)


def assert_integrates(task: Task, generator: torch.Generator) -> None:
    path = task.motion.paths(50, 30, generator)
    integrated = task.space.wrap(path.start[:, None] + path.inputs.double().cumsum(1))
    assert float(task.space.distance(integrated, path.positions.double()).max()) < 1e-5


@pytest.mark.parametrize("name", TASKS)
def test_a_batch_has_the_shapes_of_the_contract(name: str, generator: torch.Generator) -> None:
    task = build(name)
    batch = task.sample(5, 7, generator)
    assert batch.start.shape == (5, task.n_outputs)
    assert batch.inputs.shape == (5, 7, task.n_inputs)
    assert batch.targets.shape == (5, 7, task.n_outputs)
    assert batch.positions.shape == (5, 7, task.space.dimensions)
    assert torch.equal(batch.targets, task.encode(batch.positions))


@pytest.mark.parametrize("name", TASKS)
def test_decoding_an_encoded_state_gives_it_back(name: str, generator: torch.Generator) -> None:
    """Within the spacing of the cells: the mean of three centres near a wall is off by about one spacing."""
    task = build(name)
    positions = task.space.wrap(task.space.from_unit(torch.rand(500, task.space.dimensions, generator=generator)))
    spacing = (task.space.volume / task.n_outputs) ** (1 / task.space.dimensions)
    error = task.space.distance(task.decode(task.encode(positions)), positions)
    assert float(error.mean()) < spacing
    assert float(error.max()) < 5 * spacing


@pytest.mark.parametrize("name", TASKS)
def test_same_generator_same_batch_and_cells_travel_with_the_state(name: str) -> None:
    task, other = build(name), registry.load("tasks", name)
    again = other.build(other.Settings(), stream(1, "cells"))
    again.load_state_dict(task.state_dict())
    a, b = (t.sample(4, 6, stream(0, "trajectories")) for t in (task, again))
    for name in ("start", "inputs", "positions", "targets"):
        assert torch.equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_without_cells_still_encodes_and_decodes(name: str, generator: torch.Generator) -> None:
    key = {"spatial_navigation": "use_place_cells", "head_direction": "use_hd_cells"}.get(name)
    if key is None:
        pytest.skip(f"{name} always has cells")
    task = build(name, **{key: False})
    batch = task.sample(5, 7, generator)
    assert float(task.space.distance(task.decode(batch.targets), batch.positions).max()) < 1e-6


# Spatial navigation


def walk(steps: int = 400, **settings: Any) -> tuple[Any, Path]:
    task = build("spatial_navigation", **settings)
    return task, task.motion.paths(200, steps, stream(0, "trajectories"))


def test_walks_stay_in_the_box_but_for_one_slowed_step() -> None:
    """A wall slows and turns an agent, but does not stop it, so the agent goes beyond it by at most about one fast step."""
    _, path = walk()
    longest = float(path.inputs.norm(dim=-1).max())
    assert float(path.positions.abs().max()) < 1.1 + longest
    assert float((path.positions.abs() > 1.1).any(-1).float().mean()) < 0.05


def test_walks_cover_the_box_evenly() -> None:
    _, path = walk()
    thirds = torch.bucketize(path.positions[:, -1].contiguous(), torch.tensor([-1.1 / 3, 1.1 / 3]))
    counts = torch.bincount(thirds[:, 0] * 3 + thirds[:, 1], minlength=9)
    assert stats.chisquare(counts.numpy()).pvalue > P_VALUE


def test_free_steps_are_rayleigh_and_turns_normal() -> None:
    task = build("spatial_navigation", init_pos="zero", box_width=1000.0, box_height=1000.0)
    inputs = task.motion.paths(2000, 2, stream(0, "trajectories")).inputs.double()
    lengths = inputs[:, 0].norm(dim=-1).numpy()
    assert stats.kstest(lengths, stats.rayleigh(scale=0.26 * math.pi * 0.02).cdf).pvalue > P_VALUE
    headings = torch.atan2(inputs[..., 1], inputs[..., 0])
    turns = ((headings[:, 1] - headings[:, 0] + math.pi) % (2 * math.pi) - math.pi).numpy()
    assert stats.kstest(turns, stats.norm(scale=11.52 * 0.02).cdf).pvalue > P_VALUE


def test_heading_at_a_near_wall_slows_and_turns_along_it() -> None:
    motion = build("spatial_navigation").motion
    position = torch.tensor([[1.09, 0.0], [1.09, 0.0], [1.09, 0.0], [0.0, -1.09], [0.5, 0.0]])
    heading = torch.tensor([0.3, -0.3, 3.0, -math.pi / 2 + 0.2, 0.0])
    no_turns, speeds = torch.zeros(2, 5), torch.full((2, 5), 0.5)
    path = motion.follow(position / 2.2 + 0.5, heading / (2 * math.pi), no_turns, speeds)
    first, second = path.inputs.unbind(1)
    slowed = first.norm(dim=-1) / (0.26 * math.pi * 0.02)
    assert slowed.tolist() == pytest.approx([0.25, 0.25, 1, 0.25, 1], rel=1e-5)
    after = torch.atan2(second[:, 1], second[:, 0])
    assert after.tolist() == pytest.approx([math.pi / 2, -math.pi / 2, 3, 0, 0], abs=1e-5)


def test_biased_walks_ring_the_anchor() -> None:
    """The published ring: mean radius about 0.34 m with the Rayleigh scale of 0.26π, where 0.2 would give 0.08 m."""
    _, path = walk(biased=True)
    assert float(path.positions[:, 200:].norm(dim=-1).mean()) == pytest.approx(0.34, abs=0.03)
    _, slow = walk(biased=True, b=0.2)
    assert float(slow.positions[:, 200:].norm(dim=-1).mean()) == pytest.approx(0.08, abs=0.02)
    _, moved = walk(biased=True, anchor_point=[0.3, -0.2])
    assert torch.allclose(moved.positions[:, 200:].mean((0, 1)), torch.tensor([0.3, -0.2]), atol=0.03)


def test_start_positions() -> None:
    _, zero = walk(steps=2, init_pos="zero")
    assert not zero.start.any()
    _, inside = walk(steps=2)
    assert 1.0 < float(inside.start.abs().max()) <= 1.1
    _, wide = walk(steps=2, init_pos_extent=2.0)
    assert 2.0 < float(wide.start.abs().max()) <= 2.2


def test_a_dropped_first_step_is_where_the_path_starts() -> None:
    """From the same draws, the path is one step shorter, and starts at what was its first state."""
    _, kept = walk(steps=31, biased=True)
    _, dropped = walk(steps=30, biased=True, first_step="dropped")
    assert torch.equal(dropped.start, kept.positions[:, 0])
    assert torch.equal(dropped.inputs, kept.inputs[:, 1:])
    assert torch.equal(dropped.positions, kept.positions[:, 1:])


def test_a_dropped_first_step_shrinks_biased_starts_about_the_anchor() -> None:
    """The drift shrinks them, and a free step is added, with Rayleigh length and uniform direction. No wall is near."""
    anchor, n = torch.tensor([0.3, -0.2]), 20_000
    words = {"biased": True, "anchor_point": anchor.tolist(), "border_region": 0.0}
    uniform, start = (
        build("spatial_navigation", first_step=first_step, **words).motion.paths(n, 1, stream(0, "x")).start.double()
        for first_step in ("kept", "dropped")
    )
    step = start - anchor - 0.95 * (uniform - anchor)
    scale = 0.26 * math.pi * 0.02
    assert stats.kstest(step.norm(dim=-1).numpy(), stats.rayleigh(scale=scale).cdf).pvalue > P_VALUE
    directions = torch.atan2(step[:, 1], step[:, 0]).numpy()
    assert stats.kstest(directions, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > P_VALUE
    spread = 0.95**2 * 2.2**2 / 12 + scale**2
    assert start.var(0).numpy() == pytest.approx(spread, rel=4.5 * math.sqrt(0.8 / n))  # of a uniform number, nearly


def test_place_cells_are_equation_20_or_its_softmax(generator: torch.Generator) -> None:
    centres = torch.rand(40, 2, generator=generator, dtype=torch.float64) * 2 - 1
    positions = torch.rand(9, 2, generator=generator, dtype=torch.float64) * 2 - 1
    field = np.exp(-((positions.numpy()[:, None] - centres.numpy()) ** 2).sum(-1) / (2 * 0.2**2))
    assert np.allclose(PlaceCells(centres, 0.2, "none", None).encode(positions), field, atol=1e-12)
    softmax = PlaceCells(centres, 0.2, "softmax", None).encode(positions)
    assert np.allclose(softmax, field / field.sum(-1, keepdims=True), atol=1e-12)


def test_difference_of_gaussians(generator: torch.Generator) -> None:
    centres = torch.rand(400, 2, generator=generator, dtype=torch.float64) * 2 - 1
    positions = torch.rand(9, 2, generator=generator, dtype=torch.float64) * 0.4 - 0.2
    activities = PlaceCells(centres, 0.2, "softmax", 2.0).encode(positions)
    assert torch.allclose(activities.sum(-1), torch.ones(9, dtype=torch.float64))
    assert float(activities.min()) >= 0
    distance = (positions[:, None] - centres).norm(dim=-1)
    in_surround = (distance > 0.35) & (distance < 0.45)
    far = distance > 0.9
    assert float(activities[in_surround].mean()) < float(activities[far].mean()) < float(activities[distance < 0.1].mean())
    plain = PlaceCells(centres, 0.2, "none", 2.0)
    assert torch.allclose(plain.encode(centres[:1])[0, 0], torch.tensor(0.5, dtype=torch.float64))
    assert float((plain.decode(plain.encode(positions)) - positions).norm(dim=-1).mean()) < 0.1


# Head direction


def test_head_direction_cells_are_equation_21_or_peak_1() -> None:
    angles = torch.linspace(-3, 3, 25, dtype=torch.float64)
    positions = torch.tensor([[0.3], [3.1]], dtype=torch.float64)
    kappa = 36 / math.pi**2
    density = stats.vonmises.pdf(positions.numpy() - angles.numpy(), kappa)
    assert np.allclose(HeadDirectionCells(angles, math.pi / 6, "density").encode(positions), density, atol=1e-12)
    assert np.allclose(
        HeadDirectionCells(angles, math.pi / 6, "peak").encode(positions), density / density_peak(kappa), atol=1e-12
    )
    assert density_peak(kappa) == pytest.approx(0.731, abs=1e-3)


def density_peak(kappa: float) -> float:
    return float(stats.vonmises.pdf(0.0, kappa))


@pytest.mark.parametrize("width", [1e-6, 1e-3, 0.1, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("norm", ["peak", "density"])
def test_tuning_is_finite_at_any_width(width: float, norm: str) -> None:
    cells = HeadDirectionCells(torch.arange(64) * (2 * math.pi / 64) - math.pi, width, norm)
    activities = cells.encode(cells.angles[:, None])
    assert bool(activities.isfinite().all())
    assert torch.allclose(activities.diagonal(), torch.full((64,), cells.peak), rtol=1e-4)
    assert torch.equal(activities.argmax(-1), torch.arange(64)) or width >= 1e3  # in float32 all cells are alike there


def test_preferred_angles_are_evenly_spaced_and_distinct() -> None:
    angles = build("head_direction").tuning.angles
    gaps = torch.diff(torch.cat((angles, angles[:1] + 2 * math.pi)))
    assert torch.allclose(gaps, torch.full((512,), 2 * math.pi / 512), atol=1e-5)
    twice = build("head_direction", hd_cells_endpoint=True).tuning.angles
    assert twice[-1] - twice[0] == pytest.approx(2 * math.pi, rel=1e-6)


def test_biased_heads_turn_counter_clockwise_only() -> None:
    biased, free = (
        build("head_direction", biased=b).motion.paths(200, 50, stream(0, "trajectories")) for b in (True, False)
    )
    assert float(biased.inputs.min()) >= 0
    assert torch.allclose(biased.inputs, free.inputs.abs())
    assert stats.kstest(free.inputs.flatten().double().numpy(), stats.norm(scale=11.52 * 0.02).cdf).pvalue > P_VALUE


DRAWN = {"concentration": 8.0, "sigma": 3.0}
PULL = 8 * (3 * 0.02) ** 2 / 2  # aΔt = 0.0144
NULL = {"concentration": 0.0, "sigma": 3.0}
PAUSES = {"pause_share": 0.5}


def drawn_turns(n: int, steps: int, **settings: Any) -> Path:
    return build("head_direction", **settings).motion.paths(n, steps, stream(0, "trajectories"))


def drawn_starts(unit: torch.Tensor, concentration: float) -> torch.Tensor:
    """The starting bearings for numbers on [0, 1), (B, 1)."""
    turns = build("head_direction", **{**NULL, "concentration": concentration}).motion
    return turns.follow(unit, torch.zeros(len(unit), 1, 1, dtype=unit.dtype)).start


@pytest.mark.parametrize("concentration", [0.0, 0.5, 8.0, 40.0])
def test_numbers_become_bearings_by_the_inverse_of_von_mises(concentration: float) -> None:
    unit = torch.linspace(0, 1, 5001, dtype=torch.float64)[:-1, None]
    bearings = drawn_starts(unit, concentration)
    assert bearings.shape == unit.shape
    below = stats.vonmises.cdf(bearings.numpy(), concentration) if concentration else (bearings.numpy() / math.pi + 1) / 2
    assert np.allclose(below, unit, atol=1e-5)


def test_the_narrowest_density_and_the_ends_of_the_numbers_give_finite_bearings() -> None:
    unit = torch.tensor([[0.0], [2**-24], [0.5], [1 - 2**-24]])
    for concentration in (0.0, 8.0, 1000.0):
        bearings = drawn_starts(unit, concentration)
        assert bool(bearings.isfinite().all())
        assert float(bearings.abs().max()) <= np.float32(math.pi)
        assert bool((bearings.diff(dim=0) > 0).all())
    assert float(bearings.abs().max()) < 1.4, "a bearing where the narrowest density is 0 in double precision"


@pytest.mark.parametrize("pauses", [{}, PAUSES])
@pytest.mark.parametrize(("world", "home"), [(DRAWN, 0.0), (DRAWN, 2 * math.pi * 4 / 5), (NULL, 1.0)])
def test_drawn_bearings_have_their_stationary_density_from_the_start_on(
    world: dict[str, Any], home: float, pauses: dict[str, Any]
) -> None:
    """At the start, and after 100 and 400 steps: Euler steps widen the variance by aΔt/2, the spread by half of that."""
    n, path = 20_000, drawn_turns(20_000, 400, home=home, **world, **pauses)
    law = stats.vonmises(world["concentration"]).cdf if world["concentration"] else stats.uniform(-math.pi, 2 * math.pi).cdf
    widened = PULL / 4 * 0.242  # in the distribution function: spread × maximum of x φ(x)
    mean, lowered = special.i1(world["concentration"]) / special.i0(world["concentration"]), PULL / 4 / 8  # of the cosine
    for positions in (path.start, path.positions[:, 99], path.positions[:, 399]):
        from_home = ((positions.double() - home + math.pi) % (2 * math.pi) - math.pi).flatten().numpy()
        assert stats.kstest(from_home, law).statistic < stats.kstwobign.isf(P_VALUE) / math.sqrt(n) + widened
        cosines = np.cos(from_home)
        assert cosines.mean() == pytest.approx(mean, abs=4.5 * cosines.std() / math.sqrt(n) + lowered)


@pytest.mark.parametrize("pauses", [{}, PAUSES])
def test_drawn_bearings_go_home_by_the_stated_pull(pauses: dict[str, Any]) -> None:
    """Moving steps regressed on sin(s − h) have slope −aΔt and no intercept; the residuals are the random turns."""
    home, path = 1.3, drawn_turns(2000, 100, home=1.3, **DRAWN, **pauses)
    before = torch.cat((path.start[:, None], path.positions[:, :-1]), dim=1).double()
    moving = path.inputs != 0
    sine, moves = (before - home).sin()[moving].numpy(), path.inputs.double()[moving].numpy()
    fit = stats.linregress(sine, moves)
    assert abs(fit.slope + PULL) < 4.5 * fit.stderr < 0.2 * PULL
    assert abs(fit.intercept) < 4.5 * fit.intercept_stderr
    assert stats.kstest(moves + PULL * sine, stats.norm(scale=3 * 0.02).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("steps", [100, 110])
def test_pauses_are_whole_blocks_and_come_with_the_stated_probability(steps: int) -> None:
    path = drawn_turns(2000, steps, pause_share=0.3, **DRAWN)
    blocks = torch.split(path.inputs[..., 0] == 0, 25, dim=1)
    assert sum(block.shape[1] for block in blocks) == steps
    assert all(torch.equal(block, block[:, :1].expand_as(block)) for block in blocks)
    paused = torch.stack([block[:, 0] for block in blocks], dim=1).double().numpy()
    assert paused.mean() == pytest.approx(0.3, abs=4.5 * math.sqrt(0.3 * 0.7 / paused.size))
    together = np.corrcoef(paused[:, :-1].flatten(), paused[:, 1:].flatten())[0, 1]
    assert abs(together) < 4.5 / math.sqrt(paused[:, 1:].size)
    still = path.positions[:, 25:50][torch.from_numpy(paused[:, 1] == 1)]
    assert float((still - still[:, :1]).abs().max()) == 0


def test_pauses_change_no_other_draw() -> None:
    """Without pauses, no numbers are drawn for them."""
    plain, pausing = (
        build("head_direction", **DRAWN, **pauses).motion.draw(5, 60, stream(0, "x")) for pauses in ({}, PAUSES)
    )
    assert (len(plain), len(pausing), pausing[2].shape) == (2, 3, (5, 3, 1))
    assert all(torch.equal(a, b) for a, b in zip(plain, pausing, strict=False))


def test_drawn_bearings_may_start_at_zero_wherever_home_is() -> None:
    path = drawn_turns(50, 20, home=2.0, init_hd="zero", **DRAWN)
    assert not path.start.any()


def test_free_turns_draw_what_they_drew_before_bearings_could_be_drawn_home() -> None:
    own = stream(0, "trajectories")
    start, turns = torch.rand(7, 1, generator=own), torch.randn(7, 9, 1, generator=own)
    path = build("head_direction").motion.paths(7, 9, stream(0, "trajectories"))
    assert torch.equal(path.start, (start - 0.5) * (2 * math.pi))
    assert torch.equal(path.inputs, turns * 11.52 * 0.02)


def test_errors_are_measured_on_the_circle_unless_the_switch_says_otherwise() -> None:
    a, b = torch.tensor([[3.1]]), torch.tensor([[-3.1]])
    assert float(build("head_direction").decoding_error(a, b).abs()) == pytest.approx(2 * math.pi - 6.2, abs=1e-5)
    assert float(build("head_direction", wrap_error=False).decoding_error(a, b) ** 2) == pytest.approx(38.4, abs=0.1)


def test_both_settings_dataclasses_hold_the_papers_numbers() -> None:
    space, head = spatial_navigation.Settings(), head_direction.Settings()
    assert (space.box_width, space.border_region, space.place_cells_num, space.place_cells_sigma) == (2.2, 0.03, 512, 0.2)
    assert (head.hd_cells_num, head.sigma, head.dt) == (512, 11.52, 0.02)
    assert head.hd_cells_angular_spread == pytest.approx(math.pi / 6)
