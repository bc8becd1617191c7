"""Cases of families over vectors and matrices."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import pyro.distributions as dist
from tests.laws.distribution_case import Case, row

_TRIL = [[1.2, 0.0], [0.4, 0.8]]
_UNIT = [[1.0, 0.0], [0.0, 1.0]]
_TRIL_3 = [[1.0, 0.0, 0.0], [-0.5, 0.7, 0.0], [0.3, 0.2, 1.5]]
_COV = [[2.0, 0.5], [0.5, 1.0]]


def _renamed_lkj(eta: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return dist.LKJCorrCholesky(3, eta)


MULTIVARIATE: list[Case] = [
    row("multivariate-student", "MultivariateStudentT", df=9.0, loc=[0.5, -1.0], scale_tril=_TRIL),
    row(
        "multivariate-cauchy",
        "MultivariateStudentT",
        df=1.0,
        loc=[0.5, -1.0, 3.0],
        scale_tril=_TRIL_3,
    ),
    row(
        "matrix-normal",
        "MatrixNormal",
        loc=[[0.5, -1.0, 2.0], [0.0, 3.0, 1.0]],
        scale_tril_row=_TRIL,
        scale_tril_column=_TRIL_3,
    ),
    row(
        "nan-masked-mvn-tril",
        "NanMaskedMultivariateNormal",
        loc=[0.5, -1.0],
        scale_tril=_TRIL,
    ),
    row(
        "nan-masked-mvn-cov",
        "NanMaskedMultivariateNormal",
        loc=[0.5, -1.0],
        covariance_matrix=_COV,
    ),
    row(
        "nan-masked-mvn-prec",
        "NanMaskedMultivariateNormal",
        loc=[0.5, -1.0],
        precision_matrix=_COV,
    ),
    row(
        "grouped-normal-normal",
        "GroupedNormalNormal",
        prior_loc=[0.5, -1.0, 2.0],
        prior_scale=[1.0, 0.3, 2.0],
        obs_scale=[0.5, 1.0, 1.5, 0.7],
        group_idx=np.array([1, 0, 1, 1]),
        static=("group_idx",),
    ),
    row("omt-mvn", "OMTMultivariateNormal", loc=[0.5, -1.0], scale_tril=_TRIL),
    row("omt-mvn-round", "OMTMultivariateNormal", loc=[0.5, -1.0], scale_tril=_UNIT),
    Case(
        "avf-mvn",
        dist.AVFMultivariateNormal,
        {"loc": [0.5, -1.0], "scale_tril": _TRIL, "control_var": [[[0.5, -1.0]], [[2.0, 0.3]]]},
        event_dims={"loc": 1, "scale_tril": 2, "control_var": 3},
    ),
    row(
        "mixture-of-diag-normals",
        "MixtureOfDiagNormals",
        locs=[[0.5, -1.0], [1.5, 0.0], [-1.0, 0.7]],
        coord_scale=[[0.5, 1.0], [1.2, 0.4], [0.5, 0.8]],
        component_logits=[0.3, -0.2, 0.5],
    ),
    row(
        "mixture-of-diag-normals-one-place",
        "MixtureOfDiagNormals",
        locs=[[0.5, -1.0], [0.5, -1.0]],
        coord_scale=[[0.5, 1.0], [1.2, 0.4]],
        component_logits=[0.3, -0.2],
    ),
    row(
        "mixture-of-diag-normals-shared",
        "MixtureOfDiagNormalsSharedCovariance",
        locs=[[0.5, -1.0], [1.5, 0.0], [-1.0, 0.7], [-1.0, 0.7]],
        coord_scale=[0.5, 0.8],
        component_logits=[0.3, -0.2, 0.5, 0.0],
    ),
    row(
        "mixture-of-one-normal",
        "MixtureOfDiagNormalsSharedCovariance",
        locs=[[0.5, -1.0, 2.0]],
        coord_scale=[0.5, 0.8, 1.0],
        component_logits=[0.3],
    ),
    row(
        "gaussian-scale-mixture",
        "GaussianScaleMixture",
        coord_scale=[0.5, 0.8],
        component_logits=[0.3, -0.2, 0.0],
        component_scale=[0.6, 1.0, 2.5],
    ),
    row(
        "gaussian-scale-mixture-3",
        "GaussianScaleMixture",
        coord_scale=[0.5, 0.8, 1.5],
        component_logits=[0.3, -0.2],
        component_scale=[0.6, 2.5],
    ),
    row("lkj-matrix", "LKJ", dim=3, concentration=1.5, static=("dim",)),
    row("lkj-pair", "LKJ", dim=2, concentration=0.6, static=("dim",)),
    Case("lkj-corr-cholesky", _renamed_lkj, {"eta": 1.5}),
]
