"""The documented path of the guides over sites and over one vector."""

from __future__ import annotations

from pyro.infer.autoguide.auto_callable import AutoCallable
from pyro.infer.autoguide.auto_continuous import AutoContinuous
from pyro.infer.autoguide.auto_delta import AutoDelta
from pyro.infer.autoguide.auto_diagonal_normal import AutoDiagonalNormal
from pyro.infer.autoguide.auto_discrete_parallel import AutoDiscreteParallel
from pyro.infer.autoguide.auto_guide import AutoGuide
from pyro.infer.autoguide.auto_guide_list import AutoGuideList
from pyro.infer.autoguide.auto_iaf_normal import AutoIAFNormal
from pyro.infer.autoguide.auto_laplace_approximation import AutoLaplaceApproximation
from pyro.infer.autoguide.auto_low_rank_multivariate_normal import AutoLowRankMultivariateNormal
from pyro.infer.autoguide.auto_multivariate_normal import AutoMultivariateNormal
from pyro.infer.autoguide.auto_normal import AutoNormal
from pyro.infer.autoguide.auto_normalizing_flow import AutoNormalizingFlow

__all__ = [
    "AutoCallable",
    "AutoContinuous",
    "AutoDelta",
    "AutoDiagonalNormal",
    "AutoDiscreteParallel",
    "AutoGuide",
    "AutoGuideList",
    "AutoIAFNormal",
    "AutoLaplaceApproximation",
    "AutoLowRankMultivariateNormal",
    "AutoMultivariateNormal",
    "AutoNormal",
    "AutoNormalizingFlow",
]
