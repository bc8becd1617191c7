"""Families over vectors and matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.distributions as td
from torch import Tensor
from torch.distributions import constraints as tc
from torch.distributions.utils import lazy_property

from pyro.distributions.normal_of_covariance import is_plain, log_density
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import ValidatedDistribution
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


def _factor_of_inverse(precision: Tensor) -> Tensor:
    """The lower factor of the inverse; that of a matrix turned about gives an upper one."""
    upper = torch.linalg.cholesky(precision.flip((-2, -1))).flip((-2, -1))
    one = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    found: Tensor = torch.linalg.solve_triangular(upper.mT, one, upper=False)
    return found


_FACTORS: dict[str, Callable[[Tensor], Tensor]] = {
    "covariance_matrix": torch.linalg.cholesky,
    "precision_matrix": _factor_of_inverse,
    "scale_tril": lambda matrix: matrix,
}


@torch_family
class LKJCholesky(td.LKJCholesky, TorchDistribution):
    r""":math:`f(L) \propto \prod_{i=2}^n L_{ii}^{\,n - i + 2(\eta - 1)}`

    Lower Cholesky factors :math:`L` of :math:`n \times n` correlation matrices :math:`R = L L^\top`
    whose density is proportional to :math:`|R|^{\eta-1}`; :math:`\eta = 1` is uniform.  See
    Lewandowski, Kurowicka and Joe (2009), *Generating Random Correlation Matrices Based on Vines
    and Extended Onion Method*, section 3.

    :param dim: :math:`n`, an integer of at least 2.
    :param concentration: :math:`\eta`, positive, of the batch shape.

    Example::

        >>> d = dist.LKJCholesky(2, torch.tensor([1.0, 4.0]))
        >>> d.event_shape, d.log_prob(torch.eye(2))
        (torch.Size([2, 2]), tensor([-0.6931,  0.0896]))
    """

    def __init__(
        self, dim: int, concentration: Numeric = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(f"LKJCholesky: dim must be an integer of at least 2, got {dim}")
        self.dim = dim
        self.concentration = tensor_like(concentration)
        shape = torch.Size((dim, dim))
        ValidatedDistribution.__init__(self, self.concentration.shape, shape, validate_args)

    @lazy_property
    def _beta(self) -> td.Beta:
        """The squared length of row i before the diagonal, where its direction is uniform."""
        like = self.concentration
        before = torch.arange(self.dim, dtype=like.dtype, device=like.device)
        rest = like.unsqueeze(-1) + (self.dim - 1 - before) / 2
        return td.Beta(before.clamp(min=1) / 2, rest, validate_args=False)


@torch_family
class LogisticNormal(td.LogisticNormal, TorchDistribution):
    r""":math:`f(x) = \mathcal N\!\left(y;\, \mu, \mathrm{diag}(\sigma^2)\right)
    \left|\frac{\partial y}{\partial x}\right|, \qquad x = T(y)`

    Probabilities of :math:`n` categories, with more freedom than a Dirichlet law has; :math:`T` is
    the stick-breaking transform.  See Aitchison and Shen (1980), *Logistic-Normal Distributions:
    Some Properties and Uses*, Biometrika 67.

    :param loc: :math:`\mu`, real, of shape ``batch_shape + (n - 1,)``.
    :param scale: :math:`\sigma`, positive, of the same shape.

    Example::

        >>> d = dist.LogisticNormal(torch.zeros(2), torch.ones(2))
        >>> d.event_shape, d.log_prob(torch.tensor([0.2, 0.3, 0.5]))
        (torch.Size([3]), tensor(1.2980))
    """

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """The event has one entry more than ``loc`` and ``scale``."""
        shape = broadcast_shape(*(tuple(shape) for shape in arg_shapes.values()))
        return shape[:-1], torch.Size((shape[-1] + 1,))


@torch_family
class Multinomial(td.Multinomial, TorchDistribution):
    r""":math:`P(k) = \frac{n!}{\prod_i k_i!} \prod_i p_i^{k_i}, \qquad \sum_i k_i = n`

    How often each category occurs in :math:`n` independent draws.  See Johnson, Kotz and
    Balakrishnan (1997), *Discrete Multivariate Distributions*, chapter 35.

    :param total_count: :math:`n`, one nonnegative integer for the whole batch.
    :param probs: :math:`p`, nonnegative (rescaled to sum to one), of shape ``batch_shape + (m,)``.
    :param logits: :math:`\log p` up to a constant, real, of the same shape, instead of ``probs``.

    Example::

        >>> d = dist.Multinomial(3, torch.tensor([0.2, 0.8]))
        >>> d.mean, d.log_prob(torch.tensor([1.0, 2.0]))
        (tensor([0.6000, 2.4000]), tensor(-0.9571))
    """


@torch_family
class MultivariateNormal(td.MultivariateNormal, TorchDistribution):
    r""":math:`f(x) = \frac{1}{\sqrt{|2\pi\Sigma|}}\, e^{-\frac12 (x-\mu)^\top \Sigma^{-1} (x-\mu)}`

    Correlated normal variables, over real vectors.  See Kotz, Balakrishnan and Johnson (2000),
    *Continuous Multivariate Distributions*, vol. 1, chapter 45.

    :param loc: The mean :math:`\mu`, real, of shape ``batch_shape + (n,)``.
    :param covariance_matrix: :math:`\Sigma`, positive definite, of shape ``batch_shape + (n, n)``.
    :param precision_matrix: :math:`\Sigma^{-1}`, positive definite, of the same shape, instead.
    :param scale_tril: The lower Cholesky factor of :math:`\Sigma`, with a positive diagonal, of the
        same shape, instead: the fastest of the three.

    Example::

        >>> d = dist.MultivariateNormal(torch.zeros(2), torch.tensor([[2.0, 1.0], [1.0, 1.0]]))
        >>> d.variance, d.log_prob(torch.ones(2))
        (tensor([2.0000, 1.0000]), tensor(-2.3379))
    """

    def __init__(
        self,
        loc: Numeric,
        covariance_matrix: Numeric | None = None,
        precision_matrix: Numeric | None = None,
        scale_tril: Numeric | None = None,
        validate_args: bool | None = None,
    ) -> None:
        # Torch asks for the batch shape in a way that imports sympy, which takes most of a second.
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = {name: tensor_like(m) for name, m in matrices.items() if m is not None}
        loc = tensor_like(loc)
        if len(given) != 1 or loc.dim() < 1 or any(m.dim() < 2 for m in given.values()):
            super().__init__(loc, **given, validate_args=validate_args)  # says what is wrong
            return
        ((name, matrix),) = given.items()
        batch = broadcast_shape(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand((*batch, -1))
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        ValidatedDistribution.__init__(self, batch, self.loc.shape[-1:], validate_args)
        self._unbroadcasted_scale_tril = _FACTORS[name](matrix)

    def log_prob(self, value: Numeric) -> Tensor:
        """The log density; its gradient by a single covariance is that of a closed form."""
        value = value if isinstance(value, Tensor) else self._as_value(value)
        covariance = self.__dict__.get("covariance_matrix")
        factor = self._unbroadcasted_scale_tril
        if covariance is None or factor.dim() > 2 or not covariance.numel() or not is_plain():
            found: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
            return found
        if self._validate_args:
            self._validate_sample(value)
        one: Tensor = covariance[(0,) * (covariance.dim() - 2)]
        return log_density(one, factor, value - self.loc)


@torch_family
class OneHotCategorical(td.OneHotCategorical, TorchDistribution):
    r""":math:`P(e_k) = \frac{p_k}{\sum_j p_j}, \qquad k = 0, \dots, n-1`

    One of :math:`n` categories, as a vector that is one at its place and zero elsewhere.  See
    Johnson, Kotz and Balakrishnan (1997), *Discrete Multivariate Distributions*, chapter 35.

    :param probs: :math:`p`, nonnegative (rescaled to sum to one), of shape ``batch_shape + (n,)``.
    :param logits: :math:`\log p` up to a constant, real, of the same shape, instead of ``probs``.

    Example::

        >>> d = dist.OneHotCategorical(torch.tensor([1.0, 3.0]))
        >>> d.mean, d.log_prob(torch.tensor([0.0, 1.0]))
        (tensor([0.2500, 0.7500]), tensor(-0.2877))
    """


@torch_family
class OneHotCategoricalStraightThrough(td.OneHotCategoricalStraightThrough, TorchDistribution):
    r""":math:`P(e_k) = \frac{p_k}{\sum_j p_j}, \qquad k = 0, \dots, n-1`

    One-hot draws through which gradients pass as if they were the probabilities: biased, of low
    variance.  See Bengio, Leonard and Courville (2013), *Estimating or Propagating Gradients
    Through Stochastic Neurons for Conditional Computation*.

    :param probs: :math:`p`, nonnegative (rescaled to sum to one), of shape ``batch_shape + (n,)``.
    :param logits: :math:`\log p` up to a constant, real, of the same shape, instead of ``probs``.

    Example::

        >>> logits = torch.zeros(2, requires_grad=True)
        >>> draw = dist.OneHotCategoricalStraightThrough(logits=logits).rsample()
        >>> torch.autograd.grad(draw[0], logits)
        (tensor([ 0.2500, -0.2500]),)
    """


@torch_family
class RelaxedOneHotCategorical(td.RelaxedOneHotCategorical, TorchDistribution):
    r""":math:`f(x) = (n-1)!\, t^{n-1} \left(\sum_k p_k x_k^{-t}\right)^{-n} \prod_k p_k x_k^{-t-1}`

    A differentiable stand-in for a one-hot vector, which it becomes as :math:`t \to 0`, over the
    simplex.  See Maddison, Mnih and Teh (2017), *The Concrete Distribution*, definition 1.

    :param temperature: :math:`t`, positive, one number for the whole batch.
    :param probs: :math:`p`, nonnegative (rescaled to sum to one), of shape ``batch_shape + (n,)``.
    :param logits: :math:`\log p` up to a constant, real, of the same shape, instead of ``probs``.
    :raises ValueError: unless exactly one of ``probs`` and ``logits`` is given.

    Example::

        >>> d = dist.RelaxedOneHotCategorical(torch.tensor(0.5), torch.tensor([0.2, 0.8]))
        >>> d.log_prob(torch.tensor([0.1, 0.9]))
        tensor(0.3079)
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
