"""The loss and its bounds (Eqs. 3 to 13), measured along waking; and what their derivation takes for granted.

The update of a trained network is split as Eq. 4 has it: Δr₁ is what it does without input, Δr₂ what the input adds. Each
step of the derivation is then a number, in the units of the outputs, from the same draws of the noise, so that what holds
for every draw holds here to rounding. Axes: K draws of a step's noise, B states, N units, O outputs, P dimensions.
"""

from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reactivation.analysis.run import Run
from reactivation.checks import Several, Strength, checked
from reactivation.theory.probe import Probe, asking

_LONG = 100  # steps of waking
_APART = 10  # steps between states that are looked at
_DRAWS = 8  # of the noise of a step, from each state
_CUT = 0.01  # singular values of D below this share of the largest are none of its pseudoinverse
HALVINGS = (1, 2, 4)  # Δt is divided by


class Chain(NamedTuple):
    """Hold the loss of one step and what bounds it, means over states; and how often a step of the derivation holds."""

    dt: float  # [s]
    loss: float  # Eq. 3
    expanded: float  # Eq. 7: f expanded to first order
    split: float  # Eq. 9: L₂
    approximated: float  # Eq. 11: L₂ with r = D†f(s)
    l3: float  # Eq. 12
    upper: float  # Eq. 13
    signal: float  # the term that all but the loss share (Eq. 17)
    split_holds: float  # share of states where Eq. 7 ≤ Eq. 9
    approximated_holds: float  # where Eq. 9 ≤ Eq. 11, which nothing says
    l3_holds: float  # where Eq. 11 ≤ Eq. 12
    upper_holds: float  # where Eq. 12 ≤ Eq. 13
    loss_below_upper: float  # where Eq. 3 ≤ Eq. 13


@dataclass(frozen=True, eq=False)
class Bound:
    """Hold the chain of bounds at Δt and at halves of it, and how far the assumptions hold."""

    value: float  # L_upper over L, at the network's own Δt
    chains: tuple[Chain, ...]
    residual: float  # ‖r − D†f(s)‖² over ‖r − mean r‖², sums over states: 0 if r = D†f(s)
    seen: float  # share of ‖r − mean r‖² that the readout sees
    width: float  # variance per unit of r around D†f(s), over σ²Δt: 1 in the paper's p(r|s)
    nonstationary: float  # Kolmogorov–Smirnov distance of places awake, first step against last: 0 if stationary

    def __repr__(self) -> str:
        one = self.chains[0]
        chain = " ≤ ".join(f"{value:.3g}" for value in (one.loss, one.approximated, one.l3, one.upper))
        return f"L_upper is {self.value:.3g} times L: {chain}; r is {self.residual:.2f} of its variance away from D†f(s)"


@checked
def bound(run: Run, *, trajectories: Several = 100, sigma: Strength | None = None) -> Bound:
    """Measure each inequality and assumption of Eqs. 3 to 13 along waking.

    Halves of Δt keep σ, τ and the inputs' rate: the network sees the Δs of the coarse step for as long as that takes.

    Args:
        sigma: σ awake [s^-1/2]; None for the network's own.

    Raises:
        DamagedData: activity does not stay finite.
    """
    chains = []
    with asking():
        for halving in HALVINGS:
            awake = _Awake(Probe(run, "bound", sigma), trajectories, halving)
            chains.append(awake.chain())
            if halving == 1:
                residual, seen, width = awake.assumption()
                nonstationary = awake.nonstationary()
    return Bound(chains[0].upper / chains[0].loss, tuple(chains), residual, seen, width, nonstationary)


