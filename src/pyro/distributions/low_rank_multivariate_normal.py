"""The multivariate normal distribution with few factors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributions as td

from pyro.distributions.torch_distribution import TorchDistribution
from pyro.distributions.torch_family import torch_family
from pyro.distributions.validation import holds, invalid_parameter
from pyro.ops.shapes import Numeric, as_tensors, broadcast_shape


@torch_family
class LowRankMultivariateNormal(td.LowRankMultivariateNormal, TorchDistribution):
    r""":math:`x \sim \mathcal N(\mu, W W^\top + D)`

    ``loc`` real (n), ``cov_factor`` :math:`W` (n, r), ``cov_diag`` :math:`D` positive (n);
    :math:`x` real vectors.
    """

    def __init__(
        self,
        loc: Numeric,
        cov_factor: Numeric,
        cov_diag: Numeric,
        validate_args: bool | None = None,
    ) -> None:
        loc, cov_factor, cov_diag = as_tensors(loc, cov_factor, cov_diag)
        given = {"loc": loc, "cov_factor": cov_factor, "cov_diag": cov_diag}
        if self._validate_args if validate_args is None else validate_args:
            # before the factorisation, which fails without saying why
            for name, constraint in self.arg_constraints.items():
                if not holds(constraint, given[name]):
                    raise invalid_parameter(self, name, constraint, given[name])
        super().__init__(loc, cov_factor, cov_diag, validate_args=False)
        self._keep_validation(validate_args)

    @classmethod
    def infer_shapes(cls, **arg_shapes: Sequence[int]) -> tuple[torch.Size, torch.Size]:
        """Batch and event shape from those of ``loc``, ``cov_factor`` and ``cov_diag``."""
        loc, factor, diag = (torch.Size(arg_shapes[name]) for name in cls.arg_constraints)
        return broadcast_shape(loc[:-1], factor[:-2], diag[:-1]), loc[-1:]
