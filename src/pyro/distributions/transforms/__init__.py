"""Transforms of random variables: torch's and ours. Flows are imported when first used."""

from typing import TYPE_CHECKING

from torch.distributions import biject_to, transform_to
from torch.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)

from pyro.distributions.transforms import registry
from pyro.distributions.transforms.cholesky import (
    CholeskyTransform,
    CorrLCholeskyTransform,
    CorrMatrixCholeskyTransform,
    SoftplusLowerCholeskyTransform,
    UnitLowerCholeskyTransform,
)
from pyro.distributions.transforms.circular import CircularTransform
from pyro.distributions.transforms.discrete_cosine import DiscreteCosineTransform
from pyro.distributions.transforms.haar import HaarTransform
from pyro.distributions.transforms.lower_cholesky_affine import LowerCholeskyAffine
from pyro.distributions.transforms.normalize import Normalize
from pyro.distributions.transforms.ordered import OrderedTransform
from pyro.distributions.transforms.positive_power import PositivePowerTransform
from pyro.distributions.transforms.simplex_to_ordered import SimplexToOrderedTransform
from pyro.distributions.transforms.softplus import SoftplusTransform
from pyro.distributions.transforms.sum_to_zero import SumToZeroTransform
from pyro.distributions.transforms.transform_module import (
    ComposeTransformModule,
    ConditionalComposeTransformModule,
    iterated,
)
from pyro.first_use import imports_on_first_use

if TYPE_CHECKING:
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
    "AbsTransform",
    "AffineAutoregressive",
    "AffineCoupling",
    "AffineTransform",
    "BatchNorm",
    "BlockAutoregressive",
    "CatTransform",
    "CholeskyTransform",
    "CircularTransform",
    "ComposeTransform",
    "ComposeTransformModule",
    "ConditionalAffineAutoregressive",
    "ConditionalAffineCoupling",
    "ConditionalComposeTransformModule",
    "ConditionalGeneralizedChannelPermute",
    "ConditionalHouseholder",
    "ConditionalMatrixExponential",
    "ConditionalNeuralAutoregressive",
    "ConditionalPlanar",
    "ConditionalRadial",
    "ConditionalSpline",
    "ConditionalSplineAutoregressive",
    "CorrCholeskyTransform",
    "CorrLCholeskyTransform",
    "CorrMatrixCholeskyTransform",
    "CumulativeDistributionTransform",
    "DiscreteCosineTransform",
    "ELUTransform",
    "ExpTransform",
    "GeneralizedChannelPermute",
    "HaarTransform",
    "Householder",
    "IndependentTransform",
    "LeakyReLUTransform",
    "LowerCholeskyAffine",
    "LowerCholeskyTransform",
    "MatrixExponential",
    "NeuralAutoregressive",
    "Normalize",
    "OrderedTransform",
    "Permute",
    "Planar",
    "Polynomial",
    "PositiveDefiniteTransform",
    "PositivePowerTransform",
    "PowerTransform",
    "Radial",
    "ReshapeTransform",
    "SigmoidTransform",
    "SimplexToOrderedTransform",
    "SoftmaxTransform",
    "SoftplusLowerCholeskyTransform",
    "SoftplusTransform",
    "Spline",
    "SplineAutoregressive",
    "SplineCoupling",
    "StackTransform",
    "StickBreakingTransform",
    "SumToZeroTransform",
    "Sylvester",
    "TanhTransform",
    "Transform",
    "UnitLowerCholeskyTransform",
    "affine_autoregressive",
    "affine_coupling",
    "batchnorm",
    "biject_to",
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
    "identity_transform",
    "iterated",
    "leaky_relu",
    "matrix_exponential",
    "neural_autoregressive",
    "permute",
    "planar",
    "polynomial",
    "radial",
    "registry",
    "spline",
    "spline_autoregressive",
    "spline_coupling",
    "sylvester",
    "transform_to",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "AffineAutoregressive": "flows.affine_autoregressive",
        "AffineCoupling": "flows.affine_coupling",
        "BatchNorm": "flows.batch_norm",
        "BlockAutoregressive": "flows.block_autoregressive",
        "ConditionalAffineAutoregressive": "flows.affine_autoregressive",
        "ConditionalAffineCoupling": "flows.affine_coupling",
        "ConditionalGeneralizedChannelPermute": "flows.generalized_channel_permute",
        "ConditionalHouseholder": "flows.householder",
        "ConditionalMatrixExponential": "flows.matrix_exponential",
        "ConditionalNeuralAutoregressive": "flows.neural_autoregressive",
        "ConditionalPlanar": "flows.planar",
        "ConditionalRadial": "flows.radial",
        "ConditionalSpline": "flows.spline",
        "ConditionalSplineAutoregressive": "flows.spline_autoregressive",
        "ELUTransform": "flows.elu",
        "GeneralizedChannelPermute": "flows.generalized_channel_permute",
        "Householder": "flows.householder",
        "LeakyReLUTransform": "flows.leaky_relu",
        "MatrixExponential": "flows.matrix_exponential",
        "NeuralAutoregressive": "flows.neural_autoregressive",
        "Permute": "flows.permute",
        "Planar": "flows.planar",
        "Polynomial": "flows.polynomial",
        "Radial": "flows.radial",
        "Spline": "flows.spline",
        "SplineAutoregressive": "flows.spline_autoregressive",
        "SplineCoupling": "flows.spline_coupling",
        "Sylvester": "flows.sylvester",
        "affine_autoregressive": "flows.affine_autoregressive",
        "affine_coupling": "flows.affine_coupling",
        "batchnorm": "flows.batch_norm",
        "block_autoregressive": "flows.block_autoregressive",
        "conditional_affine_autoregressive": "flows.affine_autoregressive",
        "conditional_affine_coupling": "flows.affine_coupling",
        "conditional_generalized_channel_permute": "flows.generalized_channel_permute",
        "conditional_householder": "flows.householder",
        "conditional_matrix_exponential": "flows.matrix_exponential",
        "conditional_neural_autoregressive": "flows.neural_autoregressive",
        "conditional_planar": "flows.planar",
        "conditional_radial": "flows.radial",
        "conditional_spline": "flows.spline",
        "conditional_spline_autoregressive": "flows.spline_autoregressive",
        "elu": "flows.elu",
        "generalized_channel_permute": "flows.generalized_channel_permute",
        "householder": "flows.householder",
        "leaky_relu": "flows.leaky_relu",
        "matrix_exponential": "flows.matrix_exponential",
        "neural_autoregressive": "flows.neural_autoregressive",
        "permute": "flows.permute",
        "planar": "flows.planar",
        "polynomial": "flows.polynomial",
        "radial": "flows.radial",
        "spline": "flows.spline",
        "spline_autoregressive": "flows.spline_autoregressive",
        "spline_coupling": "flows.spline_coupling",
        "sylvester": "flows.sylvester",
    }.__getitem__,
)
