"""Head direction (Section 3, Table A.2): integrate turns on the circle, report the bearing by head-direction cells."""

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

from reactivation.settings import LARGEST, TaskSettings, setting
from reactivation.spaces import Circle

if TYPE_CHECKING:
    import torch

    from reactivation.tasks.base import Task


@dataclass
class Settings(TaskSettings):
    """`task.` keys of configs/train/head_direction."""

    init_hd: str = setting("uniform", "start bearings", choices=("uniform", "zero"))
    biased: bool = setting(False, "turn counter-clockwise only")
    mu: float = setting(0.0, "mean turning velocity", unit="rad/s")
    sigma: float = setting(11.52, "standard deviation of the turning velocity", unit="rad/s", low=0)
    use_hd_cells: bool = setting(True, "report head-direction cells; otherwise (cos, sin) of the bearing")
    hd_cells_num: int = setting(512, "head-direction cells", low=3, high=LARGEST)
    hd_cells_angular_spread: float = setting(math.pi / 6, "spread σ_HD of the tuning", unit="rad", low=1e-3)
    hd_cells_norm: str = setting("peak", "peak 1, or the density of Eq. 21", choices=("peak", "density"))
    hd_cells_endpoint: bool = setting(False, "preferred angles include π beside -π, two cells for one bearing")
    wrap_error: bool = setting(True, "measure bearing errors on the circle")


def build(settings: Settings, generator: "torch.Generator") -> "Task":
    """The task; its cells are evenly spaced, so nothing is drawn from `generator`."""
    # Torch is loaded here, so that settings can be checked without it.
    import torch
    from torch import Tensor

    from reactivation.motion import Turns
    from reactivation.tasks.base import Task
    from reactivation.tuning import Compass, HeadDirectionCells, Tuning

    class UnwrappedError(Task):
        """Errors as plain differences of angles, as the released code has them (differences, row 7)."""

        def decoding_error(self, decoded: Tensor, states: Tensor) -> Tensor:
            return decoded - states

    circle = Circle()
    motion = Turns(circle, settings.dt, settings.mu, settings.sigma, settings.init_hd, settings.biased)
    tuning: Tuning = Compass()
    if settings.use_hd_cells:
        intervals = settings.hd_cells_num - (1 if settings.hd_cells_endpoint else 0)
        angles = torch.arange(settings.hd_cells_num) * (2 * math.pi / intervals) - math.pi
        tuning = HeadDirectionCells(angles, settings.hd_cells_angular_spread, settings.hd_cells_norm)
    kind = Task if settings.wrap_error else UnwrappedError
    return kind(circle, motion, tuning, error="bearing_error_rad", mse="hd_mse")
