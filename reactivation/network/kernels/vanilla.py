"""The vanilla cell's loop (Eq. A.1) as one autograd function: states in place, weight gradients as one product.

Axes: T steps, B trajectories, N units; `...` may be a stack of networks. With a = Δt/τ and h_t = φ(W r_t + u_t):
r_{t+1} = (1 − a) r_t + a h_t + noise_t.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from reactivation.network.cells.vanilla import Vanilla
from reactivation.network.kernels.activations import in_place, slope_of
from reactivation.network.kernels.products import plain_gradients, take_in, weight_gradient


def loop(cell: Vanilla, state: Tensor, projected: Tensor, noises: Iterable[Tensor], dt: float) -> tuple[Tensor, Tensor]:
    """The same as `dynamics.plain_loop`."""
    recurrent = cell.recurrent
    u = projected if recurrent.bias is None else projected + recurrent.bias.unsqueeze(-2)
    rates = _Loop.apply(  # type: ignore[no-untyped-call]  # torch has no types for it
        state, recurrent.weight, u, noises, cell.phi, dt / cell.tau
    )
    return rates, rates[..., -1, :]


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, r0: Tensor, weight: Tensor, u: Tensor, noises: Iterable[Tensor], phi: Any, a: float) -> Tensor:
        steps, phi_, w = u.shape[-2], in_place(phi), weight.mT
        r = r0.new_empty(steps + 1, *r0.shape)
        h = r0.new_empty(steps, *r0.shape)
        r[0] = r0
        each = r.unbind(0)
        for noise, u_t, h_t, now, after in zip(noises, u.unbind(-2), h.unbind(0), each[:-1], each[1:], strict=True):
            phi_(take_in(u_t, now, w, out=h_t))
            torch.add(noise, now, alpha=1 - a, out=after).add_(h_t, alpha=a)
        ctx.save_for_backward(r, h, weight, r0, u)
        ctx.slope, ctx.phi, ctx.a = slope_of(phi), phi, a
        return r[1:].movedim(0, -2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        r, h, weight, r0, u = ctx.saved_tensors
        if torch.is_grad_enabled():  # second derivatives, which arrays written in place do not allow
            noises = (r[1:] - (1 - ctx.a) * r[:-1] - ctx.a * h).detach()
            return *plain_gradients(_plain, (r0, weight, u), noises, ctx, gradient), None, None, None
        pre = torch.empty_like(h)  # gradient of W r + u
        g, spare = torch.zeros_like(r0), torch.empty_like(r0)  # a times the gradient of r
        in_order = (gradient.unbind(-2), h.unbind(0), pre.unbind(0))
        for gradient_t, h_t, pre_t in zip(*map(reversed, in_order), strict=True):
            ctx.slope(g.add_(gradient_t, alpha=ctx.a), h_t, pre_t)
            g, spare = take_in(g, pre_t, weight, out=spare, keep=1 - ctx.a, by=ctx.a), g
        return g / ctx.a, weight_gradient(pre, r[:-1], weight), pre.movedim(0, -2), None, None, None


def _plain(r0: Tensor, weight: Tensor, u: Tensor, noises: Tensor, phi: Any, a: float) -> Tensor:
    """The same rates by operations that can be differentiated any number of times."""
    r, rates = r0, []
    for u_t, noise in zip(u.unbind(-2), noises, strict=True):
        r = (1 - a) * r + a * phi(r @ weight.mT + u_t) + noise
        rates.append(r)
    return torch.stack(rates, dim=-2)
