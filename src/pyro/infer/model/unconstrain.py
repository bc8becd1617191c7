"""Run a program with latent values given in unconstrained coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import biject_to

from pyro.ops.shapes import sum_rightmost
from pyro.poutine.messenger import Messenger
from pyro.poutine.sites import is_latent
from pyro.runtime import Message


class UnconstrainMessenger(Messenger):
    r"""Give latent sites the values :math:`x = T(u)`, and note :math:`\log|\det T'(u)|`.

    :math:`T` is the bijection to the support that the site has *in this run*, so supports may
    depend on other latents. :math:`\log p(x) + \log|\det T'(u)|` is the density of :math:`u`.

    :param values: :math:`u`, by name of site; leading batch dims are allowed.
    :param densities: Whether ``log_dets`` are wanted.

    Example::

        >>> from pyro.infer.model.unconstrain import UnconstrainMessenger
        >>> with UnconstrainMessenger({"x": torch.tensor(0.0)}) as given:
        ...     x = pyro.sample("x", dist.Uniform(0.0, 4.0))
        >>> x, given.log_dets["x"]  # 4 * sigmoid(0), log(4 * sigmoid'(0))
        (tensor(2.), tensor(0.))
    """

    def __init__(self, values: Mapping[str, Tensor], densities: bool = True) -> None:
        self.values = values
        self.densities = densities
        self.constrained: dict[str, Tensor] = {}
        self.log_dets: dict[str, Tensor] = {}

    def _pyro_sample(self, msg: Message) -> None:
        u = self.values.get(msg["name"])
        if u is None or msg["done"] or not is_latent(msg):
            return
        transform = biject_to(msg["fn"].support)
        value = transform(u)
        if self.densities:
            self.log_dets[msg["name"]] = log_det(transform, u, value, msg["fn"].event_dim)
        self.constrained[msg["name"]] = value
        msg["value"] = value
        msg["done"] = True


def log_det(transform: Any, u: Tensor, value: Tensor, event_dim: int) -> Tensor:
    r""":math:`\log|\det T'(u)|` for each element of the batch of a site.

    :param event_dim: That of the site's distribution; the transform's own may be smaller.
    """
    result: Tensor = transform.log_abs_det_jacobian(u, value)
    surplus = event_dim - transform.codomain.event_dim
    return sum_rightmost(result, surplus) if result.dim() >= surplus else result


def to_unconstrained(fn: Any, value: Tensor) -> Tensor:
    """The unconstrained coordinates of a value of a site."""
    with torch.no_grad():
        u: Tensor = biject_to(fn.support).inv(value)
    return u
