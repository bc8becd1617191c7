"""Univariate families on a bounded interval."""

from __future__ import annotations

import torch.distributions as td
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric, tensor_like

__all__ = [
    "ContinuousBernoulli",
    "Kumaraswamy",
    "RelaxedBernoulli",
]


@torch_family
class ContinuousBernoulli(td.ContinuousBernoulli, TorchDistribution):
    r""":math:`f(x) = C(p)\, p^x (1-p)^{1-x}`

    ``probs`` in (0, 1) or ``logits`` real; :math:`x \in [0, 1]`.
    """


@torch_family
class Kumaraswamy(td.Kumaraswamy, TorchDistribution):
    r""":math:`f(x) = a b\, x^{a-1}(1-x^a)^{b-1}`

    ``concentration1`` :math:`a`, ``concentration0`` :math:`b` positive; :math:`x \in [0, 1]`.
    """


@torch_family
class RelaxedBernoulli(td.RelaxedBernoulli, TorchDistribution):
    r""":math:`x = \sigma\left((\ell + \log u - \log(1-u))/t\right),\quad u \sim U(0,1)`

    ``temperature`` positive, ``probs`` in [0, 1] or ``logits`` :math:`\ell` real; :math:`x
    \in (0, 1)`.
    """

    arg_constraints = {**td.RelaxedBernoulli.arg_constraints, "temperature": tc.positive}

    def __init__(
        self,
        temperature: Numeric,
        probs: Numeric = None,
        logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("RelaxedBernoulli takes either `probs` or `logits`, and not both")
        given = tensor_like(logits if probs is None else probs)
        temperature = tensor_like(temperature, given)
        if probs is None:
            super().__init__(temperature, logits=given, validate_args=validate_args)
        else:
            super().__init__(temperature, probs=given, validate_args=validate_args)
