"""One value for each site, from samples of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pyro.ops.quantiles import quantile, weighed_quantile


def posterior_mean(
    samples: Mapping[str, Tensor], log_weights: Tensor | None = None
) -> dict[str, Tensor]:
    """The means of samples, as one sample for :class:`~pyro.infer.Predictive`.

    The mean of values in a convex support (numbers, simplices, positive definite matrices) lies in
    the support again; of others (spheres, correlation factors, whole numbers) it may not.

    :param samples: Values by site name, the number of samples leftmost.
    :param log_weights: Log weights of the samples, of shape ``(num_samples,)``.
    :return: Values of the same shape but for the leftmost size, which is 1.

    Example::

        >>> from pyro.infer import Predictive, posterior_mean
        >>> def model(x):
        ...     slope = pyro.sample("slope", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", len(x)):
        ...         return pyro.sample("y", dist.Poisson((slope * x).exp()))
        >>> samples = {"slope": torch.tensor([0.0, 1.0])}
        >>> at_the_mean = Predictive(model, posterior_mean(samples))  # slope is 0.5
        >>> at_the_mean.mean(torch.tensor([0.0, 2.0]))["y"]  # 1 and e
        tensor([1.0000, 2.7183])
    """
    if log_weights is None:
        return {name: _real(value).mean(0, keepdim=True) for name, value in samples.items()}
    weights = log_weights.softmax(0)
    return {
        name: torch.tensordot(weights.to(_real(value)), _real(value), 1)[None]
        for name, value in samples.items()
    }


def posterior_median(
    samples: Mapping[str, Tensor], log_weights: Tensor | None = None
) -> dict[str, Tensor]:
    """The medians of samples, element by element, as one sample for ``Predictive``.

    The parameters and the result are those of :func:`posterior_mean`; vectors with a constraint
    (simplices) may leave their support.

    Example::

        >>> from pyro.infer import posterior_median
        >>> posterior_median({"slope": torch.tensor([0.0, 1.0, 5.0])})
        {'slope': tensor([1.])}
    """
    if log_weights is None:
        return {name: quantile(_real(value), [0.5]) for name, value in samples.items()}
    return {n: weighed_quantile(_real(v), [0.5], log_weights) for n, v in samples.items()}


def _real(value: Tensor) -> Tensor:
    return value if value.is_floating_point() else value.to(torch.get_default_dtype())
