"""Spatial navigation (Section 3, Table A.1): integrate displacements in a box, report the position by place cells."""

from dataclasses import dataclass
import math

import torch

from reactivation import types
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import LARGEST, TaskSettings, setting
from reactivation.world.motion import Motion, Walk
from reactivation.world.recorded import RecordedPaths
from reactivation.world.spaces import Box
from reactivation.world.tasks.base import Task
from reactivation.world.tuning import PlaceCells, Position, Tuning

_OF_WALKS = (
    "border_region", "border_slow_factor", "init_pos", "init_pos_extent", "first_step", "biased", "drift_const",
    "anchor_point", "mu", "sigma", "b",
)  # fmt: skip


@dataclass
class Settings(TaskSettings):
    """`task.` keys of configs/train/spatial_navigation."""

    box_width: float = setting(2.2, "width of the box", unit="m", above=0)
    box_height: float = setting(2.2, "height of the box", unit="m", above=0)
    border_region: float = setting(0.03, "distance at which a wall is felt", unit="m", low=0)
    border_slow_factor: float = setting(0.25, "speed factor near a wall, when heading at it", low=0, high=1)
    init_pos: str = setting("uniform", "start positions", choices=("uniform", "zero"))
    init_pos_extent: float = setting(1.0, "uniform starts cover the box times this (Table A.1 says 2)", above=0)
    first_step: str = setting(
        "kept", "first step of a walk; dropped: made before the start and not part of the path", choices=("kept", "dropped")
    )
    biased: bool = setting(False, "draw every step towards the anchor point")
    drift_const: float = setting(0.05, "share of the way to the anchor added per step", low=0, high=1, per_step=True)
    anchor_point: list[float] = setting([0.0, 0.0], "point to which biased walks are drawn", unit="m", length=2)
    mu: float = setting(0.0, "mean turning velocity", unit="rad/s")
    sigma: float = setting(11.52, "standard deviation of the turning velocity", unit="rad/s", low=0, per_step=True)
    b: float = setting(
        0.26 * math.pi, "scale of the Rayleigh speed (Table A.1 says 0.2)", unit="m/s", above=0, per_step=True
    )
    use_place_cells: bool = setting(True, "report place cells; otherwise the position itself")
    place_cells_num: int = setting(512, "place cells", low=3, high=LARGEST)
    place_cells_sigma: float = setting(0.2, "width σ_SP of the place fields", unit="m", low=1e-3)
    place_cells_norm: str = setting("softmax", "softmax over cells, or none for Eq. 20", choices=("softmax", "none"))
    place_cells_dog: bool = setting(False, "difference of Gaussians: subtract a wider surround")
    place_cells_surround_scale: float = setting(2.0, "variance of the surround over that of the centre", above=1)

    paths: str | None = setting(
        None, "npz file of recorded positions, pos (n, 2) [m] at times t (n) [s]; null: random walks"
    )

    @property
    def space(self) -> Box:
        """The box."""
        return Box(self.box_width, self.box_height)

    def check_together(self) -> None:
        """Refuse settings of generated walks together with recorded `paths`.

        Raises:
            BadInput: `paths` is given, and a setting of walks is not its default.
        """
        if self.paths is not None:
            usual = Settings()
            told = [key for key in _OF_WALKS if getattr(self, key) != getattr(usual, key)]
            if told:
                raise BadInput(
                    f"task.paths={self.paths} walks what was recorded, and task.{told[0]} is of walks that are made"
                )


def build(settings: Settings, generator: torch.Generator) -> Task:
    """The task; place-cell centres are drawn from `generator`, uniformly over the box."""
    box = settings.space
    motion: Motion = RecordedPaths(settings.paths, box, settings.dt) if settings.paths else _walk(settings, box)
    tuning: Tuning = Position()
    if settings.use_place_cells:
        centres = box.from_unit(torch.rand(settings.place_cells_num, 2, generator=generator, dtype=types.PRECISION))
        surround = settings.place_cells_surround_scale if settings.place_cells_dog else None
        tuning = PlaceCells(centres, settings.place_cells_sigma, settings.place_cells_norm, surround)
    return Task(box, motion, tuning, mse="pos_mse")


def _walk(settings: Settings, box: Box) -> Walk:
    return Walk(
        space=box,
        dt=settings.dt,
        turn_mean=settings.mu,
        turn_std=settings.sigma,
        speed_scale=settings.b,
        border_region=settings.border_region,
        border_slow_factor=settings.border_slow_factor,
        start=settings.init_pos,
        start_extent=settings.init_pos_extent,
        anchor=(settings.anchor_point[0], settings.anchor_point[1]) if settings.biased else None,
        drift=settings.drift_const,
        first_step=settings.first_step,
    )
