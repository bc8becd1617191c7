"""The relaxed Bernoulli distribution with straight-through gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.distributions.straight_through import quantized, relaxed_of
from pyro.distributions.torch_interval import RelaxedBernoulli
from pyro.ops.shapes import Numeric


class RelaxedBernoulliStraightThrough(RelaxedBernoulli):
    r""":math:`x = \mathrm{round}(y),\quad y = \sigma\left((\ell + \log u - \log(1-u))/t\right)`,
    with :math:`u \sim U(0,1)`

    ``rsample`` gives :math:`x \in \{0, 1\}` with the gradient of :math:`y`; ``log_prob`` of such a
    draw is the log density of the :math:`y` behind it, as of a :class:`RelaxedBernoulli`, and
    ``sample`` gives :math:`y` itself.  Jang, Gu and Poole (2017), *Categorical Reparameterization
    with Gumbel-Softmax*, section 2.2.

    :param temperature: :math:`t`, positive.
    :param probs: the probability of 1, in [0, 1], or
    :param logits: its log odds :math:`\ell`, real; exactly one of the two.

    Example::

        >>> logits = torch.zeros(3, requires_grad=True)
        >>> x = dist.RelaxedBernoulliStraightThrough(0.5, logits=logits).rsample()
        >>> x.detach() * (1 - x.detach()), x.requires_grad
        (tensor([0., 0., 0.]), True)
    """

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Zeros and ones, with the gradient of the relaxed draw."""
        relaxed: Tensor = super().rsample(torch.Size(sample_shape))
        return quantized(relaxed, relaxed.round())

    def log_prob(self, value: Numeric) -> Tensor:
        """The log density of the relaxed draw behind ``value``.

        :raises ValueError: if ``value`` is discrete, but not a draw of ``rsample``.
        """
        value = value if isinstance(value, Tensor) else self._as_value(value)
        return super().log_prob(relaxed_of(self, value))  # type: ignore[no-untyped-call, no-any-return]
