"""Univariate families on the integers."""

from __future__ import annotations

import torch.distributions as td

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family

__all__ = [
    "Geometric",
    "NegativeBinomial",
]


@torch_family
class Geometric(td.Geometric, TorchDistribution):
    r""":math:`P(k) = (1-p)^k p`

    ``probs`` in (0, 1] or ``logits`` real; :math:`k = 0, 1, \dots` failures before the first
    success.
    """


@torch_family
class NegativeBinomial(td.NegativeBinomial, TorchDistribution):
    r""":math:`P(k) = \binom{k+r-1}{k} p^k (1-p)^r`

    ``total_count`` :math:`r` nonnegative, ``probs`` in [0, 1) or ``logits`` real; :math:`k =
    0, 1, \dots`.
    """