class _Awake:
    """States of waking every few steps, with where they are and where the next step leads."""

    def __init__(self, probe: Probe, trajectories: int, halving: int):
        self.probe, self.halving = probe, halving
        probe.dt = probe.dt / halving
        self.noise = probe.source(f"draws/{halving}")
        batch = probe.task.sample(trajectories, _LONG, probe.source("task"))
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
        self.readout = probe.network.decoder.weight.double()

    def chain(self) -> Chain:
        """The loss of the next step and its bounds."""
        probe, (signals, rest) = self.probe, self._updates()
        state = torch.cat(self.states)
        wanted = probe.task.encode(self.places.float()).double()
        after = probe.task.encode((self.places + self.moves).float()).double()
        change = _slope(probe, self.places, self.moves)
        draws = torch.randn(_DRAWS, *state.shape, generator=self.noise).double() * probe.noise.sigma * math.sqrt(probe.dt)
        denoised = rest + draws  # Δr₁ + ση
        rates, d = state.double(), self.readout.mT
        signal = (change - signals @ d).norm(dim=-1)
        off = wanted - (rates + denoised) @ d
        loss = (after - (rates + signals + denoised) @ d).norm(dim=-1).mean(0)
        expanded = (change - signals @ d + off).norm(dim=-1).mean(0)
        split = signal + off.norm(dim=-1).mean(0)
        approximated = signal + (denoised @ d).norm(dim=-1).mean(0)
        size, largest = denoised.norm(dim=-1), float(torch.linalg.matrix_norm(self.readout, 2))
        l3, upper = signal + largest * size.mean(0), signal + largest * (size**2).mean(0).sqrt()
        values = [float(one.mean()) for one in (loss, expanded, split, approximated, l3, upper, signal)]
        pairs = ((expanded, split), (split, approximated), (approximated, l3), (l3, upper), (loss, upper))
        holds = [float((less <= more * (1 + 1e-9)).double().mean()) for less, more in pairs]
        return Chain(probe.dt, *values, *holds)

    def _updates(self) -> tuple[Tensor, Tensor]:
        """Δr₂ and Δr₁ of the rates, (B, N) each: what the input adds to a step, and what there is without."""
        cell, state, inputs = self.probe.network.cell, torch.cat(self.states), torch.cat(self.inputs)
        steps = []
        for given in (inputs, torch.zeros_like(inputs)):
            after = state + cell.drift(state, cell.project(given[:, None])[:, 0]) * self.probe.dt
            steps.append((cell.rates(after) - cell.rates(state)).double())
        return steps[0] - steps[1], steps[1]

    def assumption(self) -> tuple[float, float, float]:
        """How far r is from D†f(s), how much of it the readout sees, and its variance around D†f(s) over σ²Δt."""
        rates = self.probe.network.cell.rates(torch.cat(self.states)).double()
        wanted = self.probe.task.encode(self.places.float()).double()
        away = ((rates - wanted @ torch.linalg.pinv(self.readout, rtol=_CUT).mT) ** 2).sum()
        centred = rates - rates.mean(0)
        _, sizes, directions = torch.linalg.svd(self.readout, full_matrices=False)
        visible = centred @ directions[sizes > _CUT * sizes[0]].mT
        step = self.probe.noise.sigma**2 * self.probe.dt
        per_unit = float(away) / rates.numel()
        total = float((centred**2).sum())
        return float(away) / total, float((visible**2).sum()) / total, per_unit / step if step else math.nan

    def nonstationary(self) -> float:
        """The greatest gap between the distributions of places after the first and the last step, over coordinates."""
        first, last = (self.probe.course.place(positions.numpy()).T for positions in self.ends)
        return max(_gap(one, other) for one, other in zip(first, last, strict=True))


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    """The greatest difference of two cumulative distributions (Kolmogorov–Smirnov)."""
    at = np.concatenate((one, other))
    shares = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _slope(probe: Probe, places: Tensor, moves: Tensor) -> Tensor:
    """df/ds Δs (B, O), by the centred difference over the move itself, which errs in its third order."""
    ahead, behind = (probe.task.encode((places + sign * moves / 2).float()).double() for sign in (1, -1))
    return ahead - behind
