"""The three terms of a stochastic gradient of an expectation."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from pyro.ops.masking import scale_and_mask


class ScoreParts(NamedTuple):
    r"""What one sample site contributes to a gradient estimate of an ELBO.

    * ``log_prob``: :math:`\log q(z)`,
    * ``score_function``: the term that multiplies the cost in the score-function estimator, zero
      for reparameterised sites,
    * ``entropy_term``: the term whose gradient is that of the entropy along the sample path.

    See Schulman, Heess, Weber, Abbeel (2015), *Gradient Estimation Using Stochastic Computation
    Graphs*, and Roeder, Wu, Duvenaud (2017) for dropping the zero-mean part of the entropy term.

    Example::

        >>> dist.Exponential(1.0).score_parts(torch.tensor(3.0))  # reparameterised
        ScoreParts(log_prob=tensor(-3.), score_function=0, entropy_term=tensor(-3.))
        >>> dist.Geometric(0.5).score_parts(torch.tensor(0.0))
        ScoreParts(log_prob=tensor(-0.6931), score_function=tensor(-0.6931), entropy_term=0)
    """

    log_prob: Tensor
    score_function: Tensor | float
    entropy_term: Tensor | float

    def scale_and_mask(
        self, scale: float | Tensor = 1.0, mask: bool | Tensor | None = None
    ) -> ScoreParts:
        """Scale and mask the log density and the entropy term, never the score function."""
        return ScoreParts(
            scale_and_mask(self.log_prob, scale, mask),  # type: ignore[arg-type]
            self.score_function,
            scale_and_mask(self.entropy_term, scale, mask),
        )
