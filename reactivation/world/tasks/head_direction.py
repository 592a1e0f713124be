"""Head direction (Section 3, Table A.2): integrate turns on the circle, report the bearing by head-direction cells."""

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from reactivation import types
from reactivation.machine.errors import BadInput
from reactivation.settings.declaring import LARGEST, TaskSettings, setting
from reactivation.world.motion import DrawnTurns, Motion, Turns
from reactivation.world.spaces import Circle
from reactivation.world.tasks.base import Task
from reactivation.world.tuning import Compass, HeadDirectionCells, Tuning

_LONGEST_PULL = 0.1  # of one step [rad]: from here on, Euler steps widen the stationary density by 5 % and more


@dataclass
class Settings(TaskSettings):
    """`task.` keys of configs/train/head_direction."""

    init_hd: str = setting(
        "uniform", "start bearings; uniform: from the stationary density if they are drawn home", choices=("uniform", "zero")
    )
    biased: bool = setting(False, "turn counter-clockwise only")
    mu: float = setting(0.0, "mean turning velocity", unit="rad/s")
    sigma: float = setting(11.52, "standard deviation of the turning velocity", unit="rad/s", low=0, per_step=True)
    concentration: float | None = setting(
        None, "draw bearings home: κ of their density ∝ exp(κ cos(s − home)); 0: uniform; null: not drawn", low=0, high=1000
    )
    home: float = setting(0.0, "bearing that drawn bearings return to", unit="rad", low=-2 * math.pi, high=2 * math.pi)
    pause_share: float = setting(0.0, "probability that a block of steps is a pause (drawn bearings)", low=0, below=1)
    pause_steps: int = setting(25, "steps per block, for pauses", low=1, high=LARGEST, per_step=True)
    use_hd_cells: bool = setting(True, "report head-direction cells; otherwise (cos, sin) of the bearing")
    hd_cells_num: int = setting(512, "head-direction cells", low=3, high=LARGEST)
    hd_cells_angular_spread: float = setting(math.pi / 6, "spread σ_HD of the tuning", unit="rad", low=1e-3)
    hd_cells_norm: str = setting("peak", "peak 1, or the density of Eq. 21", choices=("peak", "density"))
    hd_cells_endpoint: bool = setting(False, "preferred angles include π beside -π, two cells for one bearing")
    wrap_error: bool = setting(True, "measure bearing errors on the circle")

    @property
    def space(self) -> Circle:
        """The circle of bearings."""
        return Circle()

    @property
    def pull(self) -> float:
        """a Δt = κ (σΔt)² / 2 [rad], the factor of sin(s − home) in a step; from κ = 2a/b² and b² = σ²Δt."""
        return (self.concentration or 0.0) * (self.sigma * self.dt) ** 2 / 2

    def check_together(self) -> None:
        """Refuse a home or pauses without `concentration`, and settings that give bearings another density.

        Raises:
            BadInput: two settings contradict each other, or steps are too long; the message names them.
        """
        if self.concentration is None and (self.home or self.pause_share):
            name = "home" if self.home else "pause_share"
            raise BadInput(f"task.{name}={getattr(self, name)} is for drawn bearings: set task.concentration, too")
        if self.concentration is not None and (self.biased or self.mu):
            name = "biased" if self.biased else "mu"
            raise BadInput(f"task.{name} turns bearings one way, task.concentration draws them home: set one of them")
        if self.pull > _LONGEST_PULL:
            raise BadInput(
                f"task.concentration={self.concentration}: steps go up to {self.pull:.3g} rad home, too coarse for the "
                f"density that it names (at most {_LONGEST_PULL}); make it, task.sigma or task.dt smaller"
            )


class UnwrappedError(Task):
    """Errors as plain differences of angles, as the released code has them (differences, row 7)."""

    def decoding_error(self, decoded: Tensor, positions: Tensor) -> Tensor:
        return decoded - positions


def build(settings: Settings, generator: torch.Generator) -> Task:
    """The task; its cells are evenly spaced, so nothing is drawn from `generator`."""
    circle = settings.space
    motion: Motion = Turns(circle, settings.dt, settings.mu, settings.sigma, settings.init_hd, settings.biased)
    if settings.concentration is not None:
        motion = DrawnTurns(
            circle=circle,
            dt=settings.dt,
            turn_std=settings.sigma,
            start=settings.init_hd,
            concentration=settings.concentration,
            pull=settings.pull,
            home=settings.home,
            pause_share=settings.pause_share,
            pause_steps=settings.pause_steps,
        )
    tuning: Tuning = Compass()
    if settings.use_hd_cells:
        intervals = settings.hd_cells_num - (1 if settings.hd_cells_endpoint else 0)
        angles = torch.arange(settings.hd_cells_num, dtype=types.PRECISION) * (2 * math.pi / intervals) - math.pi
        tuning = HeadDirectionCells(angles, settings.hd_cells_angular_spread, settings.hd_cells_norm)
    kind = Task if settings.wrap_error else UnwrappedError
    return kind(circle, motion, tuning, mse="hd_mse")
