"""Distributions over tensors: families, constraints and transforms.

What stands under ``TYPE_CHECKING`` is imported when it is first used, from the file named after it.
"""

from typing import TYPE_CHECKING

from torch.distributions import biject_to, kl_divergence, register_kl, transform_to

from pyro.distributions import constraints, kl, transforms
from pyro.distributions import torch as torch
from pyro.distributions.bernoulli import Bernoulli
from pyro.distributions.beta import Beta
from pyro.distributions.binomial import Binomial
from pyro.distributions.categorical import Categorical
from pyro.distributions.conditional import (
    ConditionalDistribution,
    ConditionalTransformedDistribution,
)
from pyro.distributions.delta import Delta
from pyro.distributions.dirichlet import Dirichlet
from pyro.distributions.distribution import Distribution
from pyro.distributions.empirical import Empirical
from pyro.distributions.exponential import Exponential
from pyro.distributions.gamma import Gamma
from pyro.distributions.half_cauchy import HalfCauchy
from pyro.distributions.half_normal import HalfNormal
from pyro.distributions.improper_uniform import ImproperUniform
from pyro.distributions.independent import Independent
from pyro.distributions.log_normal import LogNormal
from pyro.distributions.low_rank_multivariate_normal import LowRankMultivariateNormal
from pyro.distributions.normal import Normal
from pyro.distributions.poisson import Poisson
from pyro.distributions.score_parts import ScoreParts
from pyro.distributions.torch import *  # noqa: F403 (and what newer torch adds)
from pyro.distributions.torch import (
    Cauchy,
    Chi2,
    ContinuousBernoulli,
    ExponentialFamily,
    FisherSnedecor,
    Geometric,
    Gumbel,
    InverseGamma,
    Kumaraswamy,
    Laplace,
    LKJCholesky,
    LogisticNormal,
    MixtureSameFamily,
    Multinomial,
    MultivariateNormal,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Pareto,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    StudentT,
    TransformedDistribution,
    VonMises,
    Weibull,
)
from pyro.distributions.torch_distribution import (
    ExpandedDistribution,
    MaskedDistribution,
    TorchDistribution,
    TorchDistributionMixin,
)
from pyro.distributions.transforms.conditional import ConditionalTransform
from pyro.distributions.transforms.transform_module import (
    ComposeTransformModule,
    ConditionalTransformModule,
    TransformModule,
)
from pyro.distributions.uniform import Uniform
from pyro.distributions.unit import Unit
from pyro.distributions.util import (
    enable_validation,
    is_validation_enabled,
    validation_enabled,
)
from pyro.distributions.wishart import Wishart
from pyro.first_use import imports_on_first_use

if TYPE_CHECKING:
    from pyro.distributions.affine_beta import AffineBeta
    from pyro.distributions.asymmetric_laplace import AsymmetricLaplace
    from pyro.distributions.auto_regressive import AutoRegressive
    from pyro.distributions.avf_multivariate_normal import AVFMultivariateNormal
    from pyro.distributions.beta_binomial import BetaBinomial
    from pyro.distributions.car import CAR
    from pyro.distributions.censored import Censored
    from pyro.distributions.coalescent_rate_likelihood import CoalescentRateLikelihood
    from pyro.distributions.coalescent_times import CoalescentTimes
    from pyro.distributions.coalescent_times_with_rate import CoalescentTimesWithRate
    from pyro.distributions.dirichlet_multinomial import DirichletMultinomial
    from pyro.distributions.discrete_hmm import DiscreteHMM
    from pyro.distributions.discrete_weibull import DiscreteWeibull
    from pyro.distributions.exponentially_modified_gaussian import ExponentiallyModifiedGaussian
    from pyro.distributions.extended_beta_binomial import ExtendedBetaBinomial
    from pyro.distributions.extended_binomial import ExtendedBinomial
    from pyro.distributions.folded_distribution import FoldedDistribution
    from pyro.distributions.gamma_gaussian_hmm import GammaGaussianHMM
    from pyro.distributions.gamma_poisson import GammaPoisson
    from pyro.distributions.gaussian_hmm import GaussianHMM
    from pyro.distributions.gaussian_mrf import GaussianMRF
    from pyro.distributions.gaussian_process import GaussianProcess
    from pyro.distributions.gaussian_random_walk import GaussianRandomWalk
    from pyro.distributions.gaussian_scale_mixture import GaussianScaleMixture
    from pyro.distributions.generalized_pareto import GeneralizedPareto
    from pyro.distributions.grouped_normal_normal import GroupedNormalNormal
    from pyro.distributions.hurdle import Hurdle
    from pyro.distributions.icar import ICAR
    from pyro.distributions.independent_hmm import IndependentHMM
    from pyro.distributions.linear_hmm import LinearHMM
    from pyro.distributions.lkj import LKJ
    from pyro.distributions.lkj_corr_cholesky import LKJCorrCholesky
    from pyro.distributions.log_normal_negative_binomial import LogNormalNegativeBinomial
    from pyro.distributions.logistic import Logistic
    from pyro.distributions.masked_mixture import MaskedMixture
    from pyro.distributions.matrix_normal import MatrixNormal
    from pyro.distributions.mixture import Mixture
    from pyro.distributions.mixture_of_diag_normals import MixtureOfDiagNormals
    from pyro.distributions.mixture_of_diag_normals_shared_covariance import (
        MixtureOfDiagNormalsSharedCovariance,
    )
    from pyro.distributions.multivariate_student_t import MultivariateStudentT
    from pyro.distributions.nan_masked_multivariate_normal import NanMaskedMultivariateNormal
    from pyro.distributions.nan_masked_normal import NanMaskedNormal
    from pyro.distributions.omt_multivariate_normal import OMTMultivariateNormal
    from pyro.distributions.one_one_matching import OneOneMatching
    from pyro.distributions.one_two_matching import OneTwoMatching
    from pyro.distributions.ordered_logistic import OrderedLogistic
    from pyro.distributions.ordered_probit import OrderedProbit
    from pyro.distributions.projected_normal import ProjectedNormal
    from pyro.distributions.rejector import Rejector
    from pyro.distributions.relaxed_bernoulli_straight_through import (
        RelaxedBernoulliStraightThrough,
    )
    from pyro.distributions.relaxed_one_hot_categorical_straight_through import (
        RelaxedOneHotCategoricalStraightThrough,
    )
    from pyro.distributions.sine_bivariate_von_mises import SineBivariateVonMises
    from pyro.distributions.sine_skewed import SineSkewed
    from pyro.distributions.skellam import Skellam
    from pyro.distributions.skew_logistic import SkewLogistic
    from pyro.distributions.skew_normal import SkewNormal
    from pyro.distributions.soft_asymmetric_laplace import SoftAsymmetricLaplace
    from pyro.distributions.soft_laplace import SoftLaplace
    from pyro.distributions.spanning_tree import SpanningTree
    from pyro.distributions.stable import Stable
    from pyro.distributions.stable_with_log_prob import StableWithLogProb
    from pyro.distributions.stick_breaking_weights import StickBreakingWeights
    from pyro.distributions.truncated import Truncated
    from pyro.distributions.truncated_polya_gamma import TruncatedPolyaGamma
    from pyro.distributions.von_mises_3d import VonMises3D
    from pyro.distributions.wald import Wald
    from pyro.distributions.zero_inflated_distribution import ZeroInflatedDistribution
    from pyro.distributions.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial
    from pyro.distributions.zero_inflated_poisson import ZeroInflatedPoisson
    from pyro.distributions.zero_one_inflated import ZeroOneInflated

