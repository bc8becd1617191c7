"""Families over vectors and matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributions as td
from torch.distributions import constraints as tc

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

__all__ = [
    "LKJCholesky",
    "LogisticNormal",
    "Multinomial",
    "MultivariateNormal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "RelaxedOneHotCategorical",
]


@torch_family
class LKJCholesky(td.LKJCholesky, TorchDistribution):
    r""":math:`f(L) \propto \det(L L^\top)^{\eta-1}\ \text{as a law of correlation matrices}`

    ``dim`` at least 2, ``concentration`` :math:`\eta` positive; :math:`L` Cholesky factors of
    correlation matrices.
    """


@torch_family
class LogisticNormal(td.LogisticNormal, TorchDistribution):
    r""":math:`x = \mathrm{stick\ breaking}(y),\quad y \sim \mathcal N(\mu, \sigma)`

    ``loc`` real, ``scale`` positive, both of last dimension :math:`n-1`; :math:`x` on the
    simplex of :math:`n` entries.
    """

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """The event has one entry more than ``loc`` and ``scale``."""
        shape = broadcast_shape(*(tuple(shape) for shape in arg_shapes.values()))
        return shape[:-1], torch.Size((shape[-1] + 1,))


@torch_family
class Multinomial(td.Multinomial, TorchDistribution):
    r""":math:`P(k) = \frac{n!}{\prod_i k_i!} \prod_i p_i^{k_i}`

    ``total_count`` :math:`n` an int, ``probs`` or ``logits`` as in Categorical; :math:`k`
    counts that sum to :math:`n`.
    """


@torch_family
class MultivariateNormal(td.MultivariateNormal, TorchDistribution):
    r""":math:`f(x) \propto \exp(-\tfrac12 (x-\mu)^\top \Sigma^{-1} (x-\mu))`

    ``loc`` real (n), and one of ``covariance_matrix``, ``precision_matrix`` (positive
    definite), ``scale_tril`` (lower triangular, positive diagonal); :math:`x` real vectors.
    """


@torch_family
class OneHotCategorical(td.OneHotCategorical, TorchDistribution):
    r""":math:`P(e_k) = p_k / \sum_j p_j`

    ``probs`` or ``logits`` as in Categorical; one-hot vectors.
    """


@torch_family
class OneHotCategoricalStraightThrough(td.OneHotCategoricalStraightThrough, TorchDistribution):
    r""":math:`P(e_k) = p_k / \sum_j p_j`

    as OneHotCategorical; draws carry the straight-through gradient of Bengio et al. (2013).
    """


@torch_family
class RelaxedOneHotCategorical(td.RelaxedOneHotCategorical, TorchDistribution):
    r""":math:`x = \mathrm{softmax}((\ell + g)/t),\quad g_i \sim \mathrm{Gumbel}(0, 1)`

    ``temperature`` positive, ``probs`` or ``logits`` as in Categorical; :math:`x` on the
    simplex (Maddison et al. 2017).
    """

    arg_constraints = {**td.RelaxedOneHotCategorical.arg_constraints, "temperature": tc.positive}

    def __init__(
        self,
        temperature: Numeric,
        probs: Numeric = None,
        logits: Numeric = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(
                "RelaxedOneHotCategorical takes either `probs` or `logits`, and not both"
            )
        given = tensor_like(logits if probs is None else probs)
        temperature = tensor_like(temperature, given)
        if probs is None:
            super().__init__(temperature, logits=given, validate_args=validate_args)
        else:
            super().__init__(temperature, probs=given, validate_args=validate_args)
