"""Guides that are made from a model.

What stands under ``TYPE_CHECKING`` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use, snake_case
from pyro.infer.model.initialization import (
    InitMessenger,
    init_to_feasible,
    init_to_generated,
    init_to_mean,
    init_to_median,
    init_to_sample,
    init_to_uniform,
    init_to_value,
)

if TYPE_CHECKING:
    from pyro.infer.autoguide.auto_callable import AutoCallable
    from pyro.infer.autoguide.auto_continuous import AutoContinuous
    from pyro.infer.autoguide.auto_delta import AutoDelta
    from pyro.infer.autoguide.auto_diagonal_normal import AutoDiagonalNormal
    from pyro.infer.autoguide.auto_discrete_parallel import AutoDiscreteParallel
    from pyro.infer.autoguide.auto_gaussian import AutoGaussian
    from pyro.infer.autoguide.auto_guide import AutoGuide
    from pyro.infer.autoguide.auto_guide_list import AutoGuideList
    from pyro.infer.autoguide.auto_hierarchical_normal_messenger import (
        AutoHierarchicalNormalMessenger,
    )
    from pyro.infer.autoguide.auto_iaf_normal import AutoIAFNormal
    from pyro.infer.autoguide.auto_laplace_approximation import AutoLaplaceApproximation
    from pyro.infer.autoguide.auto_low_rank_multivariate_normal import AutoLowRankMultivariateNormal
    from pyro.infer.autoguide.auto_messenger import AutoMessenger
    from pyro.infer.autoguide.auto_multivariate_normal import AutoMultivariateNormal
    from pyro.infer.autoguide.auto_normal import AutoNormal
    from pyro.infer.autoguide.auto_normal_messenger import AutoNormalMessenger
    from pyro.infer.autoguide.auto_normalizing_flow import AutoNormalizingFlow
    from pyro.infer.autoguide.auto_regressive_messenger import AutoRegressiveMessenger
    from pyro.infer.autoguide.auto_structured import AutoStructured
    from pyro.infer.autoguide.utils import mean_field_entropy

__all__ = [
    "AutoCallable",
    "AutoContinuous",
    "AutoDelta",
    "AutoDiagonalNormal",
    "AutoDiscreteParallel",
    "AutoGaussian",
    "AutoGuide",
    "AutoGuideList",
    "AutoHierarchicalNormalMessenger",
    "AutoIAFNormal",
    "AutoLaplaceApproximation",
    "AutoLowRankMultivariateNormal",
    "AutoMessenger",
    "AutoMultivariateNormal",
    "AutoNormal",
    "AutoNormalMessenger",
    "AutoNormalizingFlow",
    "AutoRegressiveMessenger",
    "AutoStructured",
    "InitMessenger",
    "init_to_feasible",
    "init_to_generated",
    "init_to_mean",
    "init_to_median",
    "init_to_sample",
    "init_to_uniform",
    "init_to_value",
    "mean_field_entropy",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__, lambda name: "utils" if name == "mean_field_entropy" else snake_case(name)
)
