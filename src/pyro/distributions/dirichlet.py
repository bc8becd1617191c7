"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import torch.distributions as td
from torch import Tensor

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family


@torch_family
class Dirichlet(td.Dirichlet, TorchDistribution):
    r""":math:`f(x) \propto \prod_i x_i^{\alpha_i - 1}`

    ``concentration`` positive vectors; :math:`x` on the simplex.
    """

    def conjugate_update(self, other: Any) -> tuple[Dirichlet, Tensor]:
        """The product of two Dirichlet densities is a Dirichlet density times a constant."""
        if not isinstance(other, td.Dirichlet):
            raise NotImplementedError(f"Dirichlet.conjugate_update of {type(other).__name__}")
        updated = Dirichlet(self.concentration + other.concentration - 1)
        parts = [_log_normalizer(d.concentration) for d in (self, other, updated)]
        return updated, parts[0] + parts[1] - parts[2]


def _log_normalizer(concentration: Tensor) -> Tensor:
    return concentration.sum(-1).lgamma() - concentration.lgamma().sum(-1)
