"""The likelihood of rates of coalescence, one at a time."""

from __future__ import annotations

from torch import Tensor

from pyro.distributions.coalescent_times_constraint import CoalescentTimesConstraint
from pyro.distributions.util import is_validation_enabled
from pyro.distributions.validation import describe_invalid
from pyro.ops.coalescent import CoalescentStatistics, coalescent_statistics
from pyro.ops.shapes import Numeric, as_tensors


class CoalescentRateLikelihood:
    r""":math:`\ell_t(r) = \sum_{c_j \in I_t} \log\Bigl(r \binom{k(c_j)}{2}\Bigr) -
    r \int_{I_t} \binom{k(s)}{2} ds`

    The terms of ``CoalescentTimesWithRate(leaf_times, rate_grid).log_prob(coal_times)``, as a
    function of the rates: one for each interval :math:`I_t` of time, which depends on that rate
    only.  This is no distribution.  All there is to know of the genealogy is computed once, and a
    call costs no more than the rates given; so they may be plated, or come one after the other, as
    in a filter.

    Popinga, Vaughan, Stadler and Drummond (2015), *Inferring Epidemiological Dynamics with Bayesian
    Coalescent Inference*, Genetics 199, equation 1.

    :param leaf_times: The times of the leaves, real, of shape (..., n), in any order.
    :param coal_times: The times at which lineages join, ascending, of shape (..., n - 1).
    :param duration: The number of rates, T.
    :raises ValueError: if these are no coalescent times of these leaves (with validation).

    Example::

        >>> likelihood = dist.CoalescentRateLikelihood(
        ...     torch.tensor([0.3, 2.0, 2.7]), torch.tensor([-1.0, 1.5]), 2
        ... )
        >>> likelihood(torch.tensor([0.5, 2.0])), likelihood(torch.tensor(2.0), 1)
        (tensor([-1.3431, -0.3069]), tensor(-0.3069))
    """

    def __init__(
        self,
        leaf_times: Numeric,
        coal_times: Numeric,
        duration: int,
        *,
        validate_args: bool | None = None,
    ) -> None:
        leaf_times, coal_times = as_tensors(leaf_times, coal_times)
        if coal_times.shape[-1] != leaf_times.shape[-1] - 1:
            raise ValueError(
                f"CoalescentRateLikelihood: {leaf_times.shape[-1]} leaves have one coalescence "
                f"less, got {coal_times.shape[-1]}"
            )
        constraint = CoalescentTimesConstraint(leaf_times)
        checks = is_validation_enabled() if validate_args is None else validate_args
        if checks and not constraint.check(coal_times).all():
            raise ValueError(
                "coal_times must ascend, each with two lineages that can join, but "
                f"{describe_invalid(constraint, coal_times)}"
            )
        self._statistics = coalescent_statistics(constraint.leaf_times, coal_times, duration)

    def __call__(self, rate_grid: Tensor, t: int | slice = slice(None)) -> Tensor:
        """The log likelihood of each rate.

        :param rate_grid: Rates for the times ``t``: of shape (..., T), or (...) for one time.
        :param t: A time or a slice of times; all by default.
        """
        return CoalescentStatistics(*(x[..., t] for x in self._statistics)).log_likelihood(
            rate_grid
        )
