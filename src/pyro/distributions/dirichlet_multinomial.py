"""The Dirichlet-multinomial distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.validation import fast_check, is_integral
from pyro.ops.gamma_ratio import log_gamma_ratio
from pyro.ops.shapes import Numeric, broadcast_shape, tensor_like

_SCALAR = torch.Size()


class DirichletMultinomial(TorchDistribution):
    r""":math:`P(k) = \frac{n!\,\Gamma(A)}{\Gamma(A + n)}
    \prod_i \frac{\Gamma(a_i + k_i)}{k_i!\,\Gamma(a_i)}`, where :math:`A = \sum_i a_i`

    Multinomial counts whose probabilities follow a Dirichlet distribution.  Johnson, Kotz and
    Balakrishnan (1997), *Discrete Multivariate Distributions*, 35.13.1.

    :param concentration: :math:`a`, positive, of shape ``batch_shape + (number of categories,)``.
    :param total_count: :math:`n`, a nonnegative integer or a tensor of them that broadcasts with
        the batch shape; entries may differ.  The support are vectors of counts with sum :math:`n`.
    :param is_sparse: Evaluate gamma functions only at the nonzero counts: faster when most counts
        are zero.

    Example::

        >>> d = dist.DirichletMultinomial(torch.tensor([1.0, 2.0, 1.0]), total_count=4)
        >>> d.mean, d.sample().sum()
        (tensor([1., 2., 1.]), tensor(4.))
    """

    arg_constraints = {
        "concentration": tc.independent(tc.positive, 1),
        "total_count": tc.nonnegative_integer,
    }

    def __init__(
        self,
        concentration: Numeric,
        total_count: Numeric = 1,
        is_sparse: bool = False,
        validate_args: bool | None = None,
    ) -> None:
        concentration = tensor_like(concentration)
        count = tensor_like(total_count, concentration)
        shape = broadcast_shape(concentration.shape[:-1], count.shape)
        self.concentration = concentration.expand(shape + concentration.shape[-1:])
        self.total_count = count.expand(shape)
        self.is_sparse = is_sparse
        super().__init__(shape, concentration.shape[-1:], validate_args)

    @tc.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        """Vectors of counts with sum ``total_count``."""
        return _CountsWithSum(self.total_count)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def sample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Category after category, a binomial share of what remains at drawn probabilities."""
        with torch.no_grad():
            probs = torch._sample_dirichlet(self.concentration.expand(self.shape(sample_shape)))
            tails = probs.flip(-1).cumsum(-1).flip(-1)
            shares = (probs / tails).nan_to_num(1.0).clamp(0.0, 1.0)
            left = self.total_count.to(probs.dtype).expand(probs.shape[:-1])
            counts = []
            for share in shares.unbind(-1)[:-1]:
                counts.append(torch.binomial(left, share))
                left = left - counts[-1]
            return torch.stack([*counts, left], -1)

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        k, a, n = self._scored(value), self.concentration, self.total_count
        parts = self._sparse_parts(a, k) if self.is_sparse else _parts(a, k)
        return (n + 1).lgamma() - log_gamma_ratio(a.sum(-1), n) + parts.sum(-1)

    @staticmethod
    def _sparse_parts(a: Tensor, k: Tensor) -> Tensor:
        a, k = torch.broadcast_tensors(a, k)
        at = k.nonzero(as_tuple=True)
        return torch.zeros_like(a).index_put(at, _parts(a[at], k[at]))

    @property
    def mean(self) -> Tensor:
        r""":math:`n a / A`, of shape ``batch_shape + event_shape``."""
        share = self.concentration / self.concentration.sum(-1, keepdim=True)
        return self.total_count.unsqueeze(-1) * share  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        r""":math:`n p_i (1 - p_i) (A + n) / (A + 1)` where :math:`p = a / A`."""
        total = self.concentration.sum(-1, keepdim=True)
        spread = self.mean * (1 - self.concentration / total)
        return spread * (total + self.total_count.unsqueeze(-1)) / (total + 1)  # type: ignore[no-any-return]


class _CountsWithSum(type(tc.multinomial(1))):  # type: ignore[misc]
    """Vectors of nonnegative integers with a given sum."""

    def check(self, x: Tensor) -> Tensor:
        whole = ((x >= 0) & (x % 1 == 0)).all(-1)
        return whole & (x.sum(-1) == self.upper_bound)  # type: ignore[no-any-return]

    def feasible_point(self, like: Tensor) -> Tensor:
        """All counts in the first category."""
        first = torch.zeros(like.shape[-1], dtype=like.dtype, device=like.device)
        first[0] = 1
        return torch.as_tensor(self.upper_bound).unsqueeze(-1) * first


@fast_check(_CountsWithSum)
def _are_counts(constraint: Any, value: Tensor) -> bool:
    return (
        value.min().item() >= 0
        and is_integral(value)
        and bool((value.sum(-1) == constraint.upper_bound).all())
    )


def _parts(a: Tensor, k: Tensor) -> Tensor:
    return log_gamma_ratio(a, k) - (k + 1).lgamma()
