"""Distributions sampled by rejection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints as tc

from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.torch_distribution import TorchDistribution
from pyro.ops.shapes import Numeric

_EMPTY = torch.Size()
_MAX_ROUNDS = 10**6


class Rejector(TorchDistribution):
    r""":math:`f(x) = q(x)\, a(x) / Z`: draws of q, each accepted with probability a(x).

    Draws are partially reparameterised: their path is that of the proposal, and the dependence of
    the accepted region on the parameters enters through the score :math:`\log a(x) - \log Z`.

    See Naesseth, Ruiz, Linderman and Blei (2017), *Reparameterization Gradients through
    Acceptance-Rejection Sampling Algorithms*, section 3.

    :param propose: The distribution q of proposals.
    :param log_prob_accept: From a batch of proposals to log a, which is at most 0, of the batch
        shape.
    :param log_scale: :math:`\log Z`, the log probability that a proposal is accepted.
    :param batch_shape: That of ``propose`` by default.
    :param event_shape: That of ``propose`` by default.

    Example::

        >>> half = dist.Rejector(dist.Normal(0.0, 1.0), lambda x: (x > 0).float().log(), -0.6931)
        >>> bool((half.sample((9,)) > 0).all()), half.log_prob(torch.tensor(1.0))
        (True, tensor(-0.7258))
    """

    arg_constraints: dict[str, Any] = {}
    has_rsample = True

    def __init__(
        self,
        propose: Any,
        log_prob_accept: Callable[[Tensor], Tensor],
        log_scale: Numeric,
        *,
        batch_shape: Sequence[int] | None = None,
        event_shape: Sequence[int] | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.propose = propose
        self.log_prob_accept = log_prob_accept
        self._log_scale = log_scale
        batch = propose.batch_shape if batch_shape is None else torch.Size(batch_shape)
        event = propose.event_shape if event_shape is None else torch.Size(event_shape)
        super().__init__(batch, event, validate_args)

    @tc.dependent_property
    def support(self) -> Any:
        """That of the proposals."""
        return self.propose.support

    def sample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """An accepted draw of the proposal."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = _EMPTY) -> Tensor:
        """An accepted draw, differentiable where the proposal is.

        :raises RuntimeError: if a million proposals in a row are rejected.
        """
        shape = torch.Size(sample_shape)
        x: Tensor = self.propose(shape) if shape else self.propose()
        rejected = self._rejects(x)
        for _ in range(_MAX_ROUNDS):
            if not rejected.any():
                return x
            again = self.propose(shape) if shape else self.propose()
            wide = rejected.reshape(rejected.shape + (1,) * len(self._event_shape))
            x = torch.where(wide, again, x)
            rejected = rejected & self._rejects(again)
        raise RuntimeError(
            f"Rejector: {_MAX_ROUNDS} proposals of {self.propose!r} were rejected in a row"
        )

    def _rejects(self, x: Tensor) -> Tensor:
        log_accept: Tensor = self.log_prob_accept(x.detach())
        rejects: Tensor = torch.rand_like(log_accept).log() >= log_accept
        return rejects

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._scored(value)
        log_prob: Tensor = self.propose.log_prob(value) + self.log_prob_accept(value)
        result: Tensor = log_prob - self._log_scale
        return result

    def score_parts(self, x: Tensor, *args: Any, **kwargs: Any) -> ScoreParts:
        """The score of accepting, besides that of the proposal; all of the density for entropy."""
        score = self.propose.score_parts(x).score_function
        score = score + self.log_prob_accept(x) - self._log_scale
        log_prob = self.log_prob(x)
        return ScoreParts(log_prob, score, log_prob)

    def __repr__(self) -> str:
        return f"Rejector({self.propose!r})"
