"""A stable variable as a normal one of unknown mean and variance."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.stable import Stable
from pyro.infer.reparam.latent_stable import LatentStableReparam
from pyro.infer.reparam.rewriting import peel_to
from pyro.infer.reparam.stable_noise import draw_noise, stable_of_noise
from pyro.infer.reparam.symmetric_stable import SymmetricStableReparam, normal_scale
from pyro.poutine.reparam_messenger import Reparam, ReparamMessage, ReparamResult

__all__ = ["LatentStableReparam", "StableReparam", "SymmetricStableReparam"]


class StableReparam(Reparam):
    r"""Write a Stable as the sum of a totally skewed and a symmetric one, which is made normal.

    The skewed part, of scale :math:`|\beta|^{1/\alpha}\sigma`, is a function of the auxiliary sites
    ``<name>_t_uniform`` and ``<name>_t_exponential``; the symmetric one, of scale
    :math:`(1-|\beta|)^{1/\alpha}\sigma`, is normal given ``<name>_z_uniform`` and
    ``<name>_z_exponential``. For latent and observed sites; at a skew of 1 nothing is left for the
    symmetric part, and the nearest skew below is used instead. Samorodnitsky and Taqqu (1994),
    *Stable Non-Gaussian Random Processes*, properties 1.2.1 and 1.2.3.

    :raises ReparamError: at a site of another family.

    Example::

        >>> from pyro.infer.reparam import StableReparam
        >>> def model(data):
        ...     return pyro.sample("x", dist.Stable(1.5, 0.5), obs=data)
        >>> reparam_model = poutine.reparam(model, {"x": StableReparam()})
        >>> trace = poutine.trace(reparam_model).get_trace(torch.tensor(0.3))
        >>> trace.stochastic_nodes
        ['x_z_uniform', 'x_z_exponential', 'x_t_uniform', 'x_t_exponential']
    """

    def apply(self, msg: ReparamMessage) -> ReparamResult:
        """Add the sites of the noises; the site becomes normal."""
        fn, wrap = peel_to(msg, self, Stable)
        name, alpha, scale = msg["name"], fn.stability, fn.scale
        z_share, t_share, shift = _shares(fn)
        z_scale = normal_scale(f"{name}_z", alpha, scale * z_share, wrap)
        noise = draw_noise(f"{name}_t", alpha, wrap)
        skewed = stable_of_noise(alpha, _sign(fn.skew), noise)
        loc = fn._center() + scale * (shift + t_share * skewed)
        new = wrap(Normal(loc, z_scale))
        return {"fn": new, "value": msg["value"], "is_observed": bool(msg["is_observed"])}


def _sign(x: Tensor) -> Tensor:
    return torch.where(x < 0, -torch.ones_like(x), torch.ones_like(x))


def _shares(fn: Any) -> tuple[Tensor, Tensor, Tensor]:
    r"""The scales of the two parts, and what is to be added to their locations.

    In the coordinates S0 that is :math:`\tan(\pi\alpha/2)\,(|\beta|^{1/\alpha} - |\beta|)`, with
    the sign of the skew; its limit at stability 1 is finite.
    """
    info = torch.finfo(fn.skew.dtype)
    alpha = fn.stability
    size = fn.skew.abs().clamp(min=info.tiny, max=1 - info.eps)
    log_size = size.log()
    eps = 1 - alpha
    x = log_size * eps / alpha
    growth = torch.where(x.abs() < 1e-4, 1 + x / 2, torch.expm1(x) / torch.where(x == 0, 1.0, x))
    slope = (2 / math.pi) * (eps * (math.pi / 2)).cos() / torch.sinc(eps / 2)
    shift = _sign(fn.skew) * slope * size * log_size / alpha * growth
    return (-size).log1p().div(alpha).exp(), (log_size / alpha).exp(), shift
