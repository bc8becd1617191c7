"""Which transform reaches which constraint: entries in torch's own registries."""

from __future__ import annotations

import math
from typing import Any

from torch.distributions import biject_to, transform_to
from torch.distributions import transforms as tt

from pyro.distributions import constraints
from pyro.distributions.transforms.cholesky import (
    CholeskyTransform,
    CorrMatrixCholeskyTransform,
    SoftplusLowerCholeskyTransform,
    UnitLowerCholeskyTransform,
)
from pyro.distributions.transforms.circular import CircularTransform
from pyro.distributions.transforms.normalize import Normalize
from pyro.distributions.transforms.ordered import OrderedTransform
from pyro.distributions.transforms.softplus import SoftplusTransform
from pyro.distributions.transforms.sum_to_zero import SumToZeroTransform
from pyro.distributions.transforms.sum_to_zero_within import SumToZeroWithinTransform


@biject_to.register(constraints.softplus_positive)
@transform_to.register(constraints.softplus_positive)
def _softplus_positive(constraint: Any) -> Any:
    return SoftplusTransform()


@biject_to.register(constraints.softplus_lower_cholesky)
@transform_to.register(constraints.softplus_lower_cholesky)
def _softplus_lower_cholesky(constraint: Any) -> Any:
    return SoftplusLowerCholeskyTransform()


@biject_to.register(constraints.unit_lower_cholesky)
@transform_to.register(constraints.unit_lower_cholesky)
def _unit_lower_cholesky(constraint: Any) -> Any:
    return UnitLowerCholeskyTransform()


@biject_to.register(constraints.corr_matrix)
@transform_to.register(constraints.corr_matrix)
def _corr_matrix(constraint: Any) -> Any:
    factor = tt.CorrCholeskyTransform()
    return tt.ComposeTransform([factor, CorrMatrixCholeskyTransform().inv])


@biject_to.register(constraints.positive_definite)
def _positive_definite(constraint: Any) -> Any:
    return tt.ComposeTransform([tt.LowerCholeskyTransform(), CholeskyTransform().inv])


@biject_to.register(constraints.ordered_vector)
@transform_to.register(constraints.ordered_vector)
def _ordered_vector(constraint: Any) -> Any:
    return OrderedTransform()


@biject_to.register(constraints.positive_ordered_vector)
@transform_to.register(constraints.positive_ordered_vector)
def _positive_ordered_vector(constraint: Any) -> Any:
    return tt.ComposeTransform([OrderedTransform(), tt.ExpTransform()])


@biject_to.register(constraints.sphere)
@transform_to.register(constraints.sphere)
def _sphere(constraint: Any) -> Any:
    return Normalize()


@biject_to.register(constraints.sum_to_zero)
@transform_to.register(constraints.sum_to_zero)
def _sum_to_zero(constraint: Any) -> Any:
    return SumToZeroTransform()


@biject_to.register(constraints.sum_to_zero_within)
@transform_to.register(constraints.sum_to_zero_within)
def _sum_to_zero_within(constraint: Any) -> Any:
    return SumToZeroWithinTransform(constraint.groups)


@transform_to.register(constraints.circular)
def _wound_circle(constraint: Any) -> Any:
    return CircularTransform()


@biject_to.register(constraints.circular)
def _cut_circle(constraint: Any) -> Any:
    return biject_to(constraints.interval(-math.pi, math.pi))


@biject_to.register(constraints.MixtureSameFamilyConstraint)
@transform_to.register(constraints.MixtureSameFamilyConstraint)
def _mixture(constraint: Any) -> Any:
    """That of one component; the bounds of its support must not differ between components."""
    return biject_to(constraint.base_constraint)
