"""Reparameterisers: sites as functions of others that are easier to infer.

What stands under ``TYPE_CHECKING`` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyro.first_use import imports_on_first_use
from pyro.infer.reparam.errors import ReparamError
from pyro.infer.reparam.reparam import Reparam

if TYPE_CHECKING:
    from pyro.infer.reparam.circular import CircularReparam
    from pyro.infer.reparam.conjugate import ConjugateReparam
    from pyro.infer.reparam.discrete_cosine import DiscreteCosineReparam
    from pyro.infer.reparam.haar import HaarReparam
    from pyro.infer.reparam.hmm import LinearHMMReparam
    from pyro.infer.reparam.latent_stable import LatentStableReparam
    from pyro.infer.reparam.loc_scale import LocScaleReparam
    from pyro.infer.reparam.loc_scale_families import register_loc_scale
    from pyro.infer.reparam.neutra import NeuTraReparam
    from pyro.infer.reparam.projected_normal import ProjectedNormalReparam
    from pyro.infer.reparam.softmax import GumbelSoftmaxReparam
    from pyro.infer.reparam.split import SplitReparam
    from pyro.infer.reparam.stable import StableReparam
    from pyro.infer.reparam.strategies import AutoReparam, MinimalReparam, Strategy
    from pyro.infer.reparam.structured import StructuredReparam
    from pyro.infer.reparam.studentt import StudentTReparam
    from pyro.infer.reparam.symmetric_stable import SymmetricStableReparam
    from pyro.infer.reparam.transform import TransformReparam
    from pyro.infer.reparam.unit_jacobian import UnitJacobianReparam

__all__ = [
    "AutoReparam",
    "CircularReparam",
    "ConjugateReparam",
    "DiscreteCosineReparam",
    "GumbelSoftmaxReparam",
    "HaarReparam",
    "LatentStableReparam",
    "LinearHMMReparam",
    "LocScaleReparam",
    "MinimalReparam",
    "NeuTraReparam",
    "ProjectedNormalReparam",
    "Reparam",
    "ReparamError",
    "SplitReparam",
    "StableReparam",
    "Strategy",
    "StructuredReparam",
    "StudentTReparam",
    "SymmetricStableReparam",
    "TransformReparam",
    "UnitJacobianReparam",
    "register_loc_scale",
]

__getattr__, __dir__ = imports_on_first_use(
    __name__,
    {
        "AutoReparam": "strategies",
        "CircularReparam": "circular",
        "ConjugateReparam": "conjugate",
        "DiscreteCosineReparam": "discrete_cosine",
        "GumbelSoftmaxReparam": "softmax",
        "HaarReparam": "haar",
        "LatentStableReparam": "latent_stable",
        "LinearHMMReparam": "hmm",
        "LocScaleReparam": "loc_scale",
        "MinimalReparam": "strategies",
        "NeuTraReparam": "neutra",
        "ProjectedNormalReparam": "projected_normal",
        "SplitReparam": "split",
        "StableReparam": "stable",
        "Strategy": "strategies",
        "StructuredReparam": "structured",
        "StudentTReparam": "studentt",
        "SymmetricStableReparam": "symmetric_stable",
        "TransformReparam": "transform",
        "UnitJacobianReparam": "unit_jacobian",
        "register_loc_scale": "loc_scale_families",
    }.__getitem__,
)
