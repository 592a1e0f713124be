"""The GRU's loop (Eqs. A.3–A.5) as one autograd function: states in place, weight gradients as one product each.

Axes: T steps, B trajectories, N units; `...` may be a stack of networks. With a = Δt/τ:
r_{t+1} = r_t + a (1 − z) (c − r_t) + noise_t, c = φ(W_r (g r_t) + u_c), z and g sigmoids of W_z r_t + u_z and W_g r_t + u_g.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from reactivation.network.cells.gru import GRU
from reactivation.network.kernels.activations import in_place, slope_of
from reactivation.network.kernels.products import plain_gradients, weight_gradient


def loop(cell: GRU, state: Tensor, projected: Tensor, noises: Iterable[Tensor], dt: float) -> tuple[Tensor, Tensor]:
    """The same as `dynamics.plain_loop`."""
    gates, candidate, u = cell.gates, cell.candidate, projected
    if gates.bias is not None and candidate.bias is not None:
        u = u + torch.cat((gates.bias, candidate.bias), dim=-1).unsqueeze(-2)
    rates = _Loop.apply(  # type: ignore[no-untyped-call]  # torch has no types for it
        state, gates.weight, candidate.weight, u, noises, cell.phi, dt / cell.tau
    )
    return rates, rates[..., -1, :]


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, r0: Tensor, w_gates: Tensor, w_candidate: Tensor, u: Tensor, noises: Iterable[Tensor], phi: Any, a: float
    ) -> Tensor:
        steps, n, phi_ = u.shape[-2], r0.shape[-1], in_place(phi)
        r = r0.new_empty(steps + 1, *r0.shape)
        gates = r0.new_empty(steps, *r0.shape[:-1], 2 * n)
        gated, c = (r0.new_empty(steps, *r0.shape) for _ in range(2))
        r[0] = r0
        for t, noise in zip(range(steps), noises, strict=True):
            torch.matmul(r[t], w_gates.mT, out=gates[t])
            z, g = gates[t].add_(u[..., t, : 2 * n]).sigmoid_().chunk(2, dim=-1)
            torch.mul(g, r[t], out=gated[t])
            torch.matmul(gated[t], w_candidate.mT, out=c[t])
            phi_(c[t].add_(u[..., t, 2 * n :]))
            torch.sub(c[t], r[t], out=r[t + 1]).mul_(1 - z).mul_(a).add_(r[t]).add_(noise)
        ctx.save_for_backward(r, gates, gated, c, w_gates, w_candidate, r0, u)
        ctx.slope, ctx.phi, ctx.a = slope_of(phi), phi, a
        return r[1:].movedim(0, -2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        r, gates, gated, c, w_gates, w_candidate, r0, u = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be derived in its turn, which arrays in place cannot be
            z = gates.chunk(2, dim=-1)[0]
            noises = (r[1:] - r[:-1] - ctx.a * (1 - z) * (c - r[:-1])).detach()
            return *plain_gradients(_plain, (r0, w_gates, w_candidate, u), noises, ctx, gradient), None, None, None
        n, by_step = r.shape[-1], gradient.movedim(-2, 0)
        pre = r.new_empty(len(c), *r.shape[1:-1], 3 * n)  # gradients of the three sums that enter a nonlinearity
        back = torch.zeros_like(r[0])
        for t in range(len(c) - 1, -1, -1):
            back += by_step[t]
            z, g = gates[t].chunk(2, dim=-1)
            pre_z, pre_g, pre_c = pre[t].chunk(3, dim=-1)
            open_ = (1 - z).mul_(ctx.a)  # a (1 − z)
            torch.mul(ctx.slope(back, c[t]), open_, out=pre_c)
            into_gated = torch.matmul(pre_c, w_candidate)
            torch.mul((r[t] - c[t]).mul_(back).mul_(open_), z, out=pre_z)  # dz/dx = z (1 − z), and a (1 − z) is at hand
            torch.mul(into_gated * r[t], g * (1 - g), out=pre_g)
            into_r = torch.matmul(pre[t][..., : 2 * n], w_gates)
            back = into_r.addcmul_(back, 1 - open_).addcmul_(into_gated, g)
        gate_gradient = weight_gradient(pre[..., : 2 * n], r[:-1], w_gates)
        candidate_gradient = weight_gradient(pre[..., 2 * n :], gated, w_candidate)
        return back, gate_gradient, candidate_gradient, pre.movedim(0, -2), None, None, None


def _plain(r0: Tensor, w_gates: Tensor, w_candidate: Tensor, u: Tensor, noises: Tensor, phi: Any, a: float) -> Tensor:
    """The same rates by operations that can be derived any number of times."""
    r, rates, n = r0, [], r0.shape[-1]
    for u_t, noise in zip(u.unbind(-2), noises, strict=True):
        z, g = torch.sigmoid(r @ w_gates.mT + u_t[..., : 2 * n]).chunk(2, dim=-1)
        r = r + a * (1 - z) * (phi((g * r) @ w_candidate.mT + u_t[..., 2 * n :]) - r) + noise
        rates.append(r)
    return torch.stack(rates, dim=-2)
