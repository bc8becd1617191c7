"""Univariate families on a bounded interval."""

from __future__ import annotations

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric, tensor_like
from pyro.ops.special import log_power

__all__ = [
    "ContinuousBernoulli",
    "Kumaraswamy",
    "RelaxedBernoulli",
]


@torch_family
class ContinuousBernoulli(td.ContinuousBernoulli, TorchDistribution):
    r""":math:`f(x) = C(p)\, p^x (1-p)^{1-x}, \quad C(p) = \frac{2\, \mathrm{artanh}(1 - 2p)}{1 -
    2p}, \quad C(\tfrac12) = 2, \qquad 0 \le x \le 1`

    Intensities, such as those of the pixels of an image.  See Loaiza-Ganem and Cunningham (2019),
    *The Continuous Bernoulli: Fixing a Pervasive Error in Variational Autoencoders*, equation 6.

    :param probs: :math:`p`, in (0, 1), of the batch shape.
    :param logits: :math:`\log(p / (1 - p))`, real, of the batch shape, instead of ``probs``.
    :param lims: Between these two numbers :math:`C(p)` comes from its Taylor series about one half.

    Example::

        >>> d = dist.ContinuousBernoulli(torch.tensor([0.2, 0.5]))
        >>> d.mean, d.log_prob(torch.tensor(0.25))
        (tensor([0.3880, 0.5000]), tensor([0.2677, 0.0000]))
    """


@torch_family
class Kumaraswamy(td.Kumaraswamy, TorchDistribution):
    r""":math:`f(x) = a b\, x^{a-1} (1 - x^a)^{b-1}, \qquad 0 \le x \le 1`

    Nearly a beta law, with distribution function and draws in closed form.  See Kumaraswamy (1980),
    *A Generalized Probability Density Function for Double-Bounded Random Processes*, J. Hydrology
    46.

    :param concentration1: :math:`a`, positive.
    :param concentration0: :math:`b`, positive.  Both broadcast to the batch shape.

    Example::

        >>> d = dist.Kumaraswamy(torch.tensor([1.0, 2.0]), 3.0)
        >>> d.mean, d.log_prob(torch.tensor(0.5))
        (tensor([0.2500, 0.4571]), tensor([-0.2877,  0.5232]))
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; exact next to the ends."""
        value = self._scored(value)
        a, b = self.concentration1, self.concentration0
        rest = -(a * value.clamp(min=torch.finfo(value.dtype).tiny).log()).expm1()
        return log_power(a - 1, value) + log_power(b - 1, rest) + (a.log() + b.log())


@torch_family
class RelaxedBernoulli(td.RelaxedBernoulli, TorchDistribution):
    r""":math:`f(x) = \frac{t\, e^\ell\, x^{-t-1} (1-x)^{-t-1}} {\left(e^\ell x^{-t} +
    (1-x)^{-t}\right)^2}, \qquad 0 < x < 1`

    A differentiable stand-in for a Bernoulli variable, which it becomes as :math:`t \to 0`.  See
    Maddison, Mnih and Teh (2017), *The Concrete Distribution*, appendix B.

    :param temperature: :math:`t`, positive.
    :param probs: The probability of success, in (0, 1), where :math:`\ell` is its log odds.
    :param logits: :math:`\ell`, real, instead of ``probs``.  All broadcast to the batch shape.
    :raises ValueError: unless exactly one of ``probs`` and ``logits`` is given.

    Example::

        >>> d = dist.RelaxedBernoulli(torch.tensor(0.5), probs=torch.tensor([0.2, 0.5]))
        >>> d.log_prob(torch.tensor(0.9))
        tensor([-0.9302,  0.0408])
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
