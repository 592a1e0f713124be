"""The loss and its bounds (Eqs. 3 to 13), measured along waking, and the assumptions of their derivation.

The update of a trained network is split as in Eq. 4: Δr₁ is the update without input, Δr₂ what the input adds. Each step
of the derivation is then a number, in the units of the outputs. All are computed from the same draws of the noise, so an
inequality that holds for every draw holds here up to rounding. Axes: K draws of a step's noise, B states, N units,
O outputs, P dimensions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from reactivation.analysis.run import Run
from reactivation.checks import Several, Strength, checked
from reactivation.replay.inference import BOOTSTRAPS, NULLS
from reactivation.streams import numpy_stream, of_theory
from reactivation.theory.probe import Probe, asking
from reactivation.theory.uncertainty import jackknife

Array = NDArray[np.float64]
_OfKept = Callable[[NDArray[np.bool_]], float]

_LONG = 100  # steps of waking
_APART = 10  # steps between measured states
_DRAWS = 8  # draws of a step's noise, from each state
_CUT = 0.01  # singular values of D below this share of the largest are left out of its pseudoinverse
_OTHER_CUTS = (0.001, 0.1)  # tried for the sensitivity
HALVINGS = (1, 2, 4)  # divisors of Δt


class Chain(NamedTuple):
    """Hold the loss of one step and its bounds, means over states, and the share of states where each inequality holds."""

    dt: float  # [s]
    loss: float  # Eq. 3
    expanded: float  # Eq. 7: f expanded to first order
    split: float  # Eq. 9: L₂
    approximated: float  # Eq. 11: L₂ with r = D†f(s)
    l3: float  # Eq. 12
    upper: float  # Eq. 13
    signal: float  # the term common to Eqs. 9 to 13 (Eq. 17)
    split_holds: float  # share of states where Eq. 7 ≤ Eq. 9
    approximated_holds: float  # where Eq. 9 ≤ Eq. 11, which does not follow from the derivation
    l3_holds: float  # where Eq. 11 ≤ Eq. 12
    upper_holds: float  # where Eq. 12 ≤ Eq. 13
    loss_below_upper: float  # where Eq. 3 ≤ Eq. 13
    errors: dict[str, float]  # standard errors of these means, over trajectories


@dataclass(frozen=True, eq=False)
class Bound:
    """Hold the chain of bounds at Δt, Δt/2 and Δt/4, and how far the assumptions hold."""

    value: float  # L_upper over L, at the network's own Δt
    chains: tuple[Chain, ...]
    residual: float  # ‖r − D†f(s)‖² over ‖r − mean r‖², each summed over states: 0 if r = D†f(s)
    seen: float  # share of ‖r − mean r‖² that the readout sees
    width: float  # variance per unit of r around D†f(s), over σ²Δt: 1 in the paper's p(r|s)
    nonstationary: float  # Kolmogorov–Smirnov distance of waking places, first step against last: 0 if stationary
    by_chance: float  # its mean when first and last places are swapped at random: its value if waking is stationary
    errors: dict[str, float]  # standard errors over trajectories: of value and the other numbers
    sensitivity: dict[str, float]  # share below which singular values of D are left out → residual

    def __repr__(self) -> str:
        one = self.chains[0]
        chain = " ≤ ".join(f"{value:.3g}" for value in (one.loss, one.approximated, one.l3, one.upper))
        ratio = f"L_upper is {self.value:.3g} ± {self.errors['value']:.1g} times L"
        return f"{ratio}: {chain}; r is {self.residual:.2f} of its variance away from D†f(s)"


@checked
def bound(run: Run, *, trajectories: Several = 100, sigma: Strength | None = None) -> Bound:
    """Measure each inequality and assumption of Eqs. 3 to 13 along waking.

    At Δt/2 and Δt/4, σ, τ and the inputs' rate stay: the input of a coarse step is given throughout its finer steps.

    Args:
        sigma: σ awake [s^-1/2]; None for the network's own.

    Raises:
        BadInput: the run has no task, or the memory is too small.
        DamagedData: activity does not stay finite.
    """
    states = trajectories * len(range(_APART, _LONG, _APART))
    at_once = 2 * _DRAWS * states * run.network.n_units  # each draw of a step's noise, and the update with it
    Probe(run, "bound", sigma).require_memory(trajectories, "numbers of trajectories", others=at_once)
    chains, coarse = [], {}
    with asking():
        for halving in HALVINGS:
            awake = _Awake(Probe(run, "bound", sigma), trajectories, halving)
            each = awake.terms()
            chains.append(_chain(awake.probe.dt, each))
            if halving == 1:
                coarse, assumed, (nonstationary, by_chance, unsure) = each, awake.assumptions(), awake.nonstationary()
    numbers: dict[str, _OfKept] = {"value": partial(_share, coarse["upper"], coarse["loss"]), **assumed[_CUT]}
    errors = {name: float(jackknife(of, trajectories)) for name, of in numbers.items()}
    every = np.ones(trajectories, dtype=bool)
    values = {name: of(every) for name, of in numbers.items()}
    return Bound(
        values["value"],
        tuple(chains),
        values["residual"],
        values["seen"],
        values["width"],
        nonstationary,
        by_chance,
        {**errors, "nonstationary": unsure},
        {f"singular values below {cut:g} left out": of["residual"](every) for cut, of in assumed.items()},
    )


def _chain(dt: float, each: Mapping[str, Array]) -> Chain:
    """Means and standard errors over trajectories of the terms of each (B)."""
    errors = {name: float(values.std(ddof=1) / math.sqrt(len(values))) for name, values in each.items()}
    return Chain(dt, **{name: float(values.mean()) for name, values in each.items()}, errors=errors)


class _Awake:
    """Waking states every few steps, with the position of each and the move of the next step."""

    def __init__(self, probe: Probe, trajectories: int, halving: int):
        self.probe, self.halving = probe, halving
        probe.dt = probe.dt / halving
        self.noise = probe.source(f"draws/{halving}")
        batch = probe.sample(trajectories, _LONG, probe.source("task"))
        state, source = probe.network.initial_state(batch.start), probe.source(f"noise/{halving}")
        inputs, self.states, self.inputs = batch.inputs.repeat_interleave(halving, 1), [], []
        times = range(_APART, _LONG, _APART)
        for time in times:
            span = slice((time - _APART) * halving, time * halving)
            state = probe.go(state, _APART * halving, 1.0, source, inputs[:, span])
            self.states.append(state)
            self.inputs.append(batch.inputs[:, time])
        positions = batch.positions.double()
        space = probe.task.space
        self.places = torch.cat([positions[:, time - 1] for time in times])
        self.moves = torch.cat([space.difference(positions[:, time], positions[:, time - 1]) for time in times]) / halving
        self.ends = positions[:, 0], positions[:, -1]
        self.readout, bias = probe.network.decoder.weight.double(), probe.network.decoder.bias
        self.bias = 0.0 if bias is None else bias.double()

    def terms(self) -> dict[str, Array]:
        """The loss of the next step and its bounds, mean over the states of each trajectory (B), by name in `Chain`."""
        probe, (signals, rest) = self.probe, self._updates()
        state = torch.cat(self.states)
        wanted, after = self._wanted(self.places), self._wanted(self.places + self.moves)
        change = _slope(probe, self.places, self.moves)
        rates, d = probe.network.cell.rates(state).double(), self.readout.mT
        drawn = torch.randn(_DRAWS, *rates.shape, generator=self.noise, dtype=state.dtype).double()
        draws = drawn * probe.noise.sigma * math.sqrt(probe.dt)
        denoised = rest + draws  # Δr₁ + ση
        signal = (change - signals @ d).norm(dim=-1)
        off = wanted - (rates + denoised) @ d
        loss = (after - (rates + signals + denoised) @ d).norm(dim=-1).mean(0)
        expanded = (change - signals @ d + off).norm(dim=-1).mean(0)
        split = signal + off.norm(dim=-1).mean(0)
        approximated = signal + (denoised @ d).norm(dim=-1).mean(0)
        size, largest = denoised.norm(dim=-1), float(torch.linalg.matrix_norm(self.readout, 2))
        l3, upper = signal + largest * size.mean(0), signal + largest * (size**2).mean(0).sqrt()
        means = {
            "loss": loss, "expanded": expanded, "split": split, "approximated": approximated, "l3": l3, "upper": upper,
            "signal": signal,
        }  # fmt: skip
        ordered = {
            "split_holds": (expanded, split), "approximated_holds": (split, approximated), "l3_holds": (approximated, l3),
            "upper_holds": (l3, upper), "loss_below_upper": (loss, upper),
        }  # fmt: skip
        means |= {name: (less <= more * (1 + 1e-9)).double() for name, (less, more) in ordered.items()}
        return {name: self._of_trajectories(values) / len(self.states) for name, values in means.items()}

    def _wanted(self, places: Tensor) -> Tensor:
        """What D r has to be at places, (states, P) → (states, O): f(s), less the readout's bias."""
        return self.probe.encode(places).double() - self.bias

    def _of_trajectories(self, values: Tensor) -> Array:
        """Sums over the states of each trajectory, (states) → (B)."""
        summed: Array = values.reshape(len(self.states), -1).sum(0).numpy()
        return summed

    def _updates(self) -> tuple[Tensor, Tensor]:
        """Δr₂ and Δr₁ of the rates, (B, N) each: what the input adds to the update, and the update without input."""
        cell, state, inputs = self.probe.network.cell, torch.cat(self.states), torch.cat(self.inputs)
        steps = []
        for given in (inputs, torch.zeros_like(inputs)):
            after = state + cell.drift(state, cell.project(given[:, None])[:, 0]) * self.probe.dt
            steps.append((cell.rates(after) - cell.rates(state)).double())
        return steps[0] - steps[1], steps[1]

    def assumptions(self) -> dict[float, dict[str, _OfKept]]:
        """The assumptions about r, as functions of the trajectories kept, by the share below which D is cut.

        residual: how far r is from D†f(s); seen: share of the variance of r that the readout sees; width: variance of r
        around D†f(s) over σ²Δt.
        """
        rates = self.probe.network.cell.rates(torch.cat(self.states)).double()
        wanted = self._wanted(self.places)
        centred, step = rates - rates.mean(0), self.probe.noise.sigma**2 * self.probe.dt
        _, sizes, directions = torch.linalg.svd(self.readout, full_matrices=False)
        total = self._of_trajectories((centred**2).sum(1))
        found: dict[float, dict[str, _OfKept]] = {}
        for cut in (_CUT, *_OTHER_CUTS):
            visible = centred @ directions[sizes > cut * sizes[0]].mT
            seen = self._of_trajectories((visible**2).sum(1))
            away = self._of_trajectories(((rates - wanted @ torch.linalg.pinv(self.readout, rtol=cut).mT) ** 2).sum(1))
            numbers = len(self.states) * rates.shape[1]  # of a trajectory
            found[cut] = {
                "residual": partial(_share, away, total),
                "seen": partial(_share, seen, total),
                "width": partial(_share, away, np.full_like(total, numbers * step or math.nan)),
            }
        return found

    def nonstationary(self) -> tuple[float, float, float]:
        """The greatest gap between the distributions of places after the first and the last step, over coordinates.

        Returned with its mean when the two places of each trajectory are swapped at random (its value if waking is
        stationary), and with its standard error from a bootstrap.
        """
        first, last = (self.probe.course.place(positions.numpy()) for positions in self.ends)
        draws = numpy_stream(self.probe.run.seed, of_theory("bound", f"{self.probe.run.name}/places"))
        swaps = draws.random((NULLS, len(first), 1)) < 0.5
        by_chance = [_gap(np.where(swap, last, first), np.where(swap, first, last)) for swap in swaps]
        again = [_gap(first[which], last[which]) for which in draws.integers(len(first), size=(BOOTSTRAPS, len(first)))]
        return _gap(first, last), float(np.mean(by_chance)), float(np.std(again, ddof=1))


def _share(part: Array, whole: Array, kept: NDArray[np.bool_]) -> float:
    return float(part[kept].sum() / whole[kept].sum())


def _gap(first: Array, last: Array) -> float:
    """The greatest difference of two cumulative distributions (Kolmogorov–Smirnov), of places (B, E), over coordinates."""
    gaps = []
    for one, other in zip(first.T, last.T, strict=True):
        at = np.concatenate((one, other))
        shares = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (one, other)]
        gaps.append(float(np.abs(shares[0] - shares[1]).max()))
    return max(gaps)


def _slope(probe: Probe, places: Tensor, moves: Tensor) -> Tensor:
    """df/ds Δs (B, O), by the centred difference over the move itself; its error is of third order in the move."""
    ahead, behind = (probe.encode(places + sign * moves / 2).double() for sign in (1, -1))
    return ahead - behind
