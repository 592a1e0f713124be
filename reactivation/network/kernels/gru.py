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
from reactivation.network.kernels.products import plain_gradients, take_in, weight_gradient


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
        w, w_c = w_gates.mT, w_candidate.mT
        r = r0.new_empty(steps + 1, *r0.shape)
        gates = r0.new_empty(steps, *r0.shape[:-1], 2 * n)
        gated, c = (r0.new_empty(steps, *r0.shape) for _ in range(2))
        r[0] = r0
        each, by_step = r.unbind(0), (x.unbind(0) for x in (gates, *gates.chunk(2, dim=-1), gated, c))
        into = (x.unbind(-2) for x in (u[..., : 2 * n], u[..., 2 * n :]))
        for noise, u_t, u_c, gates_t, z, g, gated_t, c_t, now, after in zip(
            noises, *into, *by_step, each[:-1], each[1:], strict=True
        ):
            take_in(u_t, now, w, out=gates_t).sigmoid_()
            phi_(take_in(u_c, torch.mul(g, now, out=gated_t), w_c, out=c_t))
            torch.sub(c_t, now, out=after).addcmul_(after, z, value=-1)  # (1 − z) (c − r)
            torch.add(now, after, alpha=a, out=after).add_(noise)
        ctx.save_for_backward(r, gates, gated, c, w_gates, w_candidate, r0, u)
        ctx.slope, ctx.phi, ctx.a = slope_of(phi), phi, a
        return r[1:].movedim(0, -2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        r, gates, gated, c, w_gates, w_candidate, r0, u = ctx.saved_tensors
        if torch.is_grad_enabled():  # second derivatives, which arrays written in place do not allow
            z = gates.chunk(2, dim=-1)[0]
            noises = (r[1:] - r[:-1] - ctx.a * (1 - z) * (c - r[:-1])).detach()
            return *plain_gradients(_plain, (r0, w_gates, w_candidate, u), noises, ctx, gradient), None, None, None
        n, a = r.shape[-1], ctx.a
        pre = r.new_empty(len(c), *r.shape[1:-1], 3 * n)  # gradients of the three sums that enter a nonlinearity
        back, spare, into_gated, product = (torch.zeros_like(r0) for _ in range(4))  # back: a times the gradient of r
        in_order = (r[:-1], c, *gates.chunk(2, dim=-1), pre[..., : 2 * n], *pre.chunk(3, dim=-1))
        for gradient_t, r_t, c_t, z, g, pre_gates, pre_z, pre_g, pre_c in zip(
            reversed(gradient.unbind(-2)), *(reversed(x.unbind(0)) for x in in_order), strict=True
        ):
            sloped = ctx.slope(back.add_(gradient_t, alpha=a), c_t, product)
            torch.addcmul(sloped, sloped, z, value=-1, out=pre_c)
            torch.matmul(pre_c, w_candidate, out=into_gated)
            torch.ops.aten.sigmoid_backward(torch.sub(r_t, c_t, out=product).mul_(back), z, grad_input=pre_z)
            torch.ops.aten.sigmoid_backward(torch.mul(into_gated, r_t, out=product), g, grad_input=pre_g)
            take_in(back, pre_gates, w_gates, out=spare, keep=1 - a, by=a)
            back, spare = spare.addcmul_(back, z, value=a).addcmul_(into_gated, g, value=a), back
        gate_gradient = weight_gradient(pre[..., : 2 * n], r[:-1], w_gates)
        candidate_gradient = weight_gradient(pre[..., 2 * n :], gated, w_candidate)
        return back / a, gate_gradient, candidate_gradient, pre.movedim(0, -2), None, None, None


def _plain(r0: Tensor, w_gates: Tensor, w_candidate: Tensor, u: Tensor, noises: Tensor, phi: Any, a: float) -> Tensor:
    """The same rates by operations that can be differentiated any number of times."""
    r, rates, n = r0, [], r0.shape[-1]
    for u_t, noise in zip(u.unbind(-2), noises, strict=True):
        z, g = torch.sigmoid(r @ w_gates.mT + u_t[..., : 2 * n]).chunk(2, dim=-1)
        r = r + a * (1 - z) * (phi((g * r) @ w_candidate.mT + u_t[..., 2 * n :]) - r) + noise
        rates.append(r)
    return torch.stack(rates, dim=-2)
