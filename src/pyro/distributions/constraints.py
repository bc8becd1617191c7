"""Constraints: the supports of distributions and the domains of parameters.

All of torch's, and those that Pyro's families and guides need.

Example::

    >>> from pyro.distributions import constraints
    >>> constraints.ordered_vector.check(torch.tensor([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]]))
    tensor([ True, False])
    >>> scale = pyro.param("scale", torch.ones(2), constraint=constraints.softplus_positive)
    >>> scale.unconstrained().detach()  # log(e - 1)
    tensor([0.5413, 0.5413])
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions.constraints import (
    Constraint,
    MixtureSameFamilyConstraint,
    boolean,
    cat,
    corr_cholesky,
    dependent,
    dependent_property,
    greater_than,
    greater_than_eq,
    half_open_interval,
    independent,
    integer_interval,
    interval,
    is_dependent,
    less_than,
    lower_cholesky,
    lower_triangular,
    multinomial,
    nonnegative,
    nonnegative_integer,
    one_hot,
    positive,
    positive_definite,
    positive_integer,
    positive_semidefinite,
    real,
    real_vector,
    simplex,
    square,
    stack,
    symmetric,
    unit_interval,
)

_MATRIX_TOLERANCE = 1e-5


class _Integer(Constraint):
    """The integers."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return value % 1 == 0


class _CorrMatrix(Constraint):
    """Positive definite matrices with unit diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        unit = (value.diagonal(dim1=-2, dim2=-1) - 1).abs().le(_MATRIX_TOLERANCE).all(-1)
        definite: Tensor = positive_definite.check(value)
        return definite & unit


class _OrderedVector(Constraint):
    """Real vectors whose entries strictly increase."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        if value.dim() == 0:
            return torch.zeros((), dtype=torch.bool, device=value.device)
        return (value[..., 1:] > value[..., :-1]).all(-1) & (value == value).all(-1)


class _PositiveOrderedVector(Constraint):
    """Positive vectors whose entries strictly increase."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ordered_vector.check(value) & positive_vector_check(value)


class _Sphere(Constraint):
    """Real vectors of Euclidean length one."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        tolerance = 20 * torch.finfo(value.dtype).eps * max(value.shape[-1], 1) ** 0.5
        return (value.square().sum(-1) - 1).abs() < tolerance  # type: ignore[no-any-return]


class _SumToZero(Constraint):
    """Real vectors whose entries sum to zero."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        tolerance = 10 * torch.finfo(value.dtype).eps * value.shape[-1]
        scale = value.abs().sum(-1).clamp(min=1.0)
        return value.sum(-1).abs() <= tolerance * scale

    def feasible_point(self, like: Tensor) -> Tensor:
        """The vector of zeros."""
        return torch.zeros_like(like)


class _SumToZeroWithin(Constraint):
    """Real vectors of which each group of entries sums to zero.

    :param groups: The group of each entry, a long vector; entries of group -1 are free.
    """

    event_dim = 1

    def __init__(self, groups: Tensor) -> None:
        self.groups = groups

    def check(self, value: Tensor) -> Tensor:
        count = int(self.groups.max()) + 1 if self.groups.numel() else 0
        place = torch.where(self.groups < 0, count, self.groups)
        empty = value.new_zeros((*value.shape[:-1], count + 1))
        sums = empty.index_add(-1, place, value)[..., :count]
        scale = empty.index_add(-1, place, value.abs())[..., :count].clamp(min=1.0)
        tolerance = 10 * torch.finfo(value.dtype).eps * value.shape[-1]
        return (sums.abs() <= tolerance * scale).all(-1) & (value == value).all(-1)

    def feasible_point(self, like: Tensor) -> Tensor:
        """The vector of zeros."""
        return torch.zeros_like(like)


class _Circular(Constraint):
    """Angles, from minus pi to pi."""

    def check(self, value: Tensor) -> Tensor:
        bound = math.pi * (1 + torch.finfo(value.dtype).eps)
        return (-bound <= value) & (value <= bound)


class _SoftplusPositive(type(positive)):  # type: ignore[misc]
    """Positive numbers, reached from the reals by softplus instead of exp."""

    def __init__(self) -> None:
        super().__init__(lower_bound=0.0)


class _SoftplusLowerCholesky(type(lower_cholesky)):  # type: ignore[misc]
    """Lower Cholesky factors whose diagonal is reached by softplus instead of exp."""


class _UnitLowerCholesky(Constraint):
    """Lower triangular matrices with unit diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        triangular = (value.tril() == value).flatten(-2).all(-1)
        unit = (value.diagonal(dim1=-2, dim2=-1) == 1).all(-1)
        return triangular & unit


def positive_vector_check(value: Tensor) -> Tensor:
    """Whether each vector along the last dimension has only positive entries."""
    return (value > 0).all(-1)


integer = _Integer()
corr_matrix = _CorrMatrix()
ordered_vector = _OrderedVector()
positive_ordered_vector = _PositiveOrderedVector()
sphere = _Sphere()
circular = _Circular()
sum_to_zero = _SumToZero()
sum_to_zero_within = _SumToZeroWithin
softplus_positive = _SoftplusPositive()
softplus_lower_cholesky = _SoftplusLowerCholesky()
unit_lower_cholesky = _UnitLowerCholesky()
corr_cholesky_constraint = corr_cholesky  # deprecated name

__all__ = [
    "Constraint",
    "MixtureSameFamilyConstraint",
    "boolean",
    "cat",
    "circular",
    "corr_cholesky",
    "corr_cholesky_constraint",
    "corr_matrix",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "ordered_vector",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_ordered_vector",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "softplus_lower_cholesky",
    "softplus_positive",
    "sphere",
    "square",
    "stack",
    "sum_to_zero",
    "sum_to_zero_within",
    "symmetric",
    "unit_interval",
    "unit_lower_cholesky",
]