__all__ = [
    "CAR",
    "ICAR",
    "LKJ",
    "AVFMultivariateNormal",
    "AffineBeta",
    "AsymmetricLaplace",
    "AutoRegressive",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Censored",
    "Chi2",
    "CoalescentRateLikelihood",
    "CoalescentTimes",
    "CoalescentTimesWithRate",
    "ComposeTransformModule",
    "ConditionalDistribution",
    "ConditionalTransform",
    "ConditionalTransformModule",
    "ConditionalTransformedDistribution",
    "ContinuousBernoulli",
    "Delta",
    "Dirichlet",
    "DirichletMultinomial",
    "DiscreteHMM",
    "DiscreteWeibull",
    "Distribution",
    "Empirical",
    "ExpandedDistribution",
    "Exponential",
    "ExponentialFamily",
    "ExponentiallyModifiedGaussian",
    "ExtendedBetaBinomial",
    "ExtendedBinomial",
    "FisherSnedecor",
    "FoldedDistribution",
    "Gamma",
    "GammaGaussianHMM",
    "GammaPoisson",
    "GaussianHMM",
    "GaussianMRF",
    "GaussianProcess",
    "GaussianRandomWalk",
    "GaussianScaleMixture",
    "GeneralizedPareto",
    "Geometric",
    "GroupedNormalNormal",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Hurdle",
    "ImproperUniform",
    "Independent",
    "IndependentHMM",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "LKJCorrCholesky",
    "Laplace",
    "LinearHMM",
    "LogNormal",
    "LogNormalNegativeBinomial",
    "Logistic",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "MaskedDistribution",
    "MaskedMixture",
    "MatrixNormal",
    "Mixture",
    "MixtureOfDiagNormals",
    "MixtureOfDiagNormalsSharedCovariance",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NanMaskedMultivariateNormal",
    "NanMaskedNormal",
    "NegativeBinomial",
    "Normal",
    "OMTMultivariateNormal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "OneOneMatching",
    "OneTwoMatching",
    "OrderedLogistic",
    "OrderedProbit",
    "Pareto",
    "Poisson",
    "ProjectedNormal",
    "Rejector",
    "RelaxedBernoulli",
    "RelaxedBernoulliStraightThrough",
    "RelaxedOneHotCategorical",
    "RelaxedOneHotCategoricalStraightThrough",
    "ScoreParts",
    "SineBivariateVonMises",
    "SineSkewed",
    "Skellam",
    "SkewLogistic",
    "SkewNormal",
    "SoftAsymmetricLaplace",
    "SoftLaplace",
    "SpanningTree",
    "Stable",
    "StableWithLogProb",
    "StickBreakingWeights",
    "StudentT",
    "TorchDistribution",
    "TorchDistributionMixin",
    "TransformModule",
    "TransformedDistribution",
    "Truncated",
    "TruncatedPolyaGamma",
    "Uniform",
    "Unit",
    "VonMises",
    "VonMises3D",
    "Wald",
    "Weibull",
    "Wishart",
    "ZeroInflatedDistribution",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "ZeroOneInflated",
    "biject_to",
    "constraints",
    "enable_validation",
    "is_validation_enabled",
    "kl",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "transforms",
    "validation_enabled",
]

__getattr__, __dir__ = imports_on_first_use(__name__)
