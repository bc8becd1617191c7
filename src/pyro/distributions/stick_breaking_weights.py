"""The weights of a truncated stick-breaking process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.expand_parameters import expand_parameters
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric, broadcast_tensors
from pyro.ops.special import log_beta, safe_log

_SCALAR = torch.Size()


class StickBreakingWeights(TorchDistribution):
    r""":math:`w_k = v_k \prod_{j<k} (1 - v_j),\quad v_k \sim \mathrm{Beta}(1 - d,\, \alpha + k d)`

    The weights of a Dirichlet process (the GEM law) or, with a discount, of a process of Pitman and
    Yor, cut after :math:`K` of them: the last takes what is left, :math:`v_K = 1`.  As a prior of
    mixture weights it needs no number of components, only a bound.

    See Sethuraman (1994), *A Constructive Definition of Dirichlet Priors*; Ishwaran and James
    (2001), *Gibbs Sampling Methods for Stick-Breaking Priors*, section 3.

    :param concentration: :math:`\alpha`, positive: the larger, the more weights count.
    :param truncation: :math:`K`, an integer of at least 2.  The event shape is ``(K,)`` and the
        support the simplex; the density is with respect to the first :math:`K - 1` weights.
    :param discount: :math:`d \in [0, 1)`, above 0 for tails that fall by a power law; broadcasts
        with ``concentration`` to the batch shape.
    :raises ValueError: if ``truncation`` is not an integer of at least 2.

    Example::

        >>> d = dist.StickBreakingWeights(1.0, truncation=4)
        >>> d.mean, d.log_prob(torch.tensor([0.5, 0.2, 0.2, 0.1]))
        (tensor([0.5000, 0.2500, 0.1250, 0.1250]), tensor(1.8971))
    """

    arg_constraints = {"concentration": tc.positive, "discount": tc.half_open_interval(0.0, 1.0)}
    support = tc.simplex
    has_rsample = True

    def __init__(
        self,
        concentration: Numeric,
        truncation: int,
        discount: Numeric = 0.0,
        validate_args: bool | None = None,
    ) -> None:
        if int(truncation) != truncation or truncation < 2:
            raise ValueError(
                "StickBreakingWeights: truncation must be an integer of at least 2, "
                f"got {truncation!r}"
            )
        self.concentration, self.discount = broadcast_tensors(concentration, discount)
        self.truncation = int(truncation)
        super().__init__(self.concentration.shape, torch.Size((self.truncation,)), validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Not known from shapes.

        :raises NotImplementedError: because the event shape is the value of ``truncation``.
        """
        raise NotImplementedError(
            f"{cls.__name__}.infer_shapes: the event shape is the value of truncation"
        )

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Broadcast to ``batch_shape``."""
        return expand_parameters(self, batch_shape)

    def _sticks(self) -> tuple[Tensor, Tensor]:
        """The two parameters of the beta laws, along a last dimension of all sticks but one."""
        alpha, d = self.concentration.unsqueeze(-1), self.discount.unsqueeze(-1)
        k = torch.arange(1, self.truncation, dtype=alpha.dtype, device=alpha.device)
        return (1 - d).expand(self._batch_shape + k.shape), alpha + k * d

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``; finite also where weights vanish."""
        value = self._scored(value)
        tails = value.flip(-1).cumsum(-1).flip(-1)
        left, right = self._sticks()
        logs = safe_log(value)
        power = self.concentration + (self.truncation - 1) * self.discount - 1
        lengths = self.discount * logs[..., :-1].sum(-1) + safe_log(tails[..., 1:-1]).sum(-1)
        return power * logs[..., -1] - lengths - log_beta(left, right).sum(-1)

    def rsample(self, sample_shape: Sequence[int] = _SCALAR) -> Tensor:
        """Break the stick; differentiable, in logarithms throughout."""
        left, right = self._sticks()
        shape = torch.Size(sample_shape) + left.shape
        taken, kept = _log_gamma_draw(left.expand(shape)), _log_gamma_draw(right.expand(shape))
        total = torch.logaddexp(taken, kept)
        rest = (kept - total).cumsum(-1)
        first = torch.zeros_like(rest[..., :1])
        weights = torch.cat([taken - total, first], -1) + torch.cat([first, rest], -1)
        return weights.softmax(-1)

    @property
    def mean(self) -> Tensor:
        r""":math:`E[w_k] = E[v_k] \prod_{j<k} E[1 - v_j]`."""
        left, right = self._sticks()
        total = left + right
        return _product(left / total, right / total)

    @property
    def variance(self) -> Tensor:
        r""":math:`E[v_k^2] \prod_{j<k} E[(1 - v_j)^2] - E[w_k]^2`."""
        left, right = self._sticks()
        total = left + right
        pairs = total * (total + 1)
        squares = _product(left * (left + 1) / pairs, right * (right + 1) / pairs)
        return squares - self.mean.square()


def _product(taken: Tensor, kept: Tensor) -> Tensor:
    """What each stick takes of what all before have kept; the last takes everything."""
    one = torch.ones_like(kept[..., :1])
    return torch.cat([taken, one], -1) * torch.cat([one, kept.cumprod(-1)], -1)


def _log_gamma_draw(shape: Tensor) -> Tensor:
    """The logarithm of a standard gamma draw, which does not underflow for a small shape."""
    tiny = torch.finfo(shape.dtype).tiny
    uniform = torch.rand_like(shape).clamp_(min=tiny)
    draw: Tensor = torch._standard_gamma(shape + 1)
    return draw.log() + uniform.log() / shape
