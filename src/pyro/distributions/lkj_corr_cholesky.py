"""The deprecated name of LKJCholesky."""

from __future__ import annotations

import warnings

from pyro.distributions.torch import LKJCholesky
from pyro.distributions.torch_family import torch_family
from pyro.ops.shapes import Numeric


@torch_family
class LKJCorrCholesky(LKJCholesky):
    r""":math:`f(L) \propto \det(L L^\top)^{\eta-1}` as a law of correlation matrices

    The deprecated name of :class:`LKJCholesky`, with its old names of parameters.

    Lewandowski, Kurowicka and Joe (2009), *Generating Random Correlation Matrices Based on Vines
    and Extended Onion Method*, section 3.

    :param d: The size of the matrices, an int of at least 2.
    :param eta: :math:`\eta`, positive, of the batch shape.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", FutureWarning)
        ...     d = dist.LKJCorrCholesky(3, torch.tensor(2.0))
        >>> d.event_shape
        torch.Size([3, 3])
    """

    def __init__(self, d: int, eta: Numeric, validate_args: bool | None = None) -> None:
        warnings.warn(
            "LKJCorrCholesky(d, eta) is deprecated; use LKJCholesky(dim, concentration)",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(d, eta, validate_args=validate_args)
