"""The relaxed one-hot categorical distribution with straight-through gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro.distributions.straight_through import quantized, relaxed_of
from pyro.distributions.torch_multivariate import RelaxedOneHotCategorical
from pyro.ops.shapes import Numeric


class RelaxedOneHotCategoricalStraightThrough(RelaxedOneHotCategorical):
    r""":math:`x = e_{\arg\max y},\quad y = \mathrm{softmax}((\ell + g)/t),\quad
    g_i \sim \mathrm{Gumbel}(0, 1)`

    ``rsample`` gives unit vectors :math:`x` with the gradient of :math:`y`; ``log_prob`` of such a
    draw is the log density of the :math:`y` behind it, as of a :class:`RelaxedOneHotCategorical`,
    and ``sample`` gives :math:`y` itself.  Jang, Gu and Poole (2017), *Categorical
    Reparameterization with Gumbel-Softmax*, section 2.2.

    :param temperature: :math:`t`, positive.
    :param probs: probabilities along the last dimension, or
    :param logits: their logarithms :math:`\ell` up to a constant; exactly one of the two.

    Example::

        >>> logits = torch.zeros(3, requires_grad=True)
        >>> x = dist.RelaxedOneHotCategoricalStraightThrough(0.5, logits=logits).rsample()
        >>> x.detach().sort().values, x.requires_grad
        (tensor([0., 0., 1.]), True)
    """

    def rsample(self, sample_shape: Sequence[int] = torch.Size()) -> Tensor:
        """Unit vectors, with the gradient of the relaxed draw."""
        relaxed: Tensor = super().rsample(torch.Size(sample_shape))
        hard = torch.zeros_like(relaxed).scatter(-1, relaxed.argmax(-1, keepdim=True), 1.0)
        return quantized(relaxed, hard)

    def log_prob(self, value: Numeric) -> Tensor:
        """The log density of the relaxed draw behind ``value``.

        :raises ValueError: if ``value`` is discrete, but not a draw of ``rsample``.
        """
        value = value if isinstance(value, Tensor) else self._as_value(value)
        return super().log_prob(relaxed_of(self, value))  # type: ignore[no-untyped-call, no-any-return]
