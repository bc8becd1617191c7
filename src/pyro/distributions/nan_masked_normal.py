"""The normal distribution of data some of which are missing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyro.distributions.normal import Normal
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric


@torch_family
class NanMaskedNormal(Normal):
    r""":math:`f(x) = \varphi((x-\mu)/\sigma)/\sigma`, and 1 where :math:`x` is nan.

    Missing observations are marked by nan: they contribute zero to the log density, and no
    gradient.

    See Little and Rubin (2019), *Statistical Analysis with Missing Data*, section 6.2 (ignorable
    missingness).

    :param loc: :math:`\mu`, real; broadcasts with ``scale`` to the batch shape.
    :param scale: :math:`\sigma`, positive.

    Example::

        >>> d = dist.NanMaskedNormal(0.0, 1.0)
        >>> d.log_prob(torch.tensor([0.0, float("nan")]))
        tensor([-0.9189,  0.0000])
    """

    def log_prob(self, value: Numeric) -> Tensor:
        """Shape ``sample_shape + batch_shape``."""
        value = self._as_value(value)
        present = value == value
        filled = torch.where(present, value, 0.0)
        return torch.where(present, super().log_prob(filled), 0.0)

    def conjugate_update(self, other: Any) -> Any:
        """Not meaningful: this is a distribution of observed data.

        :raises NotImplementedError: always.
        """
        raise NotImplementedError("NanMaskedNormal.conjugate_update")
