"""Normalizing flows: transforms with parameters that are learnt."""

from pyro.distributions.transforms.flows.affine_autoregressive import (
    AffineAutoregressive,
    ConditionalAffineAutoregressive,
    affine_autoregressive,
    conditional_affine_autoregressive,
)
from pyro.distributions.transforms.flows.affine_coupling import (
    AffineCoupling,
    ConditionalAffineCoupling,
    affine_coupling,
    conditional_affine_coupling,
)
from pyro.distributions.transforms.flows.batch_norm import BatchNorm, batchnorm
from pyro.distributions.transforms.flows.block_autoregressive import (
    BlockAutoregressive,
    block_autoregressive,
)
from pyro.distributions.transforms.flows.elu import ELUTransform, elu
from pyro.distributions.transforms.flows.generalized_channel_permute import (
    ConditionalGeneralizedChannelPermute,
    GeneralizedChannelPermute,
    conditional_generalized_channel_permute,
    generalized_channel_permute,
)
from pyro.distributions.transforms.flows.householder import (
    ConditionalHouseholder,
    Householder,
    conditional_householder,
    householder,
)
from pyro.distributions.transforms.flows.leaky_relu import LeakyReLUTransform, leaky_relu
from pyro.distributions.transforms.flows.matrix_exponential import (
    ConditionalMatrixExponential,
    MatrixExponential,
    conditional_matrix_exponential,
    matrix_exponential,
)
from pyro.distributions.transforms.flows.neural_autoregressive import (
    ConditionalNeuralAutoregressive,
    NeuralAutoregressive,
    conditional_neural_autoregressive,
    neural_autoregressive,
)
from pyro.distributions.transforms.flows.permute import Permute, permute
from pyro.distributions.transforms.flows.planar import (
    ConditionalPlanar,
    Planar,
    conditional_planar,
    planar,
)
from pyro.distributions.transforms.flows.polynomial import Polynomial, polynomial
from pyro.distributions.transforms.flows.radial import (
    ConditionalRadial,
    Radial,
    conditional_radial,
    radial,
)
from pyro.distributions.transforms.flows.spline import (
    ConditionalSpline,
    Spline,
    conditional_spline,
    spline,
)
from pyro.distributions.transforms.flows.spline_autoregressive import (
    ConditionalSplineAutoregressive,
    SplineAutoregressive,
    conditional_spline_autoregressive,
    spline_autoregressive,
)
from pyro.distributions.transforms.flows.spline_coupling import SplineCoupling, spline_coupling
from pyro.distributions.transforms.flows.sylvester import Sylvester, sylvester

__all__ = [
    "AffineAutoregressive",
    "AffineCoupling",
    "BatchNorm",
    "BlockAutoregressive",
    "ConditionalAffineAutoregressive",
    "ConditionalAffineCoupling",
    "ConditionalGeneralizedChannelPermute",
    "ConditionalHouseholder",
    "ConditionalMatrixExponential",
    "ConditionalNeuralAutoregressive",
    "ConditionalPlanar",
    "ConditionalRadial",
    "ConditionalSpline",
    "ConditionalSplineAutoregressive",
    "ELUTransform",
    "GeneralizedChannelPermute",
    "Householder",
    "LeakyReLUTransform",
    "MatrixExponential",
    "NeuralAutoregressive",
    "Permute",
    "Planar",
    "Polynomial",
    "Radial",
    "Spline",
    "SplineAutoregressive",
    "SplineCoupling",
    "Sylvester",
    "affine_autoregressive",
    "affine_coupling",
    "batchnorm",
    "block_autoregressive",
    "conditional_affine_autoregressive",
    "conditional_affine_coupling",
    "conditional_generalized_channel_permute",
    "conditional_householder",
    "conditional_matrix_exponential",
    "conditional_neural_autoregressive",
    "conditional_planar",
    "conditional_radial",
    "conditional_spline",
    "conditional_spline_autoregressive",
    "elu",
    "generalized_channel_permute",
    "householder",
    "leaky_relu",
    "matrix_exponential",
    "neural_autoregressive",
    "permute",
    "planar",
    "polynomial",
    "radial",
    "spline",
    "spline_autoregressive",
    "spline_coupling",
    "sylvester",
]
